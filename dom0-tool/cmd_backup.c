// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* asprintf */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup.h"
#include "cmd.h"
#include "cmd_domain.h"
#include "copier.h"
#include "image_args.h"
#include "json_add.h"
#include "msg.h"
#include "signals.h"
#include "staging.h"

/* As save has them. */
#define BACKUP_PARK_TIMEOUT_MS 10000
#define BACKUP_DEADLINE_MS 5000
#define BACKUP_ROUNDS 10
#define BACKUP_HOOK_S 30

/* What is left of the longest park. */
#define BACKUP_HOOK_MAX_S \
	((STILLPOINT_DEADLINE_MAX_US / 1000 - BACKUP_DEADLINE_MS - SAVE_DRAIN_MS) / 1000)

/* Without a park, the guest's file systems can stay frozen for much longer. */
#define BACKUP_HOOK_FROZEN_MAX_S (FREEZE_HOLD_MAX_S - FREEZE_HOLD_MS / 1000)

#define BACKUP_HOOK "reflink-disks"

static const char backup_help[] =
	"usage: stillpoint backup [options] DOMAIN DIR\n"
	"\n"
	"Copy the disks of the running guest DOMAIN and its memory, all of one instant, to the\n"
	"new folder DIR. The guest runs on after a short pause. DIR appears when all of it is\n"
	"complete and on disk; 'stillpoint restore DIR' brings the guest back.\n"
	"\n"
	"  --quiesce           freeze the guest's file systems meanwhile, so that the disks\n"
	"                      can be used without the memory, too; needs the agent in the\n"
	"                      guest\n"
	"  --no-memory         only the disks, with --quiesce\n"
	"  --freeze-timeout S  how long freezing may take, with the guest's hooks (60)\n"
	"  --exclude PATH      do not freeze this file system, or file systems of this type;\n"
	"                      may be given repeatedly\n"
	"  --disk-hook CMD     how the disks are copied: 'reflink-disks' (the default),\n"
	"                      'copy-disks', 'lvm-disks', 'qcow2-disks', or a line of shell\n"
	"  --hook-timeout S    fail if it takes longer while the guest holds still (30); at\n"
	"                      most 50, or 3540 with --no-memory\n"
	"  --compress HOW      of the memory: 'zstd' (the default), 'zstd:LEVEL', 'lz4', 'none'\n"
	"  --key-file FILE     encrypt the memory with this key\n"
	"  --json              tell the result as JSON on stdout\n"
	"  --help              this text\n";

/**
 * struct backup_args - the command line
 * @res: what came of it
 */
struct backup_args {
	struct backup_options opts;
	struct backup_result res;
	struct freeze_options freeze;
	struct image_args image;
	const char *domain;
	bool json;
	bool help;
};

static void backup_defaults(struct backup_args *a)
{
	struct save_options *save = &a->opts.save;

	memset(a, 0, sizeof(*a));
	freeze_options_init(&a->freeze);
	a->opts.memory = true;
	a->opts.hook.command = BACKUP_HOOK;
	a->opts.hook.timeout_ms = BACKUP_HOOK_S * 1000;
	a->image.layout = "packed";
	save->park_timeout_ms = BACKUP_PARK_TIMEOUT_MS;
	save->deadline_ms = BACKUP_DEADLINE_MS;
	save->max_rounds = BACKUP_ROUNDS;
	save->threads = copier_default_threads();
	save->staging = staging_default_budget();
}

static int backup_hold_option(struct backup_args *a, int opt, char **argv)
{
	uint64_t n;

	switch (opt) {
	case 'f':
		if (cmd_number("--freeze-timeout", optarg, 1, FREEZE_PREPARE_MAX_S, &n))
			return CMD_USAGE;
		a->freeze.prepare_ms = n * 1000;
		return 0;
	case 'e':
		return freeze_exclude(&a->freeze, optarg) ? cmd_recorded_usage_error() : 0;
	case 'd':
		a->opts.hook.command = optarg;
		return 0;
	case 'H':
		if (cmd_number("--hook-timeout", optarg, 1, BACKUP_HOOK_FROZEN_MAX_S, &n))
			return CMD_USAGE;
		a->opts.hook.timeout_ms = n * 1000;
		return 0;
	default:
		return cmd_bad_option(argv);
	}
}

static int backup_option(struct backup_args *a, int opt, char **argv)
{
	switch (opt) {
	case 'q':
		a->opts.save.freeze = &a->freeze;
		return 0;
	case 'n':
		a->opts.memory = false;
		return 0;
	case 'c':
		a->image.compress = optarg;
		return 0;
	case 'k':
		a->image.key_file = optarg;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case 'h':
		a->help = true;
		return 0;
	default:
		return backup_hold_option(a, opt, argv);
	}
}

static int backup_parse(struct backup_args *a, int argc, char **argv)
{
	static const struct option options[] = {
		{ "quiesce", no_argument, NULL, 'q' },
		{ "no-memory", no_argument, NULL, 'n' },
		{ "freeze-timeout", required_argument, NULL, 'f' },
		{ "exclude", required_argument, NULL, 'e' },
		{ "disk-hook", required_argument, NULL, 'd' },
		{ "hook-timeout", required_argument, NULL, 'H' },
		{ "compress", required_argument, NULL, 'c' },
		{ "key-file", required_argument, NULL, 'k' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	backup_defaults(a);
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (backup_option(a, opt, argv))
			return CMD_USAGE;
	if (a->help)
		return 0;
	if (argc - optind != 2)
		return cmd_usage_error("expected DOMAIN and DIR");
	a->domain = argv[optind];
	a->opts.path = argv[optind + 1];
	if (!a->opts.memory && !a->opts.save.freeze)
		return cmd_usage_error(
			"--no-memory needs --quiesce, or the disks are those of a crash");
	if (a->opts.memory && a->opts.hook.timeout_ms > BACKUP_HOOK_MAX_S * 1000)
		return cmd_usage_error("--hook-timeout is at most %llu without --no-memory",
				       (unsigned long long)BACKUP_HOOK_MAX_S);
	/* Signs of us are missing while the guest is parked, and it holds for as long. */
	if (a->opts.memory)
		a->freeze.lease_ms += a->opts.hook.timeout_ms;
	a->freeze.hold_ms += a->opts.hook.timeout_ms;
	return image_args_parse(&a->image, IMAGE_PACKED, BACKUP_MEMORY, "--key-file",
				&a->opts.save.image);
}

static int backup_tell(const struct backup_args *a, const struct domain *dom,
		       const struct backup_result *res)
{
	json_object *o;

	if (!a->json)
		return 0;
	o = json_object_new_object();
	add_string(o, "domain", dom->name);
	add_number(o, "domid", dom->domid);
	add_string(o, "folder", a->opts.path);
	add_number(o, "disks", res->disks);
	add_boolean(o, "memory", a->opts.memory);
	add_boolean(o, "quiesced", a->opts.save.freeze);
	add_number(o, "bytes", res->bytes);
	add_number(o, "pause_us", res->save.pause_us);
	add_number(o, "drain_us", res->save.drain_us);
	add_number(o, "hook_us", res->save.hook_us);
	add_number(o, "frozen", res->frozen);
	add_number(o, "frozen_us", res->frozen_us);
	add_number(o, "total_us", res->total_us);
	return cmd_print_json(o);
}

static int backup_work(struct domain *dom, void *arg)
{
	struct backup_args *a = arg;

	return backup_run(dom, &a->opts, &a->res);
}

static int backup_domain(struct domain *dom, void *arg)
{
	const struct backup_args *a = arg;

	return cmd_keep_domain(dom, backup_work, arg) ? -1 : backup_tell(a, dom, &a->res);
}

int cmd_backup(int argc, char **argv)
{
	struct crypt_secret secret;
	struct backup_args a;
	int ret;

	if (backup_parse(&a, argc, argv))
		return CMD_USAGE;
	if (a.help)
		return cmd_print(backup_help) ? cmd_failed() : CMD_OK;
	msg_set_subject("domain", a.domain);
	signals_catch();
	if (image_args_read_key(&a.image, &secret, &a.opts.save.image))
		return cmd_failed();
	ret = cmd_with_domain(a.domain, false, backup_domain, &a);
	crypt_free_secret(&secret);
	return ret ? cmd_failed() : CMD_OK;
}
