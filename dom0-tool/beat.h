/* SPDX-License-Identifier: GPL-2.0 */
/* A thread that gives a guest a sign of us again and again, whatever else we do. */
#ifndef STILLPOINT_BEAT_H
#define STILLPOINT_BEAT_H

#include <pthread.h>
#include <stdbool.h>

/**
 * struct beat - the thread
 * @sign: what it does; must not block
 * @arg: for @sign
 * @held: give none for now
 */
struct beat {
	void (*sign)(void *arg);
	void *arg;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool beating;
	bool held;
	bool stop;
};

/* Call @sign at once and then twice a second. Returns 0, or -1 with an error recorded. */
int beat_start(struct beat *beat, void (*sign)(void *arg), void *arg);

/* Give no more signs from now on, or go on; whether or not it was started. */
void beat_hold(struct beat *beat, bool hold);

/* Stop, if it was started; afterwards @sign is not being called. */
void beat_stop(struct beat *beat);

#endif /* STILLPOINT_BEAT_H */
