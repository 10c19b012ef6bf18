// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <string.h>

#include "msg.h"
#include "workers.h"

/**
 * struct workers_start - what a thread is told
 * @number: of the thread; its own once @taken
 */
struct workers_start {
	struct workers *workers;
	unsigned int number;
	bool taken;
};

static void workers_do_first(struct workers *w, unsigned int number)
{
	struct workers_job *job = w->first;

	w->first = job->next;
	pthread_mutex_unlock(&w->lock);
	w->run(job, number);
	pthread_mutex_lock(&w->lock);
	job->done = true;
	pthread_cond_broadcast(&w->done);
}

static void *workers_thread(void *arg)
{
	struct workers_start *start = arg;
	struct workers *w = start->workers;
	unsigned int number = start->number;

	pthread_mutex_lock(&w->lock);
	start->taken = true;
	pthread_cond_broadcast(&w->done);
	while (!w->stop) {
		if (w->first)
			workers_do_first(w, number);
		else
			pthread_cond_wait(&w->work, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static int workers_add(struct workers *w)
{
	struct workers_start start = { .workers = w, .number = w->nthreads };
	int ret;

	ret = pthread_create(&w->threads[w->nthreads], NULL, workers_thread, &start);
	if (ret)
		return ret;
	w->nthreads++;
	pthread_mutex_lock(&w->lock);
	while (!start.taken)
		pthread_cond_wait(&w->done, &w->lock);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

int workers_start(struct workers *w, unsigned int threads, workers_run *run)
{
	sigset_t all, old;
	int ret = 0;

	memset(w, 0, sizeof(*w));
	w->run = run;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	pthread_cond_init(&w->done, NULL);
	if (threads > WORKERS_MAX)
		threads = WORKERS_MAX;
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (w->nthreads < threads && !ret)
		ret = workers_add(w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (threads && !w->nthreads)
		return msg_error("cannot start a thread: %s", strerror(ret));
	return 0;
}

void workers_submit(struct workers *w, struct workers_job *job)
{
	if (!w->nthreads) {
		w->run(job, 0);
		job->done = true;
		return;
	}
	pthread_mutex_lock(&w->lock);
	job->done = false;
	job->next = NULL;
	if (w->first)
		w->last->next = job;
	else
		w->first = job;
	w->last = job;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
}

bool workers_done(struct workers *w, const struct workers_job *job)
{
	bool done;

	pthread_mutex_lock(&w->lock);
	done = job->done;
	pthread_mutex_unlock(&w->lock);
	return done;
}

void workers_wait(struct workers *w, const struct workers_job *job)
{
	workers_wait_told(w, &job->done);
}

bool workers_take_back(struct workers *w, struct workers_job *job)
{
	struct workers_job **at, *before = NULL;
	bool found;

	pthread_mutex_lock(&w->lock);
	for (at = &w->first; *at && *at != job; at = &(*at)->next)
		before = *at;
	found = *at;
	if (found) {
		*at = job->next;
		if (w->last == job)
			w->last = before;
	}
	pthread_mutex_unlock(&w->lock);
	return found;
}

void workers_tell(struct workers *w, bool *flag)
{
	pthread_mutex_lock(&w->lock);
	*flag = true;
	pthread_cond_broadcast(&w->done);
	pthread_mutex_unlock(&w->lock);
}

void workers_wait_told(struct workers *w, const bool *flag)
{
	pthread_mutex_lock(&w->lock);
	while (!*flag)
		pthread_cond_wait(&w->done, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

void workers_stop(struct workers *w)
{
	unsigned int i;

	if (!w->run)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_broadcast(&w->work);
	pthread_mutex_unlock(&w->lock);
	for (i = 0; i < w->nthreads; i++)
		pthread_join(w->threads[i], NULL);
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->done);
	pthread_mutex_destroy(&w->lock);
	memset(w, 0, sizeof(*w));
}
