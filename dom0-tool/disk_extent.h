/* SPDX-License-Identifier: GPL-2.0 */
/* Which bytes a path, or a block device, stands for: two of other names may have the same ones. */
#ifndef STILLPOINT_DISK_EXTENT_H
#define STILLPOINT_DISK_EXTENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct disk_extent - bytes of a file or of a whole block device, behind partitions and loop
 *	devices
 * @block: of a device
 * @dev: the device, or the one of the file system that has the file
 * @ino: of the file; 0 if @block
 * @start: the first byte
 * @end: the byte behind the last; UINT64_MAX if it goes to the end
 */
struct disk_extent {
	bool block;
	dev_t dev;
	ino_t ino;
	uint64_t start;
	uint64_t end;
};

/* Find that of a file or block device. Returns 0, or -1 with errno set. */
int disk_extent_of(const char *path, struct disk_extent *e);

/* Find that of the block device @dev. Returns 0, or -1 with errno set. */
int disk_extent_of_device(dev_t dev, struct disk_extent *e);

/*
 * Whether a loop device by which bytes of the file @e can be had is in exclusive use: mounted, or
 * below another device. Returns 1 or 0, or -1 with errno set if it cannot be told.
 */
int disk_extent_claimed(const struct disk_extent *e);

/* True if they have a byte in common. */
bool disk_extent_overlap(const struct disk_extent *a, const struct disk_extent *b);

/* True if they are the same bytes. */
bool disk_extent_same(const struct disk_extent *a, const struct disk_extent *b);

#endif /* STILLPOINT_DISK_EXTENT_H */
