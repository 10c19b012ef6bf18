/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file that is written from its beginning to its end, past the page cache and several writes at
 * a time, as an ioqueue does it. Any number of bytes can be appended.
 */
#ifndef STILLPOINT_DIRECT_FILE_H
#define STILLPOINT_DIRECT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "ioqueue.h"

struct direct_file;

/*
 * For the regular file @fd, which is empty and open for both reading and writing. @fd and @path,
 * for messages, stay the caller's; @opts may be NULL. NULL with an error recorded.
 */
struct direct_file *direct_file_new(int fd, const char *path, const struct ioqueue_options *opts);

/*
 * Append; @data is copied. Returns 0, or -1 with an error recorded, which may be of bytes that came
 * earlier.
 */
int direct_file_append(struct direct_file *d, const void *data, size_t size);

/*
 * Wait until the file has all that was appended, and nothing else. More can be appended
 * afterwards. Returns 0 or -1, recorded.
 */
int direct_file_settle(struct direct_file *d);

/* Waits for what is under way; the file may have any length if it was not settled. NULL is fine. */
void direct_file_free(struct direct_file *d);

#endif /* STILLPOINT_DIRECT_FILE_H */
