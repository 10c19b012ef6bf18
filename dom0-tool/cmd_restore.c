// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* asprintf */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "copier.h"
#include "json_add.h"
#include "msg.h"
#include "restore.h"
#include "signals.h"

static const char restore_help[] =
	"usage: stillpoint restore [options] FILE|-\n"
	"\n"
	"Restore the image FILE, of any layout, with 'xl restore'. A file in xl's layout is\n"
	"checked wholly first; any other, and standard input, while it is read: if it turns\n"
	"out to be damaged, the domain never runs. If the guest has tmem pools, a store must\n"
	"run (stillpoint tmem serve) and have room for them.\n"
	"\n"
	"  --paused         leave the domain paused\n"
	"  --name NAME      restore under another name, with a fresh uuid\n"
	"  --config XLCFG   use this configuration in place of the image's\n"
	"  --key-file FILE  the key, of an encrypted image\n"
	"  --tmem-file FILE the side file with the guest's tmem pools, of an image in xl's layout\n"
	"  --threads N      threads that decompress (one for each processor, at most 4)\n"
	"  --json           tell the result as JSON on stdout\n"
	"  --verbose        show the messages of xl\n"
	"  --help           this text\n";

/**
 * struct restore_args - the command line
 */
struct restore_args {
	struct restore restore;
	bool json;
	bool help;
};

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
		return cmd_bad_option(argv);
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
	return 0;
}

static int restore_report(const struct restore *r, bool json, uint32_t domid)
{
	json_object *o;
	char *line;
	int ret;

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

	if (restore_parse(&a, argc, argv))
		return CMD_USAGE;
	if (a.help)
		return cmd_print(restore_help) ? cmd_failed() : CMD_OK;
	msg_set_subject("image", a.restore.path);
	signals_catch();
	ret = restore_run(&a.restore, &domid);
	if (!ret)
		ret = restore_report(&a.restore, a.json, domid);
	restore_free(&a.restore);
	return ret ? cmd_failed() : CMD_OK;
}
