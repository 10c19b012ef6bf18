// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>

#include <liburing.h>

#include "clock.h"
#include "ioqueue_backend.h"

struct ioqueue_uring {
	struct ioqueue_backend backend;
	struct io_uring ring;
};

static struct ioqueue_uring *uring_of(struct ioqueue_backend *backend)
{
	return (struct ioqueue_uring *)backend;
}

static int uring_start(struct ioqueue_backend *backend, struct ioqueue_request *req)
{
	struct ioqueue_uring *u = uring_of(backend);
	/* There is an entry for each request, and each is submitted at once. */
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
	int ret;

	if (!sqe)
		return -EBUSY;
	if (backend->write)
		io_uring_prep_write(sqe, req->fd, req->data + req->done, req->size - req->done,
				    req->offset + req->done);
	else
		io_uring_prep_read(sqe, req->fd, req->data + req->done, req->size - req->done,
				   req->offset + req->done);
	io_uring_sqe_set_data(sqe, req);
	while ((ret = io_uring_submit(&u->ring)) < 0) {
		if (ret != -EAGAIN && ret != -EBUSY && ret != -EINTR)
			return ret;
		clock_sleep_us(1000);
	}
	return 0;
}

static struct ioqueue_request *uring_wait(struct ioqueue_backend *backend)
{
	struct ioqueue_uring *u = uring_of(backend);
	struct ioqueue_request *req;
	struct io_uring_cqe *cqe;
	int ret;

	ret = io_uring_wait_cqe(&u->ring, &cqe);
	if (ret) {
		errno = -ret;
		return NULL;
	}
	req = io_uring_cqe_get_data(cqe);
	req->result = cqe->res;
	io_uring_cqe_seen(&u->ring, cqe);
	return req;
}

static void uring_free(struct ioqueue_backend *backend)
{
	struct ioqueue_uring *u = uring_of(backend);

	io_uring_queue_exit(&u->ring);
	free(u);
}

static const struct ioqueue_backend_ops uring_ops = {
	.start = uring_start,
	.wait = uring_wait,
	.free = uring_free,
};

struct ioqueue_backend *ioqueue_uring_new(bool write)
{
	struct ioqueue_uring *u = calloc(1, sizeof(*u));
	int ret;

	if (!u)
		return NULL;
	ret = io_uring_queue_init(IOQUEUE_REQUESTS, &u->ring, 0);
	if (ret) {
		free(u);
		errno = -ret;
		return NULL;
	}
	u->backend.ops = &uring_ops;
	u->backend.write = write;
	return &u->backend;
}
