// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "copier.h"
#include "save_args.h"
#include "staging.h"

/* Park time-outs in milliseconds; the module clamps deadlines to 60 s (control.h). */
#define SAVE_PARK_TIMEOUT_MS 10000
#define SAVE_DEADLINE_MS 5000
#define SAVE_DEADLINE_MAX_MS (STILLPOINT_DEADLINE_MAX_US / 1000)

#define SAVE_HOOK_MS 30000

#define SAVE_ROUNDS 10
#define SAVE_PAUSE_MAX_MS 3600000

const char save_help[] =
	"usage: stillpoint save [options] DOMAIN FILE|-\n"
	"       stillpoint save --print-size [options] DOMAIN\n"
	"\n"
	"Save the running PV guest DOMAIN (a name or a number) to FILE, or to standard\n"
	"output. The guest runs on after a short pause.\n"
	"\n"
	"  --layout HOW       of the image: 'xl' (the default), which 'xl restore' reads;\n"
	"                     'packed', compressed; 'mapped', with a fixed place for each page\n"
	"  --compress HOW     with packed: 'zstd' (the default), 'zstd:LEVEL', 'lz4', 'none'\n"
	"  --key-file FILE    with packed: encrypt the image with this key\n"
	"  --print-size       only print how many bytes the image will have at most\n"
	"  --tmem WHAT        of the guest's tmem pools: 'persistent' (the default), without the\n"
	"                     pages that may be lost, or 'all'\n"
	"  --tmem-file FILE   with xl: a side file for the tmem pools, for which that layout has\n"
	"                     no place; 'stillpoint restore' takes both\n"
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
	"  --threads N        threads that copy and compress (one for each processor, at most 4)\n"
	"  --park-timeout MS  wait this long for each set of dirty pages, and for the guest\n"
	"                     to park (10000)\n"
	"  --deadline MS      the guest runs on by itself after this time in its park,\n"
	"                     unless it is paused (5000)\n"
	"  --staging MIB      memory for the copy (half of what is available); what does\n"
	"                     not fit is written while the guest is parked\n"
	"  --quiesce          keep the guest's file systems frozen while it parks, so that\n"
	"                     its disks are consistent; needs the agent in the guest\n"
	"  --freeze-timeout S with --quiesce: how long freezing may take (60)\n"
	"  --exclude PATH     with --quiesce: leave this file system, or file systems of\n"
	"                     this type, alone; may be given repeatedly\n"
	"  --disk-hook CMD    run this line of shell while the guest is parked and its block\n"
	"                     requests are answered; fail if it fails\n"
	"  --hook-timeout S   end the disk hook, and fail, after this time (30)\n"
	"  --audit            compare the image with the guest while it is paused, which\n"
	"                     takes long, and fail if they differ\n"
	"  --json             tell the result as JSON on stdout\n"
	"  --verbose          tell each phase and each round on stderr\n"
	"  --help             this text\n";

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

/* A guest may be paused meanwhile, for which nobody's terminal is waited. */
static void save_print_phase(const char *name)
{
	struct pollfd to = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&to, 1, 0) != 1 || !(to.revents & POLLOUT))
		return;
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

static int save_tmem_option(struct save_args *args)
{
	args->opts.ephemeral = !strcmp(optarg, "all");
	if (args->opts.ephemeral || !strcmp(optarg, "persistent"))
		return 0;
	return cmd_usage_error("--tmem takes persistent or all, not '%s'", optarg);
}

/* Those that are about the disks. */
static int save_disk_option(struct save_args *args, int opt, char **argv)
{
	uint64_t n;

	switch (opt) {
	case 'q':
		args->opts.freeze = &args->freeze;
		return 0;
	case 'Q':
		if (cmd_number("--freeze-timeout", optarg, 1, FREEZE_PREPARE_MAX_S, &n))
			return CMD_USAGE;
		args->freeze.prepare_ms = n * 1000;
		return 0;
	case 'e':
		return freeze_exclude(&args->freeze, optarg) ? cmd_recorded_usage_error() : 0;
	case 'D':
		args->hook.command = optarg;
		args->opts.hook = &args->hook;
		return 0;
	case 'H':
		if (cmd_number("--hook-timeout", optarg, 1, SAVE_DEADLINE_MAX_MS / 1000, &n))
			return CMD_USAGE;
		args->hook.timeout_ms = n * 1000;
		return 0;
	default:
		return save_live_option(args, opt, argv);
	}
}

/* Those that are about the image. */
static int save_image_option(struct save_args *args, int opt, char **argv)
{
	switch (opt) {
	case 'l':
		args->image.layout = optarg;
		return 0;
	case 'c':
		args->image.compress = optarg;
		return 0;
	case 'k':
		args->image.key_file = optarg;
		return 0;
	case 'z':
		args->print_size = true;
		return 0;
	case 'M':
		return save_tmem_option(args);
	case 'S':
		args->opts.tmem_path = optarg;
		return 0;
	default:
		return save_disk_option(args, opt, argv);
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
		return save_image_option(args, opt, argv);
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
	freeze_options_init(&args->freeze);
	args->hook.timeout_ms = SAVE_HOOK_MS;
}

/* What does not go together. */
static int save_check(const struct save_args *args)
{
	const struct save_options *opts = &args->opts;

	if (opts->max_pause_us && opts->after != SAVE_RUN_ON)
		return cmd_usage_error("--max-pause is for a guest that runs on");
	if (opts->hook &&
	    opts->deadline_ms + SAVE_DRAIN_MS + opts->hook->timeout_ms > SAVE_DEADLINE_MAX_MS)
		return cmd_usage_error(
			"--deadline and --hook-timeout may be %llu s in all, as no guest stays in its park for longer than %llu s",
			SAVE_DEADLINE_MAX_MS / 1000 - SAVE_DRAIN_MS / 1000,
			SAVE_DEADLINE_MAX_MS / 1000);
	if (!opts->path || strcmp(opts->path, "-"))
		return 0;
	if (args->json)
		return cmd_usage_error("--json and an image cannot both go to standard output");
	if (opts->audit)
		return cmd_usage_error("--audit reads the image back; give a file, not '-'");
	if (opts->after == SAVE_STOP)
		return cmd_usage_error(
			"--stop needs a file: nobody can tell if what went to standard output was kept; use --pause");
	return 0;
}

static int save_check_tmem(const struct save_args *args)
{
	const struct save_options *opts = &args->opts;

	if (opts->tmem_path && opts->image.layout != IMAGE_XL)
		return cmd_usage_error("--tmem-file is for --layout xl");
	if (opts->tmem_path && !strcmp(opts->tmem_path, "-"))
		return cmd_usage_error("--tmem-file needs a file, not '-'");
	if (opts->ephemeral && opts->image.layout == IMAGE_XL && !opts->tmem_path)
		return cmd_usage_error("--tmem all is for --layout packed or mapped");
	return 0;
}

int save_args_parse(struct save_args *args, int argc, char **argv)
{
	static const struct option options[] = {
		{ "stop", no_argument, NULL, 's' },
		{ "pause", no_argument, NULL, 'p' },
		{ "force", no_argument, NULL, 'f' },
		{ "layout", required_argument, NULL, 'l' },
		{ "compress", required_argument, NULL, 'c' },
		{ "key-file", required_argument, NULL, 'k' },
		{ "print-size", no_argument, NULL, 'z' },
		{ "tmem", required_argument, NULL, 'M' },
		{ "tmem-file", required_argument, NULL, 'S' },
		{ "track", required_argument, NULL, 't' },
		{ "max-rounds", required_argument, NULL, 'r' },
		{ "max-pause", required_argument, NULL, 'P' },
		{ "force-pause", no_argument, NULL, 'F' },
		{ "threads", required_argument, NULL, 'n' },
		{ "audit", no_argument, NULL, 'a' },
		{ "quiesce", no_argument, NULL, 'q' },
		{ "freeze-timeout", required_argument, NULL, 'Q' },
		{ "exclude", required_argument, NULL, 'e' },
		{ "disk-hook", required_argument, NULL, 'D' },
		{ "hook-timeout", required_argument, NULL, 'H' },
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
	if (argc - optind != (args->print_size ? 1 : 2))
		return cmd_usage_error(args->print_size ? "expected DOMAIN" :
							  "expected DOMAIN and FILE");
	/* Signs of us are missing while the guest is parked, and it holds for as long. */
	if (args->opts.hook) {
		args->freeze.lease_ms += args->hook.timeout_ms;
		args->freeze.hold_ms += args->hook.timeout_ms;
	}
	args->domain = argv[optind];
	args->opts.path = argv[optind + 1];
	if (save_check(args) || image_args_parse(&args->image, IMAGE_XL, args->opts.path,
						 "--key-file", &args->opts.image))
		return CMD_USAGE;
	if (save_check_tmem(args))
		return CMD_USAGE;
	if (args->verbose) {
		args->opts.phase = save_print_phase;
		args->opts.note = save_print_note;
	} else if (isatty(STDERR_FILENO)) {
		args->opts.progress = save_print_progress;
	}
	return 0;
}
