// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include <stillpoint/version.h>

#include "cmd.h"
#include "msg.h"

/**
 * struct command - a subcommand
 */
struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{ "list", "show the domains with the module", cmd_list },
	{ "save", "save a running guest to a file", cmd_save },
	{ "restore", "check an image and restore it", cmd_restore },
	{ "verify", "check an image", cmd_verify },
	{ "inspect", "show what is in an image", cmd_inspect },
	{ "convert", "write an image in another layout", cmd_convert },
	{ "diff", "show in what two images differ", cmd_diff },
	{ "quiesce", "run a command while a guest's file systems are frozen", cmd_quiesce },
	{ "thaw", "end a quiesce that is under way", cmd_thaw },
	{ "status", "show a guest's quiesce and its checkpoints", cmd_status },
	{ "backup", "save a guest's disks, and its memory, to a folder", cmd_backup },
	{ "mount", "show the file systems of a backup", cmd_mount },
	{ "umount", "end a mount of a backup", cmd_umount },
	{ "recover", "let a guest go that a killed save left paused", cmd_recover },
	{ "tmem", "keep pages for guests, or show what is kept", cmd_tmem },
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static int main_help(void)
{
	size_t i;

	puts("usage: stillpoint COMMAND [options] [arguments]\n"
	     "\n"
	     "Checkpoints of running Xen PV guests.\n");
	for (i = 0; i < NCOMMANDS; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	puts("\n"
	     "'stillpoint COMMAND --help' tells the options; 'stillpoint --version' the version.");
	return fflush(stdout) ? CMD_FAILED : CMD_OK;
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2)
		return cmd_usage_error("expected a command");
	if (!strcmp(argv[1], "--help"))
		return main_help();
	if (!strcmp(argv[1], "--version")) {
		puts("stillpoint " STILLPOINT_VERSION);
		return fflush(stdout) ? CMD_FAILED : CMD_OK;
	}
	for (i = 0; i < NCOMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		msg_set_command(commands[i].name);
		return commands[i].run(argc - 1, argv + 1);
	}
	return cmd_usage_error("there is no command '%s'", argv[1]);
}
