/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file that stands under its name only when it is complete and on disk. It is
 * written without a name where the file system can do that (O_TMPFILE), so that
 * even a killed process leaves nothing behind, else as a hidden sibling that the
 * next output of that name removes. Readable by its owner only: it holds the
 * memory of a guest.
 *
 * Or standard output, which has none of this: what is written is gone, and it is
 * complete when the last byte was written.
 */
#ifndef STILLPOINT_OUTPUT_H
#define STILLPOINT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xxhash.h>

struct direct_file;

/**
 * struct output - an open file
 * @path: as given, for messages
 * @stream: it is standard output; what is about names and directories is unused
 * @dir: the directory, open
 * @name: last component of @path
 * @temp: name of the sibling, "" if the file has none
 * @replace: an existing file may be replaced
 * @named: the file stands under its name, or it cannot be told that it does not
 * @fill: bytes in @buffer
 * @length: bytes appended so far
 * @written: of these, those that were given to the file by way of the page cache
 * @begun: of these, those that the system was asked to begin to bring to disk
 * @digest: over those bytes; NULL if nobody wants it
 * @want_direct: it is to be written past the page cache, unless it is small
 * @direct: by which that is done, from the first byte on; or NULL
 */
struct output {
	const char *path;
	bool stream;
	int dir;
	int fd;
	char name[256];
	char temp[320];
	bool replace;
	bool named;
	uint8_t *buffer;
	size_t fill;
	uint64_t length;
	uint64_t written;
	uint64_t begun;
	XXH3_state_t *digest;
	bool want_direct;
	struct direct_file *direct;
};

/*
 * Begin a file for @path, which must stay valid. An existing one is an error
 * without @replace, and one that is no regular file always. "-" is standard output,
 * unless that is a terminal; from then on SIGPIPE is ignored, so that a reader that
 * went away is an error of output_append(). Returns 0, or -1 with an error recorded
 * and nothing left to undo.
 */
int output_open(struct output *out, const char *path, bool replace);

/*
 * Begin a file that belongs to that of @image. An existing one is never replaced: it belongs to
 * another image, which would be lost if only one of both were. 0 or -1, as output_open().
 */
int output_open_side(struct output *out, const char *path, const struct output *image);

/*
 * Returns 0 if @bytes more fit on the file system, or may fit into standard output,
 * else -1 with an error recorded.
 */
int output_check_space(const struct output *out, uint64_t bytes);

/* Append. Returns 0 or -1, recorded. */
int output_append(struct output *out, const void *data, size_t size);

/*
 * Write a file past the page cache, so that it takes none of the memory of others, if it is not
 * very small; that takes IOQUEUE_RING bytes. Standard output stays as it is. Comes before the first
 * byte.
 */
void output_want_direct(struct output *out);

/* Keep a digest of all bytes. Comes before the first one. Returns 0 or -1, recorded. */
int output_want_digest(struct output *out);

/* The digest of what was appended so far, in canonical form. Returns 0 or -1, recorded. */
int output_digest(const struct output *out, uint8_t digest[16]);

/* Write what is buffered; what reads the file finds it all. Returns 0 or -1, recorded. */
int output_flush(struct output *out);

/* Flush, and wait until the file is on disk. Returns 0 or -1, recorded. */
int output_sync(struct output *out);

/* Give the file its name, durably; standard output has one. Returns 0 or -1, recorded. */
int output_publish(struct output *out);

/*
 * As output_publish(), for a file that is nothing without its side file, nor that without it:
 * @side, NULL if there is none, comes first, and is taken away again if @out has no name in the
 * end.
 */
int output_publish_both(struct output *out, struct output *side);

/* Close; a file that was not published is gone. */
void output_close(struct output *out);

#endif /* STILLPOINT_OUTPUT_H */
