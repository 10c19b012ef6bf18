/* SPDX-License-Identifier: GPL-2.0 */
/* What tries requests of a struct ioqueue, once each; the queue does the rest. */
#ifndef STILLPOINT_IOQUEUE_BACKEND_H
#define STILLPOINT_IOQUEUE_BACKEND_H

#include "ioqueue.h"

/**
 * struct ioqueue_backend_ops - an implementation
 * @start: try to read or write what is left of @req. 0 or a negative errno
 * @wait: wait until one of the tries ends, of which there must be one, and fill in its
 *	result. NULL with errno set, EINTR among others
 * @free: free all; nothing may be under way
 */
struct ioqueue_backend_ops {
	int (*start)(struct ioqueue_backend *backend, struct ioqueue_request *req);
	struct ioqueue_request *(*wait)(struct ioqueue_backend *backend);
	void (*free)(struct ioqueue_backend *backend);
};

struct ioqueue_backend {
	const struct ioqueue_backend_ops *ops;
	bool write;
};

/* Through io_uring. NULL with errno set if the kernel has or allows none. */
struct ioqueue_backend *ioqueue_uring_new(bool write);

/*
 * By up to @threads threads; if none can be started, by the caller's. NULL with
 * errno set.
 */
struct ioqueue_backend *ioqueue_threads_new(bool write, unsigned int threads);

#endif /* STILLPOINT_IOQUEUE_BACKEND_H */
