// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* asprintf */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bring_back.h"
#include "cmd.h"
#include "copier.h"
#include "json_add.h"
#include "msg.h"
#include "restore.h"
#include "signals.h"

static const char restore_help[] =
	"usage: stillpoint restore [options] FILE|-|DIR\n"
	"\n"
	"Restore the image FILE, of any layout, with 'xl restore'. A file in xl's layout is\n"
	"checked wholly first; any other, and standard input, while it is read: if it turns\n"
	"out to be damaged, the domain never runs. Of a backup DIR, all files are checked and\n"
	"the disks are put back first. If the guest has tmem pools, a store must run (stillpoint\n"
	"tmem serve) and have room for them.\n"
	"\n"
	"  --paused         leave the domain paused\n"
	"  --name NAME      restore under another name, with a fresh uuid\n"
	"  --config XLCFG   use this configuration in place of the image's\n"
	"  --key-file FILE  the key, of an encrypted image\n"
	"  --tmem-file FILE the side file with the guest's tmem pools, of an image in xl's layout\n"
	"  --force          of a backup: write to the places of the disks that it\n"
	"                   names, and overwrite what exists\n"
	"  --disk VDEV=PATH of a backup: put this disk there; may be given repeatedly\n"
	"  --disks-only     of a backup: put the disks back, nothing else\n"
	"  --threads N      threads that decompress (one for each processor, at most 4)\n"
	"  --json           tell the result as JSON on stdout\n"
	"  --verbose        show the messages of xl\n"
	"  --help           this text\n";

/**
 * struct restore_args - the command line
 */
struct restore_args {
	struct restore restore;
	struct bring_back back;
	bool json;
	bool help;
};

/* Those that are about backups. */
static int restore_back_option(struct restore_args *a, int opt, char **argv)
{
	const char **more;

	switch (opt) {
	case 'f':
		a->back.force = true;
		return 0;
	case 'o':
		a->back.disks_only = true;
		return 0;
	case 'd':
		more = realloc(a->back.disks, (a->back.ndisks + 1) * sizeof(*more));
		if (!more)
			return cmd_usage_error("out of memory");
		a->back.disks = more;
		more[a->back.ndisks++] = optarg;
		return 0;
	default:
		return cmd_bad_option(argv);
	}
}

static int restore_option(struct restore_args *a, int opt, char **argv)
{
	switch (opt) {
	case 'p':
		a->restore.paused = true;
		return 0;
	case 'n':
		a->restore.name = optarg;
		return 0;
	case 'c':
		a->restore.xlcfg = optarg;
		return 0;
	case 'k':
		a->restore.key_file = optarg;
		return 0;
	case 'm':
		a->restore.tmem_path = optarg;
		return 0;
	case 't':
		return cmd_number("--threads", optarg, 1, COPIER_THREADS_MAX, &a->restore.threads);
	case 'j':
		a->json = true;
		return 0;
	case 'v':
		a->restore.verbose = true;
		return 0;
	case 'h':
		a->help = true;
		return 0;
	default:
		return restore_back_option(a, opt, argv);
	}
}

static int restore_parse(struct restore_args *a, int argc, char **argv)
{
	static const struct option options[] = {
		{ "paused", no_argument, NULL, 'p' },
		{ "name", required_argument, NULL, 'n' },
		{ "config", required_argument, NULL, 'c' },
		{ "key-file", required_argument, NULL, 'k' },
		{ "tmem-file", required_argument, NULL, 'm' },
		{ "threads", required_argument, NULL, 't' },
		{ "force", no_argument, NULL, 'f' },
		{ "disk", required_argument, NULL, 'd' },
		{ "disks-only", no_argument, NULL, 'o' },
		{ "json", no_argument, NULL, 'j' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	memset(a, 0, sizeof(*a));
	restore_init(&a->restore);
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (restore_option(a, opt, argv))
			return CMD_USAGE;
	if (a->help)
		return 0;
	if (argc - optind != 1)
		return cmd_usage_error("expected FILE");
	a->restore.path = argv[optind];
	a->back.path = argv[optind];
	return 0;
}

static bool restore_is_backup(const struct restore_args *a)
{
	struct stat st;

	return !stat(a->back.path, &st) && S_ISDIR(st.st_mode);
}

static int restore_check_back(const struct restore_args *a)
{
	if (restore_is_backup(a) || !(a->back.force || a->back.disks_only || a->back.ndisks))
		return 0;
	return cmd_usage_error("--force, --disk and --disks-only are for the folder of a backup");
}

static int restore_report(const struct restore *r, bool json, uint32_t domid)
{
	json_object *o;
	char *line;
	int ret;

	if (!r->domain)
		return 0;
	if (json) {
		o = json_object_new_object();
		add_string(o, "domain", r->domain);
		add_number(o, "domid", domid);
		add_string(o, "file", r->path);
		add_number(o, "pages", r->found.pages);
		add_number(o, "tmem_pages", r->found.tmem_pages);
		add_boolean(o, "digest", r->found.digest);
		add_boolean(o, "paused", r->paused);
		return cmd_print_json(o);
	}
	if (asprintf(&line, "%s %u\n", r->domain, domid) < 0)
		return msg_error("out of memory");
	ret = cmd_print(line);
	free(line);
	return ret;
}

int cmd_restore(int argc, char **argv)
{
	struct restore_args a;
	uint32_t domid;
	int ret;

	if (restore_parse(&a, argc, argv) || (!a.help && restore_check_back(&a))) {
		free(a.back.disks);
		return CMD_USAGE;
	}
	if (a.help)
		return cmd_print(restore_help) ? cmd_failed() : CMD_OK;
	msg_set_subject("image", a.restore.path);
	signals_catch();
	if (restore_is_backup(&a))
		ret = bring_back(&a.back, &a.restore, &domid);
	else
		ret = restore_run(&a.restore, &domid);
	if (!ret)
		ret = restore_report(&a.restore, a.json, domid);
	restore_free(&a.restore);
	free(a.back.disks);
	return ret ? cmd_failed() : CMD_OK;
}
