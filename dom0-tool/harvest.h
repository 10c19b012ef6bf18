/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sets of dirty pages that the guest's module makes; control.h has the rules. The
 * guest's numbers and frames are checked, its sets are believed: a guest that lies
 * about them spoils its own image only.
 */
#ifndef STILLPOINT_HARVEST_H
#define STILLPOINT_HARVEST_H

#include "beat.h"
#include "bitmap.h"
#include "channel.h"
#include "ram.h"

/**
 * struct harvest - an epoch of tracking
 * @mem: memory of the guest, where its bitmap is read
 * @flags: STILLPOINT_TRACK_*
 * @timeout_ms: how long a set may take
 * @tracked: the epoch lasts
 * @half: the guest's half when the last set was made
 * @us: how long the last set took, as seen from here
 * @beat: tells the guest that we are there
 */
struct harvest {
	struct channel *ch;
	struct ram *mem;
	uint32_t flags;
	uint64_t timeout_ms;
	bool tracked;
	struct stillpoint_guest_half half;
	uint64_t us;
	struct beat beat;
};

/*
 * Begin an epoch. Returns 0, or -1 with an error recorded; harvest_stop() is due
 * either way.
 */
int harvest_start(struct harvest *h, struct channel *ch, struct ram *mem, uint32_t flags,
		  uint64_t timeout_ms);

/* Have the next set made. Returns 0, or -1 with an error recorded. */
int harvest_next(struct harvest *h);

/* The guest is parked and paused, and with that made the last set. 0 or -1, recorded. */
int harvest_parked(struct harvest *h);

/*
 * Add the set to @set, which has a bit for each pfn of the memory. The memory's p2m
 * must not be older than the set. Returns 0, or -1 with an error recorded.
 */
int harvest_collect(const struct harvest *h, struct bitmap *set);

/* End the epoch if it lasts. The guest must be able to run, unless it lasts no more. */
void harvest_stop(struct harvest *h);

#endif /* STILLPOINT_HARVEST_H */
