/* SPDX-License-Identifier: GPL-2.0 */
/* Reading an image once from front to back, with its digest. */
#ifndef STILLPOINT_READER_H
#define STILLPOINT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xxhash.h>

/* The size of what comes out of a pipe. */
#define READER_SIZE_UNKNOWN UINT64_MAX

/**
 * struct reader - a file or a pipe being read
 * @size: of the file; READER_SIZE_UNKNOWN for a pipe
 * @offset: of the next byte
 * @asked: bytes that the system was asked to read ahead
 * @digest: over all bytes before @offset; NULL if nobody wants it
 * @buffer: @room bytes, of which those from @start to @end are still to be taken
 */
struct reader {
	int fd;
	uint64_t size;
	uint64_t offset;
	uint64_t asked;
	XXH3_state_t *digest;
	uint8_t *buffer;
	size_t room;
	size_t start;
	size_t end;
};

/*
 * After a read of @fd failed: true if it is to be tried again. Waits for bytes if it is a pipe
 * that someone made non-blocking, not for long, so that the caller looks at signals.
 */
bool reader_try_again(int fd);

/* Begin at the front of the regular file or the pipe @fd. Returns 0 or -1, recorded. */
int reader_open(struct reader *r, int fd);

/* Nobody wants the digest. Comes before all else. */
void reader_drop_digest(struct reader *r);

/*
 * Begin with the @size bytes at @data, few, which were read from the pipe before. Comes
 * before all else.
 */
void reader_push(struct reader *r, const void *data, size_t size);

/*
 * Read @size bytes; @what names them in the message if the file is too short.
 * Returns 0 or -1, recorded.
 */
int reader_read(struct reader *r, void *data, size_t size, const char *what);

/* As reader_read(), without keeping the bytes. */
int reader_skip(struct reader *r, uint64_t size, const char *what);

/*
 * As reader_read(), into memory of its own that is made as the bytes come: *data has
 * @size bytes, free() it; NULL on an error.
 */
int reader_read_new(struct reader *r, void **data, size_t size, const char *what);

/* *end becomes true if nothing follows. Returns 0 or -1, recorded. */
int reader_at_end(struct reader *r, bool *end);

/* Digest of all bytes before r->offset, in canonical form. */
void reader_digest(const struct reader *r, uint8_t digest[16]);

void reader_close(struct reader *r);

#endif /* STILLPOINT_READER_H */
