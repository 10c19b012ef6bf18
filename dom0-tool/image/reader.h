/* SPDX-License-Identifier: GPL-2.0 */
/* Reading an image once from front to back, with its digest. */
#ifndef STILLPOINT_READER_H
#define STILLPOINT_READER_H

#include <stddef.h>
#include <stdint.h>

#include <xxhash.h>

/**
 * struct reader - a file being read
 * @size: of the file
 * @offset: of the next byte
 * @digest: over all bytes before @offset
 * @buffer: @room bytes, of which those from @start to @end are still to be taken
 */
struct reader {
	int fd;
	uint64_t size;
	uint64_t offset;
	XXH3_state_t *digest;
	uint8_t *buffer;
	size_t room;
	size_t start;
	size_t end;
};

/* Begin at the front of the regular file @fd. Returns 0 or -1, recorded. */
int reader_open(struct reader *r, int fd);

/*
 * Read @size bytes; @what names them in the message if the file is too short.
 * Returns 0 or -1, recorded.
 */
int reader_read(struct reader *r, void *data, size_t size, const char *what);

/* As reader_read(), without keeping the bytes. */
int reader_skip(struct reader *r, uint64_t size, const char *what);

/* Digest of all bytes before r->offset, in canonical form. */
void reader_digest(const struct reader *r, uint8_t digest[16]);

void reader_close(struct reader *r);

#endif /* STILLPOINT_READER_H */
