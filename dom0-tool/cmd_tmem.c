// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "cmd_tmem.h"
#include "msg.h"

static const char tmem_help[] = "usage: stillpoint tmem COMMAND [options] [arguments]\n"
				"\n"
				"The store that keeps pages for guests outside of their memory.\n"
				"\n"
				"  serve  keep it\n"
				"  list   show the domains that have pools in it\n"
				"  stats  show what is in it\n"
				"  set    change what a domain may put there\n"
				"\n"
				"'stillpoint tmem COMMAND --help' tells the options.\n";

/**
 * struct tmem_command - a command of these
 * @full: what messages call it
 */
struct tmem_command {
	const char *name;
	const char *full;
	int (*run)(int argc, char **argv);
};

static const struct tmem_command tmem_commands[] = {
	{ "serve", "tmem serve", cmd_tmem_serve },
	{ "list", "tmem list", cmd_tmem_list },
	{ "stats", "tmem stats", cmd_tmem_stats },
	{ "set", "tmem set", cmd_tmem_set },
};

int cmd_tmem(int argc, char **argv)
{
	size_t i;

	if (argc < 2)
		return cmd_usage_error("expected a command");
	if (!strcmp(argv[1], "--help"))
		return cmd_print(tmem_help) ? cmd_failed() : CMD_OK;
	for (i = 0; i < sizeof(tmem_commands) / sizeof(tmem_commands[0]); i++) {
		if (strcmp(argv[1], tmem_commands[i].name))
			continue;
		msg_set_command(tmem_commands[i].full);
		return tmem_commands[i].run(argc - 1, argv + 1);
	}
	return cmd_usage_error("there is no command '%s'", argv[1]);
}
