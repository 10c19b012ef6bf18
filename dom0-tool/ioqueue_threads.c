// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "ioqueue_backend.h"

/**
 * struct ioqueue_list - requests, the oldest first
 */
struct ioqueue_list {
	struct ioqueue_request *first;
	struct ioqueue_request *last;
};

/**
 * struct ioqueue_threads - threads
 * @todo: what none of them took yet
 * @done: what nobody waited for yet
 */
struct ioqueue_threads {
	struct ioqueue_backend backend;
	pthread_t threads[IOQUEUE_THREADS];
	unsigned int nthreads;
	pthread_mutex_t lock;
	pthread_cond_t work;
	pthread_cond_t ready;
	struct ioqueue_list todo;
	struct ioqueue_list done;
	bool stop;
};

static struct ioqueue_threads *threads_of(struct ioqueue_backend *backend)
{
	return (struct ioqueue_threads *)backend;
}

static void list_put(struct ioqueue_list *list, struct ioqueue_request *req)
{
	req->next = NULL;
	if (list->first)
		list->last->next = req;
	else
		list->first = req;
	list->last = req;
}

static struct ioqueue_request *list_take(struct ioqueue_list *list)
{
	struct ioqueue_request *req = list->first;

	if (req)
		list->first = req->next;
	return req;
}

static void threads_try(bool write, struct ioqueue_request *req)
{
	size_t size = req->size - req->done;
	uint64_t offset = req->offset + req->done;
	ssize_t n;

	n = write ? pwrite(req->fd, req->data + req->done, size, offset) :
		    pread(req->fd, req->data + req->done, size, offset);
	req->result = n < 0 ? -errno : (int)n;
}

static void *threads_run(void *arg)
{
	struct ioqueue_threads *t = arg;
	struct ioqueue_request *req;

	pthread_mutex_lock(&t->lock);
	for (;;) {
		while (!t->todo.first && !t->stop)
			pthread_cond_wait(&t->work, &t->lock);
		req = list_take(&t->todo);
		if (!req)
			break;
		pthread_mutex_unlock(&t->lock);
		threads_try(t->backend.write, req);
		pthread_mutex_lock(&t->lock);
		list_put(&t->done, req);
		pthread_cond_signal(&t->ready);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static int threads_start(struct ioqueue_backend *backend, struct ioqueue_request *req)
{
	struct ioqueue_threads *t = threads_of(backend);

	if (!t->nthreads) {
		threads_try(backend->write, req);
		list_put(&t->done, req);
		return 0;
	}
	pthread_mutex_lock(&t->lock);
	list_put(&t->todo, req);
	pthread_cond_signal(&t->work);
	pthread_mutex_unlock(&t->lock);
	return 0;
}

static struct ioqueue_request *threads_wait(struct ioqueue_backend *backend)
{
	struct ioqueue_threads *t = threads_of(backend);
	struct ioqueue_request *req;

	pthread_mutex_lock(&t->lock);
	while (!t->done.first)
		pthread_cond_wait(&t->ready, &t->lock);
	req = list_take(&t->done);
	pthread_mutex_unlock(&t->lock);
	return req;
}

static void threads_free(struct ioqueue_backend *backend)
{
	struct ioqueue_threads *t = threads_of(backend);
	unsigned int i;

	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_broadcast(&t->work);
	pthread_mutex_unlock(&t->lock);
	for (i = 0; i < t->nthreads; i++)
		pthread_join(t->threads[i], NULL);
	pthread_cond_destroy(&t->ready);
	pthread_cond_destroy(&t->work);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static const struct ioqueue_backend_ops threads_ops = {
	.start = threads_start,
	.wait = threads_wait,
	.free = threads_free,
};

struct ioqueue_backend *ioqueue_threads_new(bool write, unsigned int threads)
{
	struct ioqueue_threads *t = calloc(1, sizeof(*t));
	sigset_t all, old;

	if (!t)
		return NULL;
	t->backend.ops = &threads_ops;
	t->backend.write = write;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->work, NULL);
	pthread_cond_init(&t->ready, NULL);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (t->nthreads < threads &&
	       !pthread_create(&t->threads[t->nthreads], NULL, threads_run, t))
		t->nthreads++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return &t->backend;
}
