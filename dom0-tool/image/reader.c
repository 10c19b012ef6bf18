// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "msg.h"
#include "reader.h"
#include "signals.h"

#define READER_BUFFER (1u << 20)

int reader_open(struct reader *r, int fd)
{
	struct stat st;

	memset(r, 0, sizeof(*r));
	if (fstat(fd, &st))
		return msg_error("cannot look at the image: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return msg_error("the image is not a regular file");
	r->fd = fd;
	r->size = st.st_size;
	r->room = r->size < READER_BUFFER ? r->size + 1 : READER_BUFFER;
	r->buffer = malloc(r->room);
	r->digest = XXH3_createState();
	if (!r->buffer || !r->digest) {
		reader_close(r);
		return msg_error("out of memory to read the image");
	}
	XXH3_128bits_reset(r->digest);
	return 0;
}

static int reader_fill(struct reader *r)
{
	ssize_t n;

	do {
		if (signals_check())
			return -1;
		n = pread(r->fd, r->buffer, r->room, r->offset);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return msg_error("cannot read the image at offset %llu: %s",
				 (unsigned long long)r->offset, strerror(errno));
	if (!n)
		return msg_error("the image is cut short at offset %llu",
				 (unsigned long long)r->offset);
	r->start = 0;
	r->end = n;
	return 0;
}

static int reader_take(struct reader *r, uint8_t *data, uint64_t size, const char *what)
{
	size_t part;

	if (size > r->size - r->offset)
		return msg_error(
			"the image is cut short: %s at offset %llu has %llu bytes, the file ends at %llu",
			what, (unsigned long long)r->offset, (unsigned long long)size,
			(unsigned long long)r->size);
	while (size) {
		if (r->start == r->end && reader_fill(r))
			return -1;
		part = r->end - r->start;
		if (part > size)
			part = size;
		XXH3_128bits_update(r->digest, r->buffer + r->start, part);
		if (data) {
			memcpy(data, r->buffer + r->start, part);
			data += part;
		}
		r->start += part;
		r->offset += part;
		size -= part;
	}
	return 0;
}

int reader_read(struct reader *r, void *data, size_t size, const char *what)
{
	return reader_take(r, data, size, what);
}

int reader_skip(struct reader *r, uint64_t size, const char *what)
{
	return reader_take(r, NULL, size, what);
}

void reader_digest(const struct reader *r, uint8_t digest[16])
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(r->digest));
	memcpy(digest, canonical.digest, 16);
}

void reader_close(struct reader *r)
{
	free(r->buffer);
	XXH3_freeState(r->digest);
	r->buffer = NULL;
	r->digest = NULL;
}
