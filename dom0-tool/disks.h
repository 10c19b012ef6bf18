/* SPDX-License-Identifier: GPL-2.0 */
/* The disks of a domain, and where in dom0 their bytes are. */
#ifndef STILLPOINT_DISKS_H
#define STILLPOINT_DISKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct disk - one disk
 * @vdev: what the guest calls it: letters and digits
 * @device: as it is configured
 * @path: the file that has its bytes, behind links and loop devices, or a block device as it is
 *	configured
 * @format: what is in there: "raw", "qcow2", ...
 * @block: @path is a block device
 * @bytes: of it, as disks_measure() found it
 * @readonly: for the guest
 */
struct disk {
	char vdev[32];
	char *device;
	char *path;
	char format[16];
	bool block;
	bool readonly;
	uint64_t bytes;
};

/**
 * struct disks - all of a domain, in the order of its configuration
 */
struct disks {
	struct disk *disk;
	size_t n;
};

/*
 * Add a disk to @disks, with what it is configured as; find where its bytes are. Returns 0,
 * or -1 with an error recorded.
 */
int disks_add(struct disks *disks, const char *vdev, const char *device, const char *format,
	      bool readonly);

/* Find how large the disks are. Returns 0, or -1 with an error recorded. */
int disks_measure(struct disks *disks);

/* True if both have the same disks, with their bytes at the same places. */
bool disks_are_same(const struct disks *a, const struct disks *b);

/* The disk @vdev, or NULL. */
struct disk *disks_find(const struct disks *disks, const char *vdev);

/*
 * A line for each disk, "VDEV FORMAT PATH", as a hook gets them. free() it; NULL with an error
 * recorded.
 */
char *disks_text(const struct disks *disks);

/* True if @vdev can be one: letters and digits, and not too long. */
bool disks_is_vdev(const char *vdev);

void disks_free(struct disks *disks);

#endif /* STILLPOINT_DISKS_H */
