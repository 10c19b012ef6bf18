/* SPDX-License-Identifier: GPL-2.0 */
/* Threads that do jobs of one kind, each job once. */
#ifndef STILLPOINT_WORKERS_H
#define STILLPOINT_WORKERS_H

#include <pthread.h>
#include <stdbool.h>

#define WORKERS_MAX 64

/**
 * struct workers_job - a job; the first member of what it is about
 * @done: nobody works on it
 */
struct workers_job {
	bool done;
	struct workers_job *next;
};

/* Do the job, in thread number @thread, which is less than the number asked for, or 0. */
typedef void workers_run(struct workers_job *job, unsigned int thread);

/**
 * struct workers - threads, and jobs that none of them took yet
 */
struct workers {
	workers_run *run;
	pthread_t threads[WORKERS_MAX];
	unsigned int nthreads;
	pthread_mutex_t lock;
	pthread_cond_t work;
	pthread_cond_t done;
	struct workers_job *first;
	struct workers_job *last;
	bool stop;
};

/*
 * Start @threads of them, at most WORKERS_MAX; with 0, workers_submit() does the job
 * itself. Returns 0, or -1 with an error recorded. workers_stop() is due in both cases.
 */
int workers_start(struct workers *workers, unsigned int threads, workers_run *run);

/* Have @job done; it must stay until it is. */
void workers_submit(struct workers *workers, struct workers_job *job);

bool workers_done(struct workers *workers, const struct workers_job *job);

void workers_wait(struct workers *workers, const struct workers_job *job);

/* Take back a job that was submitted. False if a thread has it, or had. */
bool workers_take_back(struct workers *workers, struct workers_job *job);

/* Set @flag, which is of a job, for whoever waits for it with workers_wait_told(). */
void workers_tell(struct workers *workers, bool *flag);
void workers_wait_told(struct workers *workers, const bool *flag);

/* Wait for what is being done, drop other jobs, and end the threads. */
void workers_stop(struct workers *workers);

#endif /* STILLPOINT_WORKERS_H */
