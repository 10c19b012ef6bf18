/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process that is there when this one is killed, and then undoes what nobody else would.
 */
#ifndef STILLPOINT_KEEPER_H
#define STILLPOINT_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * struct keeper - the process
 * @pid: its id; 0 if there is none
 * @talk: our end of a pair of sockets, which closes with this process
 * @mark: shared with it
 */
struct keeper {
	pid_t pid;
	int talk;
	bool *mark;
};

/*
 * Start it, before this process has other threads. If this one is gone while the mark is set,
 * it calls @rescue there, with no file open but @lock, which it holds until it ends, and
 * standard input, output and error going nowhere. Returns 0, or -1 with an error recorded.
 */
int keeper_start(struct keeper *k, int lock, void (*rescue)(void *arg), void *arg);

/* Set or clear the mark, here or in @rescue. @k may be NULL. */
void keeper_mark(struct keeper *k, bool mark);

/* Whether it is set. */
bool keeper_marked(const struct keeper *k);

/* End it; nothing is undone. */
void keeper_stop(struct keeper *k);

#endif /* STILLPOINT_KEEPER_H */
