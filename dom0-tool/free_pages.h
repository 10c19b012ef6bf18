/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages that the guest's kernel has free: what is in them has no meaning. While the
 * guest runs they are put off; those that are free at the park are in the image without
 * data. The guest is believed: one that lies spoils its own image only.
 */
#ifndef STILLPOINT_FREE_PAGES_H
#define STILLPOINT_FREE_PAGES_H

#include <stdint.h>

#include "bitmap.h"
#include "channel.h"
#include "ram.h"
#include "snapshot.h"

/**
 * struct free_pages - bits by pfn
 * @now: free when the guest told last, and not granted
 * @plain: not to be copied yet, and plain memory when their types were asked for; in no
 *	set since, so that they are so still
 * @image: in the image as free
 * @us: how long the guest took to find @now
 */
struct free_pages {
	struct bitmap now;
	struct bitmap plain;
	struct bitmap image;
	uint64_t us;
};

/* Make room for @size pfns. Returns 0, or -1 with an error recorded. */
int free_pages_grow(struct free_pages *fp, uint64_t size);

/*
 * Take over what the guest told last, without what is @granted. None is free if its
 * module cannot tell. Returns 0, or -1 with an error recorded.
 */
int free_pages_read(struct free_pages *fp, const struct channel *ch, struct ram *mem,
		    const struct bitmap *granted);

/* How many of @pending need to be copied. */
uint64_t free_pages_rest(const struct free_pages *fp, const struct bitmap *pending);

/*
 * The guest is parked: those of @pending that are known to be plain memory are in the
 * image as free, and pending no more.
 */
void free_pages_take(struct free_pages *fp, struct snapshot *snap, struct bitmap *pending);

/* The same for those of the snapshot's list, of which the types are known now. */
void free_pages_take_listed(struct free_pages *fp, struct snapshot *snap);

/* The same for those that the image has with data. */
void free_pages_take_written(struct free_pages *fp, const struct snapshot *snap);

void free_pages_free(struct free_pages *fp);

#endif /* STILLPOINT_FREE_PAGES_H */
