/* SPDX-License-Identifier: GPL-2.0 */
/* What the command line says. */
#ifndef AGENT_SETTINGS_H
#define AGENT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct settings - the options
 * @device: the module's
 * @hook_dir: hooks that are called with "freeze" and "thaw"
 * @restored_dir: hooks that are called with "restored"
 * @state_dir: where it is noted which hooks are due; must not be on a disk
 * @hook_limit_us: microseconds that one hook may take
 * @list: only say what would be frozen
 * @excludes: paths and types, NULL at the end; the strings are the command line's
 * @exclude_count: of them
 */
struct settings {
	const char *device;
	const char *hook_dir;
	const char *restored_dir;
	const char *state_dir;
	uint64_t hook_limit_us;
	bool list;
	const char **excludes;
	size_t exclude_count;
};

/*
 * Returns 0; 1 if the agent was only asked for help or its version, which it gave; or -1,
 * having said why. settings_free() always follows.
 */
int settings_read(struct settings *settings, int argc, char **argv);

void settings_free(struct settings *settings);

#endif /* AGENT_SETTINGS_H */
