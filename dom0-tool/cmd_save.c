// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "copier.h"
#include "domain_xen.h"
#include "lock.h"
#include "msg.h"
#include "save.h"
#include "save_report.h"
#include "signals.h"
#include "staging.h"

/* Park time-outs in milliseconds; the module clamps deadlines to 60 s (control.h). */
#define SAVE_PARK_TIMEOUT_MS 10000
#define SAVE_DEADLINE_MS 5000
#define SAVE_DEADLINE_MAX_MS (STILLPOINT_DEADLINE_MAX_US / 1000)

#define SAVE_ROUNDS 10
#define SAVE_PAUSE_MAX_MS 3600000

static const char save_help[] =
	"usage: stillpoint save [options] DOMAIN FILE\n"
	"\n"
	"Save the running PV guest DOMAIN (a name or a number) to FILE, in the layout\n"
	"that 'xl restore' reads. The guest runs on after a short pause.\n"
	"\n"
	"  --stop             destroy the domain when the image is complete\n"
	"  --pause            leave it paused when the image is complete\n"
	"  --force            replace FILE if it exists\n"
	"  --track HOW        how changed pages are found, so that the others are copied\n"
	"                     while the guest runs: 'guest' by its module, 'logdirty' by\n"
	"                     the hypervisor, 'none' not at all, 'auto' (the default) the\n"
	"                     first of these that works; 'compare', for tests, checks the\n"
	"                     guest's sets against the hypervisor's\n"
	"  --max-rounds N     copy pages at most so often while the guest runs (10)\n"
	"  --max-pause MS     fail, and do not park the guest, if it would be paused for\n"
	"                     longer\n"
	"  --force-pause      with --max-pause: warn, and park it nevertheless\n"
	"  --threads N        threads that copy (one for each processor, at most 4)\n"
	"  --park-timeout MS  wait this long for each set of dirty pages, and for the guest\n"
	"                     to park (10000)\n"
	"  --deadline MS      the guest runs on by itself after this time in its park,\n"
	"                     unless it is paused (5000)\n"
	"  --staging MIB      memory for the copy (half of what is available); what does\n"
	"                     not fit is written while the guest is parked\n"
	"  --audit            compare the image with the guest while it is paused, which\n"
	"                     takes long, and fail if they differ\n"
	"  --json             tell the result as JSON on stdout\n"
	"  --verbose          tell each phase and each round on stderr\n"
	"  --help             this text\n";

/**
 * struct save_args - the command line
 */
struct save_args {
	struct save_options opts;
	const char *domain;
	bool json;
	bool verbose;
	bool help;
};

static void save_print_line(const char *what, const char *text)
{
	char line[384];
	int len = snprintf(line, sizeof(line), "stillpoint: save: %s%s\n", what, text);

	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	/* One write(2); a stderr that fails is no reason to fail. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

static void save_print_phase(const char *name)
{
	save_print_line("phase: ", name);
}

static void save_print_note(const char *text)
{
	save_print_line("", text);
}

static void save_print_progress(unsigned int round, uint64_t done, uint64_t total)
{
	unsigned int percent = total ? done * 100 / total : 100;
	char line[64];
	int len;

	if (round)
		len = snprintf(line, sizeof(line), "\rstillpoint: save: round %u: %3u%%\033[K",
			       round, percent);
	else
		len = snprintf(line, sizeof(line), "\rstillpoint: save: %3u%%\033[K%s", percent,
			       done == total ? "\r\033[K" : "");
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

/* The options that are about live copying. */
static int save_live_option(struct save_args *args, int opt, char **argv)
{
	uint64_t n;

	switch (opt) {
	case 't':
		if (tracker_find(optarg, &args->opts.track))
			return cmd_usage_error("there is no tracker '%s'", optarg);
		return 0;
	case 'r':
		return cmd_number("--max-rounds", optarg, 1, SAVE_ROUNDS_MAX,
				  &args->opts.max_rounds);
	case 'P':
		if (cmd_number("--max-pause", optarg, 1, SAVE_PAUSE_MAX_MS, &n))
			return CMD_USAGE;
		args->opts.max_pause_us = n * 1000;
		return 0;
	case 'F':
		args->opts.force_pause = true;
		return 0;
	case 'n':
		return cmd_number("--threads", optarg, 1, COPIER_THREADS_MAX, &args->opts.threads);
	case 'a':
		args->opts.audit = true;
		return 0;
	default:
		return cmd_bad_option(argv);
	}
}

static int save_option(struct save_args *args, int opt, char **argv)
{
	uint64_t n;

	switch (opt) {
	case 's':
	case 'p':
		if (args->opts.after != SAVE_RUN_ON)
			return cmd_usage_error("--stop and --pause exclude each other");
		args->opts.after = opt == 's' ? SAVE_STOP : SAVE_PAUSE;
		return 0;
	case 'f':
		args->opts.replace = true;
		return 0;
	case 'T':
		return cmd_number("--park-timeout", optarg, 1, 3600000,
				  &args->opts.park_timeout_ms);
	case 'd':
		return cmd_number("--deadline", optarg, 1, SAVE_DEADLINE_MAX_MS,
				  &args->opts.deadline_ms);
	case 'm':
		if (cmd_number("--staging", optarg, 0, UINT64_MAX >> 20, &n))
			return CMD_USAGE;
		args->opts.staging = n << 20;
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case 'v':
		args->verbose = true;
		return 0;
	case 'h':
		args->help = true;
		return 0;
	default:
		return save_live_option(args, opt, argv);
	}
}

static void save_defaults(struct save_args *args)
{
	memset(args, 0, sizeof(*args));
	args->opts.park_timeout_ms = SAVE_PARK_TIMEOUT_MS;
	args->opts.deadline_ms = SAVE_DEADLINE_MS;
	args->opts.max_rounds = SAVE_ROUNDS;
	args->opts.threads = copier_default_threads();
	args->opts.staging = staging_default_budget();
}

static int save_parse(struct save_args *args, int argc, char **argv)
{
	static const struct option options[] = {
		{ "stop", no_argument, NULL, 's' },
		{ "pause", no_argument, NULL, 'p' },
		{ "force", no_argument, NULL, 'f' },
		{ "track", required_argument, NULL, 't' },
		{ "max-rounds", required_argument, NULL, 'r' },
		{ "max-pause", required_argument, NULL, 'P' },
		{ "force-pause", no_argument, NULL, 'F' },
		{ "threads", required_argument, NULL, 'n' },
		{ "audit", no_argument, NULL, 'a' },
		{ "park-timeout", required_argument, NULL, 'T' },
		{ "deadline", required_argument, NULL, 'd' },
		{ "staging", required_argument, NULL, 'm' },
		{ "json", no_argument, NULL, 'j' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	save_defaults(args);
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (save_option(args, opt, argv))
			return CMD_USAGE;
	if (args->help)
		return 0;
	if (argc - optind != 2)
		return cmd_usage_error("expected DOMAIN and FILE");
	if (args->opts.max_pause_us && args->opts.after != SAVE_RUN_ON)
		return cmd_usage_error("--max-pause is for a guest that runs on");
	args->domain = argv[optind];
	args->opts.path = argv[optind + 1];
	if (args->verbose) {
		args->opts.phase = save_print_phase;
		args->opts.note = save_print_note;
	} else if (isatty(STDERR_FILENO)) {
		args->opts.progress = save_print_progress;
	}
	return 0;
}

/* Tell what happened; after a failure, what an audit found. */
static int save_tell(const struct save_args *args, const struct domain *dom,
		     const struct save_result *res, int failed)
{
	if (args->verbose)
		save_report_rounds(res);
	save_report_audit(res);
	if (failed && !res->audit.told)
		return -1;
	if (args->json)
		return save_report_json(&args->opts, dom, res, failed) || failed ? -1 : 0;
	if (!failed && isatty(STDERR_FILENO))
		save_report_terminal(&args->opts, res);
	return failed;
}

static int save_domain(const struct save_args *args, struct domain *dom)
{
	struct save_result res;
	int lock, ret;

	lock = lock_take(LOCK_DIR, dom->domid);
	if (lock < 0)
		return -1;
	ret = save_run(dom, &args->opts, &res);
	close(lock);
	if (!ret && args->opts.after == SAVE_RUN_ON && !res.confirmed)
		msg_warn("the guest did not say that it runs on; see 'stillpoint list'");
	if (!ret && args->opts.max_pause_us && res.predicted_pause_us > args->opts.max_pause_us)
		msg_warn(
			"the guest was expected to be paused for longer than --max-pause: about %llu ms",
			(unsigned long long)(res.predicted_pause_us / 1000));
	return save_tell(args, dom, &res, ret);
}

int cmd_save(int argc, char **argv)
{
	struct domain *dom = NULL;
	struct save_args args;
	struct xen xen;
	uint32_t domid;
	int ret = -1;

	if (save_parse(&args, argc, argv))
		return CMD_USAGE;
	if (args.help)
		return cmd_print(save_help) ? cmd_failed() : CMD_OK;
	msg_set_subject("domain", args.domain);
	signals_catch();
	if (xen_open(&xen, args.verbose))
		return cmd_failed();
	if (!xen_find_domain(&xen, args.domain, &domid))
		dom = domain_xen_open(&xen, domid);
	if (dom) {
		ret = save_domain(&args, dom);
		dom->ops->close(dom);
	}
	xen_close(&xen);
	return ret ? cmd_failed() : CMD_OK;
}
