/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a process and its children use. Memory is what nothing else holds (RssAnon of
 * proc(5)): not the guest's, which is a file that all sides map. It is looked at each
 * 20 ms, and the most is kept.
 */
#ifndef STILLPOINT_BENCH_USAGE_H
#define STILLPOINT_BENCH_USAGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct usage - what process @pid used since usage_begin()
 * @us: time that passed
 * @cpu_us: time of processors, user and system, of children that ended, too
 * @peak_kib: memory of all of them together
 */
struct usage {
	pid_t pid;
	uint64_t us;
	uint64_t cpu_us;
	uint64_t peak_kib;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
};

/* Begin to look. Returns 0, or -1 with an error recorded. */
int usage_begin(struct usage *usage, pid_t pid);

/* End the time that passed; what is used counts until usage_end(). */
void usage_done(struct usage *usage);

/* Wait until the process has no children any more, and take the sum. */
void usage_end(struct usage *usage);

#endif /* STILLPOINT_BENCH_USAGE_H */
