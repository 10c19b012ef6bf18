// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* O_DIRECT, fallocate, sync_file_range */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "ioqueue.h"
#include "ioqueue_backend.h"
#include "msg.h"
#include "signals.h"

/* A request that makes no progress fails after a second. */
#define IOQUEUE_TRIES 1000
#define IOQUEUE_RETRY_US 1000

static struct ioqueue_request *ioqueue_at(struct ioqueue *q, uint64_t number)
{
	return &q->requests[number % IOQUEUE_REQUESTS];
}

/* Another description of the file; one without a name is reached this way only. */
static int ioqueue_open_direct(const struct ioqueue *q)
{
	char self[64];

	if (q->opts.fail_direct)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", q->fd);
	return open(self, (q->write ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);
}

static void ioqueue_choose_backend(struct ioqueue *q)
{
	if (!q->opts.fail_uring)
		q->backend = ioqueue_uring_new(q->write);
	q->uring = q->backend;
	if (!q->backend)
		q->backend =
			ioqueue_threads_new(q->write, q->opts.no_threads ? 0 : IOQUEUE_THREADS);
}

struct ioqueue *ioqueue_new(int fd, const char *path, bool write,
			    const struct ioqueue_options *opts)
{
	struct ioqueue *q = calloc(1, sizeof(*q));

	if (!q)
		goto no_memory;
	q->path = path;
	q->fd = fd;
	q->write = write;
	q->punch = true;
	if (opts)
		q->opts = *opts;
	q->direct_fd = ioqueue_open_direct(q);
	q->direct = q->direct_fd >= 0;
	q->ring = mmap(NULL, IOQUEUE_RING, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	if (q->ring == MAP_FAILED)
		q->ring = NULL;
	ioqueue_choose_backend(q);
	if (q->ring && q->backend)
		return q;
	ioqueue_free(q);
no_memory:
	msg_error("out of memory for %u MiB of buffers", IOQUEUE_RING >> 20);
	return NULL;
}

static int ioqueue_fail(struct ioqueue *q, uint64_t offset, const char *why)
{
	const char *quote = q->path ? "'" : "";

	q->failed = true;
	return msg_error("cannot %s %s%s%s at offset %llu: %s", q->write ? "write" : "read", quote,
			 q->path ? q->path : "the image", quote, (unsigned long long)offset, why);
}

static int ioqueue_try(struct ioqueue *q, struct ioqueue_request *req)
{
	int ret = q->backend->ops->start(q->backend, req);

	req->busy = !ret;
	return ret ? ioqueue_fail(q, req->offset, strerror(-ret)) : 0;
}

/* Where O_DIRECT is refused, the disk works from the beginning on too. fsync() tells what fails. */
static void ioqueue_begin_disk(const struct ioqueue *q, const struct ioqueue_request *req)
{
	if (q->write && req->fd == q->fd)
		sync_file_range(q->fd, req->offset, req->size, SYNC_FILE_RANGE_WRITE);
}

/* Go on after a try that came to @result. 0 or -1, recorded. */
static int ioqueue_go_on(struct ioqueue *q, struct ioqueue_request *req, int result)
{
	if (req->fd == q->direct_fd && (result == -EINVAL || result == -EOPNOTSUPP)) {
		q->direct = false;
		req->fd = q->fd;
		return ioqueue_try(q, req);
	}
	if ((result == -EAGAIN || result == -EINTR) && ++req->tries < IOQUEUE_TRIES) {
		clock_sleep_us(IOQUEUE_RETRY_US);
		return ioqueue_try(q, req);
	}
	if (result < 0)
		return ioqueue_fail(q, req->offset + req->done, strerror(-result));
	if (!result)
		return ioqueue_fail(q, req->offset + req->done,
				    q->write ? "nothing written" : "it is cut short");
	req->tries = 0;
	req->done += result;
	if (req->done == req->size) {
		ioqueue_begin_disk(q, req);
		return 0;
	}
	/* O_DIRECT would refuse to go on from there. */
	if (req->done % IOQUEUE_ALIGN)
		req->fd = q->fd;
	return ioqueue_try(q, req);
}

/* Wait for the end of one try. */
static int ioqueue_reap(struct ioqueue *q)
{
	struct ioqueue_request *req;
	int result;

	if (signals_check())
		return -1;
	req = q->backend->ops->wait(q->backend);
	if (!req)
		return errno == EINTR ? signals_check() : ioqueue_fail(q, 0, strerror(errno));
	req->busy = false;
	result = req->result;
	if (q->opts.result)
		result = q->opts.result(q->opts.data, req, result);
	return ioqueue_go_on(q, req, result);
}

static int ioqueue_wait(struct ioqueue *q, const struct ioqueue_request *req)
{
	while (req->busy)
		if (ioqueue_reap(q))
			return -1;
	/* The error was recorded when it came. */
	return q->failed ? -1 : 0;
}

/* Where the next request begins: its bytes do not wrap around. */
static uint64_t ioqueue_begin(const struct ioqueue *q)
{
	uint64_t left = IOQUEUE_RING - q->at % IOQUEUE_RING;

	return left < IOQUEUE_BYTES ? q->at + left : q->at;
}

bool ioqueue_full(const struct ioqueue *q)
{
	if (q->head == q->tail)
		return false;
	return q->head - q->tail == IOQUEUE_REQUESTS ||
	       ioqueue_begin(q) + IOQUEUE_BYTES - ioqueue_at((struct ioqueue *)q, q->tail)->begin >
		       IOQUEUE_RING;
}

struct ioqueue_request *ioqueue_room(struct ioqueue *q)
{
	struct ioqueue_request *req;

	if (q->failed || signals_check())
		return NULL;
	while (q->write && ioqueue_full(q)) {
		if (ioqueue_wait(q, ioqueue_at(q, q->tail)))
			return NULL;
		while (q->tail < q->head && !ioqueue_at(q, q->tail)->busy)
			q->tail++;
	}
	req = ioqueue_at(q, q->head);
	req->begin = ioqueue_begin(q);
	req->data = q->ring + req->begin % IOQUEUE_RING;
	return req;
}

/* Wait for what touches these bytes. */
static int ioqueue_settle(struct ioqueue *q, uint64_t offset, uint64_t size)
{
	const struct ioqueue_request *req;
	uint64_t n;

	for (n = q->tail; n < q->head; n++) {
		req = ioqueue_at(q, n);
		if (req->offset < offset + size && offset < req->offset + req->size &&
		    ioqueue_wait(q, req))
			return -1;
	}
	return q->failed ? -1 : 0;
}

int ioqueue_start(struct ioqueue *q, struct ioqueue_request *req)
{
	if (q->write && ioqueue_settle(q, req->offset, req->size))
		return -1;
	req->done = 0;
	req->tries = 0;
	req->fd = q->direct ? q->direct_fd : q->fd;
	q->at = req->begin + req->size;
	q->head++;
	return ioqueue_try(q, req);
}

static int ioqueue_punch(const struct ioqueue *q, uint64_t offset, uint64_t size)
{
	int ret;

	if (q->opts.fail_punch)
		return -1;
	do
		ret = fallocate(q->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size);
	while (ret && errno == EINTR && !signals_stop());
	return ret;
}

int ioqueue_clear(struct ioqueue *q, uint64_t offset, uint64_t size)
{
	struct ioqueue_request *req;

	if (ioqueue_settle(q, offset, size))
		return -1;
	if (q->punch && !ioqueue_punch(q, offset, size))
		return 0;
	q->punch = false;
	for (; size; offset += req->size, size -= req->size) {
		req = ioqueue_room(q);
		if (!req)
			return -1;
		req->offset = offset;
		req->size = size < IOQUEUE_BYTES ? size : IOQUEUE_BYTES;
		memset(req->data, 0, req->size);
		if (ioqueue_start(q, req))
			return -1;
	}
	return 0;
}

int ioqueue_drain(struct ioqueue *q)
{
	return ioqueue_settle(q, 0, UINT64_MAX);
}

bool ioqueue_has_next(const struct ioqueue *q)
{
	return q->given < q->head;
}

struct ioqueue_request *ioqueue_next(struct ioqueue *q)
{
	struct ioqueue_request *req = ioqueue_at(q, q->given);

	if (ioqueue_wait(q, req))
		return NULL;
	q->given++;
	return req;
}

void ioqueue_retire(struct ioqueue *q)
{
	q->tail = q->given;
}

/* Nobody may write to memory that is someone else's by then. */
static void ioqueue_abandon(struct ioqueue *q)
{
	struct ioqueue_request *req;
	uint64_t n;

	for (n = q->tail; n < q->head; n++)
		while (ioqueue_at(q, n)->busy) {
			req = q->backend->ops->wait(q->backend);
			if (req)
				req->busy = false;
			else if (errno != EINTR)
				return;
		}
}

void ioqueue_free(struct ioqueue *q)
{
	if (!q)
		return;
	if (q->backend) {
		ioqueue_abandon(q);
		q->backend->ops->free(q->backend);
	}
	if (q->ring)
		munmap(q->ring, IOQUEUE_RING);
	if (q->direct_fd >= 0)
		close(q->direct_fd);
	free(q);
}
