/* SPDX-License-Identifier: GPL-2.0 */
/* Running a command of the user's, with an eye on it. */
#ifndef STILLPOINT_COMMAND_H
#define STILLPOINT_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct command - one run
 * @argv: the command's, NULL at the end; looked up in PATH
 * @name: how messages call it
 * @env: additions to the environment, "NAME=VALUE", NULL at the end
 * @timeout_ms: it is ended after this time, 0 for never
 * @output_to_stderr: what it writes to stdout goes to stderr
 * @through: a signal that asks this process to stop does not end it: it cleans up
 * @watch: called several times a second; unless it returns 0, having recorded why, the
 *	command is ended. May be NULL
 * @arg: for @watch
 * @not_run: errno that says why it could not be run, else 0
 * @status: as of waitpid(2), if it ended by itself
 */
struct command {
	const char *const *argv;
	const char *name;
	const char *const *env;
	uint64_t timeout_ms;
	bool output_to_stderr;
	bool through;
	int (*watch)(void *arg);
	void *arg;
	int not_run;
	int status;
};

/*
 * Run and wait. Returns 0 if it ended by itself, however it did, else -1 with an error
 * recorded: it could not be run, it took too long, @watch objected, or a signal asked
 * this process to stop. Then its process group was ended, first by TERM, then by KILL;
 * a process that even KILL does not end at once is left behind. If this process dies, the
 * command gets KILL. It reads no terminal.
 */
int command_run(struct command *c);

/* Returns 0 if it ended with status 0, else -1 with an error recorded that says how it did. */
int command_judge(const struct command *c);

#endif /* STILLPOINT_COMMAND_H */
