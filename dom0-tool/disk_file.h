/* SPDX-License-Identifier: GPL-2.0 */
/* Writing the copy of a disk to where a guest can use it. */
#ifndef STILLPOINT_DISK_FILE_H
#define STILLPOINT_DISK_FILE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Check that a disk of @bytes can be written to @path: there is nothing yet, or, with @force, a
 * file, or a block device that is large enough and not in use. Returns 0, or -1 with an error
 * recorded.
 */
int disk_file_check(const char *path, uint64_t bytes, bool force);

/*
 * Write it: @bytes of the file @from, as a reflink if that is possible. A new file appears when
 * it is complete and on disk. One that exists is overwritten in place, as a loop device may have
 * it open. Returns 0, or -1 with an error recorded.
 */
int disk_file_write(const char *path, int from, uint64_t bytes, bool force);

#endif /* STILLPOINT_DISK_FILE_H */
