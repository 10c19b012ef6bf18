// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* O_TMPFILE */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "msg.h"
#include "tmem_spool.h"

/**
 * struct spool_head - what stands before a part
 */
struct spool_head {
	uint32_t type;
	uint32_t mandatory;
	uint64_t size;
};

void tmem_spool_init(struct tmem_spool *spool)
{
	memset(spool, 0, sizeof(*spool));
	spool->fd = -1;
}

void tmem_spool_free(struct tmem_spool *spool)
{
	if (spool->fd >= 0)
		close(spool->fd);
	XXH3_freeState(spool->written);
	XXH3_freeState(spool->read);
	tmem_spool_init(spool);
}

static int spool_digests(struct tmem_spool *spool)
{
	spool->written = XXH3_createState();
	spool->read = XXH3_createState();
	if (!spool->written || !spool->read)
		return msg_error("out of memory for the digest of tmem pools");
	XXH3_128bits_reset(spool->written);
	XXH3_128bits_reset(spool->read);
	return 0;
}

/* A file that is gone with its descriptor, also where the file system has no O_TMPFILE. */
static int spool_open(struct tmem_spool *spool, const struct output *out)
{
	char name[64];

	spool->fd = openat(out->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (spool->fd >= 0)
		return 0;
	snprintf(name, sizeof(name), ".stillpoint-tmem.%ld", (long)getpid());
	spool->fd = openat(out->dir, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (spool->fd < 0)
		return msg_error("cannot make a file for tmem pools beside '%s': %s", out->path,
				 strerror(errno));
	unlinkat(out->dir, name, 0);
	return 0;
}

static int spool_write(struct tmem_spool *spool, const void *data, size_t size)
{
	const uint8_t *p = data;
	ssize_t n;

	XXH3_128bits_update(spool->written, data, size);
	while (size) {
		n = pwrite(spool->fd, p, size, spool->size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return msg_error("cannot keep tmem pools: %s",
					 n ? strerror(errno) : "nothing written");
		p += n;
		spool->size += n;
		size -= n;
	}
	return 0;
}

static int spool_read(struct tmem_spool *spool, void *data, size_t size)
{
	uint8_t *p = data;
	size_t left = size;
	ssize_t n;

	while (left) {
		n = pread(spool->fd, p, left, spool->at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return msg_error("cannot read back what was kept of tmem pools: %s",
					 n ? strerror(errno) : "the file is too short");
		p += n;
		spool->at += n;
		left -= n;
	}
	XXH3_128bits_update(spool->read, data, size);
	return 0;
}

/*
 * Bytes that could not be brought to disk are dropped from the page cache, and then a read gives
 * zeroes or older ones, without an error.
 */
static int spool_changed(void)
{
	return msg_error(
		"what was kept of tmem pools does not read back as it was written; see the system's log for errors of the disk, or write the image elsewhere");
}

static int spool_check(const struct tmem_spool *spool)
{
	if (spool->fd < 0 ||
	    XXH128_isEqual(XXH3_128bits_digest(spool->written), XXH3_128bits_digest(spool->read)))
		return 0;
	return spool_changed();
}

int tmem_spool_add(struct tmem_spool *spool, const struct output *out,
		   const struct image_tmem *part)
{
	struct spool_head head = {
		.type = part->type,
		.mandatory = part->mandatory,
		.size = part->size,
	};

	if (spool->fd < 0 && (spool_digests(spool) || spool_open(spool, out)))
		return -1;
	return spool_write(spool, &head, sizeof(head)) ||
			       spool_write(spool, part->body, part->size) ?
		       -1 :
		       0;
}

int tmem_spool_next(struct tmem_spool *spool, struct image_tmem *part)
{
	struct spool_head head;
	void *body;

	if (spool->at == spool->size)
		return spool_check(spool);
	if (spool_read(spool, &head, sizeof(head)))
		return -1;
	if (head.size > STILLPOINT_SECTION_MAX)
		return spool_changed();
	body = malloc(head.size + 1);
	if (!body)
		return msg_error("out of memory for a section of %llu bytes",
				 (unsigned long long)head.size);
	if (spool_read(spool, body, head.size)) {
		free(body);
		return -1;
	}
	*part = (struct image_tmem){
		.type = head.type,
		.mandatory = head.mandatory,
		.body = body,
		.size = head.size,
	};
	return 1;
}
