// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "copier.h"
#include "msg.h"
#include "page.h"

#define COPIER_THREADS_DEFAULT 4

/* Pages that are copied in one go when many are: tens of microseconds. */
#define COPIER_PIECE 128

/* Most pieces; with more pages, they are larger. */
#define COPIER_PIECES 64

unsigned int copier_default_threads(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > COPIER_THREADS_DEFAULT ? COPIER_THREADS_DEFAULT : n;
}

static void copier_do(struct copier_job *job)
{
	uint64_t start = clock_us();
	size_t i;

	for (i = 0; i < job->n; i++) {
		if (i + 1 < job->n)
			copier_fetch(job->src[i + 1]);
		memcpy(job->dst[i], job->src[i], PAGE_BYTES);
	}
	job->us = clock_us() - start;
}

/* Do the first job that nobody took. Under the lock; false if there is none. */
static bool copier_do_first(struct copier *c)
{
	struct copier_job *job = c->first;

	if (!job)
		return false;
	c->first = job->next;
	pthread_mutex_unlock(&c->lock);
	copier_do(job);
	pthread_mutex_lock(&c->lock);
	job->done = true;
	pthread_cond_broadcast(&c->done);
	return true;
}

static void *copier_thread(void *arg)
{
	struct copier *c = arg;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		while (!c->first && !c->stop)
			pthread_cond_wait(&c->work, &c->lock);
		if (!copier_do_first(c))
			break;
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

int copier_start(struct copier *c, unsigned int threads)
{
	sigset_t all, old;
	int ret = 0;

	memset(c, 0, sizeof(*c));
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->work, NULL);
	pthread_cond_init(&c->done, NULL);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (c->nthreads < threads && !ret) {
		ret = pthread_create(&c->threads[c->nthreads], NULL, copier_thread, c);
		c->nthreads += !ret;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!c->nthreads)
		return msg_error("cannot start a thread: %s", strerror(ret));
	return 0;
}

void copier_submit(struct copier *c, struct copier_job *job)
{
	pthread_mutex_lock(&c->lock);
	job->done = false;
	job->next = NULL;
	if (c->first)
		c->last->next = job;
	else
		c->first = job;
	c->last = job;
	pthread_cond_signal(&c->work);
	pthread_mutex_unlock(&c->lock);
}

void copier_wait(struct copier *c, struct copier_job *job)
{
	pthread_mutex_lock(&c->lock);
	while (!job->done)
		pthread_cond_wait(&c->done, &c->lock);
	pthread_mutex_unlock(&c->lock);
}

void copier_copy(struct copier *c, const uint8_t *const *src, uint8_t *const *dst, size_t n)
{
	struct copier_job jobs[COPIER_PIECES];
	size_t piece = n / COPIER_PIECES + 1, at;
	unsigned int used = 0, i;

	if (piece < COPIER_PIECE)
		piece = COPIER_PIECE;
	for (at = 0; at < n; at += piece) {
		jobs[used] = (struct copier_job){ .src = src + at, .dst = dst + at, .n = piece };
		if (n - at < piece)
			jobs[used].n = n - at;
		copier_submit(c, &jobs[used++]);
	}
	/* Take part, so that a thread that gets no processor holds nothing up. */
	pthread_mutex_lock(&c->lock);
	while (copier_do_first(c))
		;
	pthread_mutex_unlock(&c->lock);
	for (i = 0; i < used; i++)
		copier_wait(c, &jobs[i]);
}

void copier_stop(struct copier *c)
{
	unsigned int i;

	if (!c->nthreads)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_broadcast(&c->work);
	pthread_mutex_unlock(&c->lock);
	for (i = 0; i < c->nthreads; i++)
		pthread_join(c->threads[i], NULL);
	pthread_cond_destroy(&c->work);
	pthread_cond_destroy(&c->done);
	pthread_mutex_destroy(&c->lock);
	c->nthreads = 0;
}
