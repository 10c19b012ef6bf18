// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "msg.h"
#include "reader.h"
#include "signals.h"

#define READER_BUFFER (1u << 20)

/* A disk is asked for so much before it is needed: what the system does by itself is little. */
#define READER_AHEAD (16u << 20)

/* Memory that is made for a read before any of its bytes came. */
#define READER_STEP (1u << 16)

/* A signal that comes just before a wait is seen after it, in ms. */
#define READER_WAIT 200

bool reader_try_again(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (errno == EINTR)
		return true;
	if (errno != EAGAIN)
		return false;
	poll(&pfd, 1, READER_WAIT);
	return true;
}

int reader_open(struct reader *r, int fd)
{
	struct stat st;

	memset(r, 0, sizeof(*r));
	if (fstat(fd, &st))
		return msg_error("cannot look at the image: %s", strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode))
		return msg_error("the image is not a regular file or a pipe");
	r->fd = fd;
	r->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : READER_SIZE_UNKNOWN;
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

void reader_drop_digest(struct reader *r)
{
	XXH3_freeState(r->digest);
	r->digest = NULL;
}

void reader_push(struct reader *r, const void *data, size_t size)
{
	memcpy(r->buffer, data, size);
	r->end = size;
}

/* Have the next bytes of a file read while others are worked on. */
static void reader_ask_ahead(struct reader *r)
{
	if (r->size == READER_SIZE_UNKNOWN || r->offset + READER_AHEAD / 2 < r->asked)
		return;
	if (r->asked < r->offset)
		r->asked = r->offset;
	posix_fadvise(r->fd, r->asked, READER_AHEAD, POSIX_FADV_WILLNEED);
	r->asked += READER_AHEAD;
}

/* Returns the number of bytes that came, 0 at the end, or -1 with an error recorded. */
static ssize_t reader_fill(struct reader *r)
{
	ssize_t n;

	reader_ask_ahead(r);
	do {
		if (signals_check())
			return -1;
		if (r->size == READER_SIZE_UNKNOWN)
			n = read(r->fd, r->buffer, r->room);
		else
			n = pread(r->fd, r->buffer, r->room, r->offset);
	} while (n < 0 && reader_try_again(r->fd));
	if (n < 0)
		return msg_error("cannot read the image at offset %llu: %s",
				 (unsigned long long)r->offset, strerror(errno));
	r->start = 0;
	r->end = n;
	return n;
}

static int reader_cut_short(uint64_t at, uint64_t size, uint64_t end, const char *what)
{
	return msg_error(
		"the image is cut short: %s at offset %llu has %llu bytes, the file ends at %llu",
		what, (unsigned long long)at, (unsigned long long)size, (unsigned long long)end);
}

static int reader_take(struct reader *r, uint8_t *data, uint64_t size, const char *what)
{
	uint64_t at = r->offset, left = size;
	size_t part;
	ssize_t n;

	if (size > r->size - r->offset)
		return reader_cut_short(at, size, r->size, what);
	while (left) {
		if (r->start == r->end) {
			n = reader_fill(r);
			if (n <= 0)
				return n ? -1 : reader_cut_short(at, size, r->offset, what);
		}
		part = r->end - r->start;
		if (part > left)
			part = left;
		if (r->digest)
			XXH3_128bits_update(r->digest, r->buffer + r->start, part);
		if (data) {
			memcpy(data, r->buffer + r->start, part);
			data += part;
		}
		r->start += part;
		r->offset += part;
		left -= part;
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

int reader_read_new(struct reader *r, void **data, size_t size, const char *what)
{
	size_t have = 0, room = 0;
	uint8_t *bytes = NULL, *more;

	*data = NULL;
	do {
		/* Doubled, so that no more memory is used than bytes came. */
		room = room ? 2 * room : READER_STEP;
		if (room > size)
			room = size ? size : 1;
		more = realloc(bytes, room);
		if (!more) {
			free(bytes);
			return msg_error("out of memory for %zu bytes of %s", room, what);
		}
		bytes = more;
		if (size && reader_take(r, bytes + have, room - have, what)) {
			free(bytes);
			return -1;
		}
		have = room;
	} while (have < size);
	*data = bytes;
	return 0;
}

int reader_at_end(struct reader *r, bool *end)
{
	ssize_t n = 1;

	if (r->size != READER_SIZE_UNKNOWN) {
		*end = r->offset >= r->size;
		return 0;
	}
	if (r->start == r->end)
		n = reader_fill(r);
	*end = !n;
	return n < 0 ? -1 : 0;
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
