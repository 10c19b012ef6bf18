/* SPDX-License-Identifier: GPL-2.0 */
/* Whether two names, or descriptors, are of one file. */
#ifndef STILLPOINT_SAME_FILE_H
#define STILLPOINT_SAME_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

/* Block devices are told apart by what they are, whichever node that is. */
static inline bool same_file(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode) && S_ISBLK(b->st_mode))
		return a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

#endif /* STILLPOINT_SAME_FILE_H */
