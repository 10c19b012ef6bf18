/* SPDX-License-Identifier: GPL-2.0 */
/* The file systems on a raw copy of a guest's disk, on which the guest may have put anything. */
#ifndef STILLPOINT_VOLUMES_H
#define STILLPOINT_VOLUMES_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct volume - one file system
 * @partition: its number, 0 if it fills the disk
 * @offset: where it begins, in bytes
 * @bytes: its length
 * @type: as mount(8) calls it, "" if there is nothing that is known
 */
struct volume {
	unsigned int partition;
	uint64_t offset;
	uint64_t bytes;
	char type[16];
};

/**
 * struct volumes - all of a disk
 */
struct volumes {
	struct volume *volume;
	size_t n;
};

/*
 * Find them on the file @fd, which messages call @name. Returns 0, or -1 with an error
 * recorded; volumes_free() is due either way.
 */
int volumes_find(struct volumes *volumes, int fd, const char *name);

/*
 * The options with which a file system of type @type is mounted without a write to its disk, not
 * even to replay a journal; NULL if that type is not for mounting.
 */
const char *volumes_options(const char *type);

void volumes_free(struct volumes *volumes);

#endif /* STILLPOINT_VOLUMES_H */
