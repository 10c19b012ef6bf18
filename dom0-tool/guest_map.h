/* SPDX-License-Identifier: GPL-2.0 */
/* Bitmaps that the guest's module makes in memory of the guest; control.h has their form. */
#ifndef STILLPOINT_GUEST_MAP_H
#define STILLPOINT_GUEST_MAP_H

#include <stdint.h>

#include <linux/types.h>

#include "bitmap.h"
#include "ram.h"

/*
 * Add the bits of the guest's bitmap of @what for the pfns below @pfns to @to. @dir has
 * the pfns of its STILLPOINT_DIRS directories, as the guest says. Pages of them that could
 * not be mapped before are tried again: the balloon may have given the guest the same
 * frame back. Returns 0, or -1 with an error recorded if one or a page that they name is
 * no memory of @mem.
 */
int guest_map_read(struct ram *mem, const char *what, uint64_t pfns, const __u64 *dir,
		   struct bitmap *to);

#endif /* STILLPOINT_GUEST_MAP_H */
