/* SPDX-License-Identifier: GPL-2.0 */
/* The administrator's executables, each run for a bounded time. */
#ifndef AGENT_HOOKS_H
#define AGENT_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a hook says, at most; the rest of it is dropped. */
#define HOOK_SAID_BYTES 256

/**
 * struct hooks - the executables of a folder, in the order of their names
 * @dir: the folder
 * @names: of the files
 * @count: of them
 */
struct hooks {
	char *dir;
	char **names;
	size_t count;
};

/*
 * Find them: regular files that can be executed, of names that run-parts(8) takes. A folder
 * that does not exist has none. Returns 0 or a negative errno; hooks_free() always follows.
 */
int hooks_find(struct hooks *hooks, const char *dir);

void hooks_free(struct hooks *hooks);

enum hook_outcome {
	HOOK_OK,
	HOOK_FAILED,  /* it said so, or could not be run */
	HOOK_TIMEOUT, /* it was killed as its time was up */
	HOOK_STOPPED, /* it was killed as nobody wants it any more */
};

/**
 * struct hook_run - one run of one hook
 * @phase: its argument
 * @limit_us: microseconds that it may take, by clock_awake_us()
 * @hold_us: microseconds that it is told file systems are held at most
 * @stop_fds: when there is something to be read from one, the hook is stopped; -1 for none
 * @outcome: what became of it
 * @us: microseconds that it took
 * @said: last line that it wrote to stdout or stderr, or why it failed
 */
struct hook_run {
	const char *phase;
	uint64_t limit_us;
	uint64_t hold_us;
	int stop_fds[2];
	enum hook_outcome outcome;
	uint64_t us;
	char said[HOOK_SAID_BYTES];
};

/*
 * Run hook @number and fill in the lower half of @run. The hook is a process group of its own,
 * which is killed whole unless it ended well; what it left running is its own affair then.
 */
void hooks_run(const struct hooks *hooks, size_t number, struct hook_run *run);

#endif /* AGENT_HOOKS_H */
