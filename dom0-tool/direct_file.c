// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "direct_file.h"
#include "msg.h"

/**
 * struct direct_file - the file
 * @open: request that is being filled, @size bytes so far; NULL if there is none
 * @length: bytes that were appended
 * @settled: of these, those that direct_file_settle() has seen in the file
 */
struct direct_file {
	struct ioqueue *queue;
	int fd;
	const char *path;
	struct ioqueue_request *open;
	uint64_t length;
	uint64_t settled;
};

struct direct_file *direct_file_new(int fd, const char *path, const struct ioqueue_options *opts)
{
	struct direct_file *d = calloc(1, sizeof(*d));

	if (!d) {
		msg_error("out of memory to write '%s'", path);
		return NULL;
	}
	d->fd = fd;
	d->path = path;
	d->queue = ioqueue_new(fd, path, true, opts);
	if (d->queue)
		return d;
	free(d);
	return NULL;
}

/* Open the request of the bytes from @offset on, the first of which are those @size at @data. */
static int direct_file_open(struct direct_file *d, uint64_t offset, const void *data, size_t size)
{
	struct ioqueue_request *req = ioqueue_room(d->queue);

	if (!req)
		return -1;
	req->offset = offset;
	req->size = size;
	memcpy(req->data, data, size);
	d->open = req;
	return 0;
}

static int direct_file_start(struct direct_file *d)
{
	struct ioqueue_request *req = d->open;

	d->open = NULL;
	return ioqueue_start(d->queue, req);
}

int direct_file_append(struct direct_file *d, const void *data, size_t size)
{
	const uint8_t *p = data;
	size_t part;

	while (size) {
		/* The one before it was full, so this is a multiple of IOQUEUE_ALIGN. */
		if (!d->open && direct_file_open(d, d->length, p, 0))
			return -1;
		part = IOQUEUE_BYTES - d->open->size;
		if (part > size)
			part = size;
		memcpy(d->open->data + d->open->size, p, part);
		d->open->size += part;
		d->length += part;
		p += part;
		size -= part;
		if (d->open->size == IOQUEUE_BYTES && direct_file_start(d))
			return -1;
	}
	return 0;
}

/*
 * Write what was appended last with zeroes behind it. Its last bytes are written once more with
 * what comes next: only whole blocks can be written.
 */
static int direct_file_start_rest(struct direct_file *d)
{
	const struct ioqueue_request *req = d->open;
	const size_t rest = req->size % IOQUEUE_ALIGN, whole = req->size - rest;

	if (!rest)
		return direct_file_start(d);
	memset(req->data + req->size, 0, IOQUEUE_ALIGN - rest);
	d->open->size = whole + IOQUEUE_ALIGN;
	if (direct_file_start(d))
		return -1;
	/* The bytes of a request that was started last stay until after the next has begun. */
	return direct_file_open(d, req->offset + whole, req->data + whole, rest);
}

int direct_file_settle(struct direct_file *d)
{
	if (d->settled == d->length)
		return 0;
	if (d->open && direct_file_start_rest(d))
		return -1;
	if (ioqueue_drain(d->queue))
		return -1;
	if (ftruncate(d->fd, d->length))
		return msg_error("cannot make '%s' %llu bytes long: %s", d->path,
				 (unsigned long long)d->length, strerror(errno));
	d->settled = d->length;
	return 0;
}

void direct_file_free(struct direct_file *d)
{
	if (!d)
		return;
	ioqueue_free(d->queue);
	free(d);
}
