/* SPDX-License-Identifier: GPL-2.0 */
/* What is taken from a guest while it is parked and paused. */
#ifndef STILLPOINT_SNAPSHOT_H
#define STILLPOINT_SNAPSHOT_H

#include <stdint.h>

#include "bitmap.h"
#include "copier.h"
#include "domain.h"
#include "inverse.h"
#include "ram.h"
#include "page.h"
#include "staging.h"

/**
 * struct snapshot - the guest at one instant
 * @mem: its memory; mapped pages change again once the guest runs
 * @types: type of each pfn as the image has it so far, XEN_DOMCTL_PFINFO_*; XTAB for
 *	what is not in it
 * @list: pfns that the image does not have as they are now
 * @copy: staged copy of each of @list, NULL if there is none
 * @n: number of these
 * @room: pfns that the arrays have room for
 * @staged: how many of @list have a copy
 * @spilled: how many of @list have data, but no copy
 * @dropped: how many of @list are in the image with data, and have none any more
 * @vcpus: the online ones
 */
struct snapshot {
	struct domain *dom;
	struct ram *mem;
	uint32_t *types;
	uint32_t *list;
	uint8_t **copy;
	uint64_t n;
	uint64_t room;
	uint64_t staged;
	uint64_t spilled;
	uint64_t dropped;
	struct tsc_state tsc;
	struct vcpu_state *vcpus;
	size_t nvcpus;
	uint8_t shared_info[PAGE_BYTES];
};

void snapshot_init(struct snapshot *snap, struct domain *dom, struct ram *mem);

/* Make room for @size pfns. Returns 0, or -1 with an error recorded. */
int snapshot_grow(struct snapshot *snap, uint64_t size);

/* Find the types of the pages in @pending, which become the list. 0 or -1, recorded. */
int snapshot_types(struct snapshot *snap, const struct bitmap *pending);

/*
 * Check that @mfn is the frame of start_info, with its own frames as pfns, as a
 * restore wants it. @inv may be of an earlier time. Returns 0, or -1 with an error
 * recorded.
 */
int snapshot_check_start_info(const struct snapshot *snap, const struct inverse *inv, uint64_t mfn);

/* Copy vCPUs 0 to @max_vcpu_id, time and shared info. Returns 0, or -1, recorded. */
int snapshot_state(struct snapshot *snap, uint32_t max_vcpu_id);

/*
 * Copy pages to @staging: page tables and pfns from @limit on always, others as its
 * budget allows. What has no copy afterwards (snapshot_spilled()) must be used before
 * the guest runs. Returns 0, or -1 with an error recorded.
 */
int snapshot_copy(struct snapshot *snap, struct copier *copier, struct staging *staging,
		  uint64_t limit);

/* True if entry @i of the list has data but no copy. */
static inline bool snapshot_spilled(const struct snapshot *snap, uint64_t i)
{
	return page_type_has_data(snap->types[snap->list[i]]) && !snap->copy[i];
}

/*
 * Bring page tables and vCPUs into the stream's form, in place. Returns 0, or -1
 * with an error recorded.
 */
int snapshot_normalise(struct snapshot *snap, const struct inverse *inv);

void snapshot_free(struct snapshot *snap);

#endif /* STILLPOINT_SNAPSHOT_H */
