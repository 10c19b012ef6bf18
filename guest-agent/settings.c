// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <stillpoint/agent.h>
#include <stillpoint/version.h>

#include "say.h"
#include "settings.h"

#define HOOK_SECONDS 30
#define HOOK_SECONDS_MAX 600

static const char help[] =
	"usage: stillpoint-agent [OPTION]...\n"
	"\n"
	"Makes this guest's file systems and databases hold still when dom0 asks for it. Runs\n"
	"in the foreground; needs root and the module stillpoint.\n"
	"\n"
	"  --exclude P            leave this one alone: an absolute path is where a file\n"
	"                         system is mounted, anything else a type; can be repeated\n"
	"  --hook-dir DIR         executables to be called with \"freeze\", in order, and with\n"
	"                         \"thaw\", in reverse (/etc/stillpoint/hooks.d)\n"
	"  --restored-dir DIR     executables to be called with \"restored\" when this guest\n"
	"                         wakes up in a restored domain (/etc/stillpoint/restored.d)\n"
	"  --hook-timeout SECONDS that each of them may take (30)\n"
	"  --state-dir DIR        where to note that hooks ran; on no disk (/run/stillpoint)\n"
	"  --device PATH          of the module (" STILLPOINT_AGENT_DEVICE ")\n"
	"  --list                 say what would be frozen, in this order, and what not\n"
	"  --help, --version\n";

enum {
	OPT_EXCLUDE = 256,
	OPT_HOOK_DIR,
	OPT_RESTORED_DIR,
	OPT_HOOK_TIMEOUT,
	OPT_STATE_DIR,
	OPT_DEVICE,
	OPT_LIST,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option options[] = {
	{ "exclude", required_argument, NULL, OPT_EXCLUDE },
	{ "hook-dir", required_argument, NULL, OPT_HOOK_DIR },
	{ "restored-dir", required_argument, NULL, OPT_RESTORED_DIR },
	{ "hook-timeout", required_argument, NULL, OPT_HOOK_TIMEOUT },
	{ "state-dir", required_argument, NULL, OPT_STATE_DIR },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ 0 },
};

static int read_limit(struct settings *settings, const char *text)
{
	unsigned long seconds;
	char *end;

	errno = 0;
	seconds = strtoul(text, &end, 10);
	if (errno || end == text || *end || !seconds || seconds > HOOK_SECONDS_MAX) {
		say("--hook-timeout '%s': give seconds, from 1 to %d", text, HOOK_SECONDS_MAX);
		return -1;
	}
	settings->hook_limit_us = seconds * 1000000;
	return 0;
}

static int take(struct settings *settings, int option, const char *value)
{
	switch (option) {
	case OPT_EXCLUDE:
		settings->excludes[settings->exclude_count++] = value;
		return 0;
	case OPT_HOOK_DIR:
		settings->hook_dir = value;
		return 0;
	case OPT_RESTORED_DIR:
		settings->restored_dir = value;
		return 0;
	case OPT_HOOK_TIMEOUT:
		return read_limit(settings, value);
	case OPT_STATE_DIR:
		settings->state_dir = value;
		return 0;
	case OPT_DEVICE:
		settings->device = value;
		return 0;
	case OPT_LIST:
		settings->list = true;
		return 0;
	case OPT_HELP:
		fputs(help, stdout);
		return 1;
	case OPT_VERSION:
		puts("stillpoint-agent " STILLPOINT_VERSION);
		return 1;
	default:
		fputs("try stillpoint-agent --help\n", stderr);
		return -1;
	}
}

int settings_read(struct settings *settings, int argc, char **argv)
{
	int option, ret;

	*settings = (struct settings){
		.device = STILLPOINT_AGENT_DEVICE,
		.hook_dir = "/etc/stillpoint/hooks.d",
		.restored_dir = "/etc/stillpoint/restored.d",
		.state_dir = "/run/stillpoint",
		.hook_limit_us = HOOK_SECONDS * 1000000ULL,
		.excludes = calloc((size_t)argc + 1, sizeof(*settings->excludes)),
	};
	if (!settings->excludes) {
		say("no memory");
		return -1;
	}
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		ret = take(settings, option, optarg);
		if (ret)
			return ret;
	}
	if (optind < argc) {
		say("'%s' is no option; try stillpoint-agent --help", argv[optind]);
		return -1;
	}
	return 0;
}

void settings_free(struct settings *settings)
{
	free(settings->excludes);
}
