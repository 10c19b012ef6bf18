/* SPDX-License-Identifier: GPL-2.0 */
/* What is taken from a guest while it is parked and paused. */
#ifndef STILLPOINT_SNAPSHOT_H
#define STILLPOINT_SNAPSHOT_H

#include <stdint.h>

#include "domain.h"
#include "inverse.h"
#include "ram.h"
#include "page.h"
#include "staging.h"
#include "tracker.h"

/**
 * struct snapshot - the guest at one instant
 * @mem: its memory; mapped pages change again once the guest runs
 * @types: type of each pfn, XEN_DOMCTL_PFINFO_*
 * @copy: staged copy of each pfn, NULL if there is none
 * @pages: pfns with data
 * @staged: pfns with data and a copy
 * @vcpus: the online ones
 */
struct snapshot {
	struct domain *dom;
	struct ram *mem;
	uint32_t *types;
	uint8_t **copy;
	uint64_t pages;
	uint64_t staged;
	struct tsc_state tsc;
	struct vcpu_state *vcpus;
	size_t nvcpus;
	uint8_t shared_info[PAGE_BYTES];
};

void snapshot_init(struct snapshot *snap, struct domain *dom, struct ram *mem);

/* Find the type of each page of snap->mem. Returns 0, or -1 with an error recorded. */
int snapshot_types(struct snapshot *snap);

/*
 * Check that @mfn is the frame of start_info, with its own frames as pfns, as a
 * restore wants it. Returns 0, or -1 with an error recorded.
 */
int snapshot_check_start_info(const struct snapshot *snap, uint64_t mfn);

/* Copy vCPUs 0 to @max_vcpu_id, time and shared info. Returns 0, or -1, recorded. */
int snapshot_state(struct snapshot *snap, uint32_t max_vcpu_id);

/*
 * Copy pages to @staging: page tables always, others as its budget allows. What
 * has no copy afterwards (snapshot_spilled()) must be used before the guest runs.
 * Returns 0, or -1 with an error recorded.
 */
int snapshot_copy(struct snapshot *snap, const struct tracker *tracker, struct staging *staging);

/* True if page @pfn has data but no copy. */
static inline bool snapshot_spilled(const struct snapshot *snap, uint64_t pfn)
{
	return page_type_has_data(snap->types[pfn]) && !snap->copy[pfn];
}

/*
 * Bring page tables and vCPUs into the stream's form, in place. Returns 0, or -1
 * with an error recorded.
 */
int snapshot_normalise(struct snapshot *snap, const struct inverse *inv);

void snapshot_free(struct snapshot *snap);

#endif /* STILLPOINT_SNAPSHOT_H */
