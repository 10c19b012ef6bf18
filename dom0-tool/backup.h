/* SPDX-License-Identifier: GPL-2.0 */
/* A folder with a guest's disks, and its memory, of one instant. */
#ifndef STILLPOINT_BACKUP_H
#define STILLPOINT_BACKUP_H

#include <stdbool.h>

#include "domain.h"
#include "save.h"

#define BACKUP_MEMORY "memory.sp"
#define BACKUP_CONFIG "config.json"

/* What a disk hook calls its copies: VDEV.img if it is raw, else VDEV.qcow2. */
#define BACKUP_RAW ".img"
#define BACKUP_QCOW2 ".qcow2"

/**
 * struct backup_options - how
 * @path: of the folder
 * @memory: save the guest's memory, too; else its file systems must be frozen
 * @save: how, for what a save takes; its path is set here
 * @hook: copies the disks; its target is set here
 */
struct backup_options {
	const char *path;
	bool memory;
	struct save_options save;
	struct disk_hook hook;
};

/**
 * struct backup_result - what happened; times in microseconds
 * @save: of the memory
 * @disks: how many there are
 * @bytes: of all files
 * @frozen: file systems that were frozen
 * @frozen_us: for how long, 0 if they were not
 * @total_us: of all
 */
struct backup_result {
	struct save_result save;
	unsigned int disks;
	uint64_t bytes;
	uint64_t frozen;
	uint64_t frozen_us;
	uint64_t total_us;
};

/*
 * Returns 0, or -1 with an error recorded, the guest running, and no folder of that name, unless
 * the error says that it stays.
 */
int backup_run(struct domain *dom, const struct backup_options *opts, struct backup_result *result);

#endif /* STILLPOINT_BACKUP_H */
