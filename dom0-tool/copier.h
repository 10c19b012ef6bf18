/* SPDX-License-Identifier: GPL-2.0 */
/* Threads that copy pages out of a guest. */
#ifndef STILLPOINT_COPIER_H
#define STILLPOINT_COPIER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COPIER_THREADS_MAX 64

/* Bytes of a processor's cache line, and of those that are fetched before a page is copied. */
#define COPIER_LINE 64
#define COPIER_FETCHED 256

/**
 * struct copier_job - pages to copy; the arrays belong to whoever submits it
 * @us: how long it took, when @done
 */
struct copier_job {
	const uint8_t *const *src;
	uint8_t *const *dst;
	size_t n;
	uint64_t us;
	bool done;
	struct copier_job *next;
};

/**
 * struct copier - threads, and jobs that none of them took yet
 */
struct copier {
	pthread_t threads[COPIER_THREADS_MAX];
	unsigned int nthreads;
	pthread_mutex_t lock;
	pthread_cond_t work;
	pthread_cond_t done;
	struct copier_job *first;
	struct copier_job *last;
	bool stop;
};

/* Fewer pages tell little of what one costs. */
#define COPIER_COST_PAGES 64

/**
 * struct copier_cost - what a page costs
 * @best_ns: the shortest time for a page, over many; 0 if it was not measured. What is
 *	longer was interrupted, or had to wait for others
 */
struct copier_cost {
	uint64_t best_ns;
};

/* It took @us to do something with @n pages. */
static inline void copier_cost_add(struct copier_cost *cost, uint64_t us, size_t n)
{
	uint64_t ns = n ? (us * 1000 + n - 1) / n : 0;

	if (ns && (!cost->best_ns || (n >= COPIER_COST_PAGES && ns < cost->best_ns)))
		cost->best_ns = ns;
}

/*
 * A processor reads ahead to a page's end only. Thus the next page's address is translated, and
 * its first lines come, while one is copied.
 */
static inline void copier_fetch(const uint8_t *page)
{
	size_t i;

	for (i = 0; i < COPIER_FETCHED; i += COPIER_LINE)
		__builtin_prefetch(page + i);
}

/* One thread for each processor, at most 4. */
unsigned int copier_default_threads(void);

/* Start @threads of them. Returns 0, or -1 with an error recorded. */
int copier_start(struct copier *copier, unsigned int threads);

/* Have @job done; it must stay until it is. */
void copier_submit(struct copier *copier, struct copier_job *job);

void copier_wait(struct copier *copier, struct copier_job *job);

/* Copy @n pages now, with all threads if there are many. */
void copier_copy(struct copier *copier, const uint8_t *const *src, uint8_t *const *dst, size_t n);

/* Wait for all jobs and end the threads; safe if none was started. */
void copier_stop(struct copier *copier);

#endif /* STILLPOINT_COPIER_H */
