// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "domain_xen.h"
#include "lock.h"
#include "msg.h"
#include "save.h"
#include "signals.h"
#include "staging.h"

/* Park time-outs in milliseconds; the module clamps deadlines to 60 s (control.h). */
#define SAVE_PARK_TIMEOUT_MS 10000
#define SAVE_DEADLINE_MS 5000
#define SAVE_DEADLINE_MAX_MS (STILLPOINT_DEADLINE_MAX_US / 1000)

static const char save_help[] =
	"usage: stillpoint save [options] DOMAIN FILE\n"
	"\n"
	"Save the running PV guest DOMAIN (a name or a number) to FILE, in the layout\n"
	"that 'xl restore' reads. The guest runs on after a short pause.\n"
	"\n"
	"  --stop             destroy the domain when the image is complete\n"
	"  --pause            leave it paused when the image is complete\n"
	"  --force            replace FILE if it exists\n"
	"  --track none       how changed pages are found; 'none' copies all of them\n"
	"                     while the guest is parked\n"
	"  --park-timeout MS  wait this long for the guest to park (10000)\n"
	"  --deadline MS      the guest runs on by itself after this time in its park,\n"
	"                     unless it is paused (5000)\n"
	"  --staging MIB      memory for the copy (half of what is available); what does\n"
	"                     not fit is written while the guest is parked\n"
	"  --json             tell the result as JSON on stdout\n"
	"  --verbose          tell each phase on stderr\n"
	"  --help             this text\n";

/**
 * struct save_args - the command line
 */
struct save_args {
	struct save_options opts;
	struct tracker *tracker;
	const char *domain;
	bool json;
	bool verbose;
	bool help;
};

static void save_print_phase(const char *name)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "stillpoint: save: phase: %s\n", name);

	/* One write(2); a stderr that fails is no reason to fail. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

static void save_print_progress(uint64_t done, uint64_t total)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "\rstillpoint: save: %3u%%%s",
			   total ? (unsigned int)(done * 100 / total) : 100,
			   done == total ? "\r\033[K" : "");

	if (write(STDERR_FILENO, line, len) < 0)
		return;
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
	case 't':
		args->tracker = tracker_find(optarg);
		return args->tracker ? 0 : cmd_usage_error("there is no tracker '%s'", optarg);
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
		return cmd_bad_option(argv);
	}
}

static int save_parse(struct save_args *args, int argc, char **argv)
{
	static const struct option options[] = {
		{ "stop", no_argument, NULL, 's' },
		{ "pause", no_argument, NULL, 'p' },
		{ "force", no_argument, NULL, 'f' },
		{ "track", required_argument, NULL, 't' },
		{ "park-timeout", required_argument, NULL, 'T' },
		{ "deadline", required_argument, NULL, 'd' },
		{ "staging", required_argument, NULL, 'm' },
		{ "json", no_argument, NULL, 'j' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	memset(args, 0, sizeof(*args));
	args->tracker = &tracker_none;
	args->opts.park_timeout_ms = SAVE_PARK_TIMEOUT_MS;
	args->opts.deadline_ms = SAVE_DEADLINE_MS;
	args->opts.staging = staging_default_budget();
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (save_option(args, opt, argv))
			return CMD_USAGE;
	if (args->help)
		return 0;
	if (argc - optind != 2)
		return cmd_usage_error("expected DOMAIN and FILE");
	args->domain = argv[optind];
	args->opts.path = argv[optind + 1];
	if (args->verbose)
		args->opts.phase = save_print_phase;
	else if (isatty(STDERR_FILENO))
		args->opts.progress = save_print_progress;
	return 0;
}

static int save_report_json(const struct save_args *args, const struct domain *dom,
			    const struct save_result *res)
{
	json_object *o = json_object_new_object();

	json_object_object_add(o, "domain", json_object_new_string(dom->name));
	json_object_object_add(o, "domid", json_object_new_uint64(dom->domid));
	json_object_object_add(o, "file", json_object_new_string(args->opts.path));
	json_object_object_add(o, "bytes", json_object_new_uint64(res->bytes));
	json_object_object_add(o, "pages", json_object_new_uint64(res->pages));
	json_object_object_add(o, "staged_pages", json_object_new_uint64(res->staged));
	json_object_object_add(o, "tracker", json_object_new_string(args->tracker->ops->name));
	json_object_object_add(o, "request_to_parked_us",
			       json_object_new_uint64(res->request_to_parked_us));
	json_object_object_add(o, "set_us", json_object_new_uint64(res->set_us));
	json_object_object_add(o, "copy_us", json_object_new_uint64(res->copy_us));
	json_object_object_add(o, "flip_us", json_object_new_uint64(res->flip_us));
	json_object_object_add(o, "pause_us", json_object_new_uint64(res->pause_us));
	json_object_object_add(o, "domain_pause_us", json_object_new_uint64(res->domain_pause_us));
	json_object_object_add(o, "total_us", json_object_new_uint64(res->total_us));
	json_object_object_add(o, "guest_park_us", json_object_new_uint64(res->guest_park_us));
	json_object_object_add(o, "confirmed", json_object_new_boolean(res->confirmed));
	json_object_object_add(o, "stopped",
			       json_object_new_boolean(args->opts.after == SAVE_STOP));
	json_object_object_add(o, "paused",
			       json_object_new_boolean(args->opts.after == SAVE_PAUSE));
	return cmd_print_json(o);
}

static void save_report_terminal(const struct save_args *args, const struct save_result *res)
{
	char line[256];
	int len;

	len = snprintf(line, sizeof(line), "stillpoint: save: %llu MiB in %llu.%03llu s",
		       (unsigned long long)(res->bytes >> 20),
		       (unsigned long long)(res->total_us / 1000000),
		       (unsigned long long)(res->total_us / 1000 % 1000));
	if (args->opts.after == SAVE_RUN_ON)
		len += snprintf(line + len, sizeof(line) - len,
				", the guest was paused for %llu.%llu ms",
				(unsigned long long)(res->domain_pause_us / 1000),
				(unsigned long long)(res->domain_pause_us / 100 % 10));
	len += snprintf(line + len, sizeof(line) - len, "\n");
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

static int save_domain(const struct save_args *args, struct domain *dom)
{
	struct save_result res;
	int lock, ret;

	lock = lock_take(LOCK_DIR, dom->domid);
	if (lock < 0)
		return -1;
	ret = save_run(dom, args->tracker, &args->opts, &res);
	close(lock);
	if (ret)
		return -1;
	if (args->opts.after == SAVE_RUN_ON && !res.confirmed)
		msg_warn("the guest did not say that it runs on; see 'stillpoint list'");
	if (args->json)
		return save_report_json(args, dom, &res);
	if (isatty(STDERR_FILENO))
		save_report_terminal(args, &res);
	return 0;
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
