// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* asprintf */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd.h"
#include "mount.h"
#include "msg.h"
#include "signals.h"

static const char mount_help[] =
	"usage: stillpoint mount [--json] DIR MOUNTPOINT\n"
	"\n"
	"Show the file systems of the backup DIR, read-only, in folders of the directory\n"
	"MOUNTPOINT that are called like the guest's disks and partitions. No journal is\n"
	"replayed: what a backup without --quiesce shows may be in disorder.\n"
	"\n"
	"  --json  tell what was mounted as JSON on stdout\n"
	"  --help  this text\n";

static const char umount_help[] = "usage: stillpoint umount MOUNTPOINT\n"
				  "\n"
				  "End what 'stillpoint mount' mounted at MOUNTPOINT.\n"
				  "\n"
				  "  --help  this text\n";

static const char *mount_member(json_object *o, const char *key)
{
	json_object *v;

	json_object_object_get_ex(o, key, &v);
	return json_object_get_string(v);
}

static int mount_tell(json_object *list, bool json)
{
	json_object *o;
	char *line;
	size_t i;
	int ret = 0;

	if (json)
		return cmd_print_json(json_object_get(list));
	for (i = 0; i < json_object_array_length(list) && !ret; i++) {
		o = json_object_array_get_idx(list, i);
		if (asprintf(&line, "%-10s %-6s %s\n", mount_member(o, "name"),
			     mount_member(o, "type"), mount_member(o, "target")) < 0)
			return msg_error("out of memory");
		ret = cmd_print(line);
		free(line);
	}
	return ret;
}

/* Both commands need root, and have the same last argument. Returns the index of the first. */
static int mount_parse(int argc, char **argv, int want, const char *expected, const char *help,
		       bool *json)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_print(help) ? -cmd_failed() : 0;
		if (opt != 'j' || !json)
			return -cmd_bad_option(argv);
		*json = true;
	}
	if (argc - optind != want)
		return -cmd_usage_error("expected %s", expected);
	msg_set_subject("folder", argv[optind]);
	signals_catch();
	if (geteuid()) {
		msg_error("this needs root");
		return -cmd_failed();
	}
	return optind;
}

int cmd_mount(int argc, char **argv)
{
	bool json = false;
	int first = mount_parse(argc, argv, 2, "DIR and MOUNTPOINT", mount_help, &json);
	json_object *list;
	int ret;

	if (first <= 0)
		return -first;
	list = json_object_new_array();
	ret = mount_backup(argv[first], argv[first + 1], list) || mount_tell(list, json);
	json_object_put(list);
	return ret ? cmd_failed() : CMD_OK;
}

int cmd_umount(int argc, char **argv)
{
	int first = mount_parse(argc, argv, 1, "MOUNTPOINT", umount_help, NULL);

	if (first <= 0)
		return -first;
	return mount_end(argv[first]) ? cmd_failed() : CMD_OK;
}
