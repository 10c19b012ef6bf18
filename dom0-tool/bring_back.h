/* SPDX-License-Identifier: GPL-2.0 */
/* Bringing back what is in the folder of a backup: the disks first, then the guest. */
#ifndef STILLPOINT_BRING_BACK_H
#define STILLPOINT_BRING_BACK_H

#include <stdbool.h>
#include <stddef.h>

#include "restore.h"

/**
 * struct bring_back - what is asked for
 * @path: of the folder
 * @disks: "VDEV=PATH": where a disk goes, if not to where it was
 * @ndisks: of these
 * @force: a disk that exists may be overwritten
 * @disks_only: the guest is not restored
 */
struct bring_back {
	const char *path;
	const char **disks;
	size_t ndisks;
	bool force;
	bool disks_only;
};

/*
 * Check all digests, write the disks, and restore the guest as @r asks for, whose path is set
 * here; *domid becomes the new domain, 0 if there is none. Nothing is written before everything
 * was checked. A disk that a domain uses is never overwritten. Returns 0, or -1 with an error
 * recorded.
 */
int bring_back(const struct bring_back *bb, struct restore *r, uint32_t *domid);

#endif /* STILLPOINT_BRING_BACK_H */
