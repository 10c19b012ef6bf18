/* SPDX-License-Identifier: GPL-2.0 */
/* Who may write a page of a paused guest. */
#ifndef STILLPOINT_OWNER_H
#define STILLPOINT_OWNER_H

#include "bitmap.h"
#include "domain.h"
#include "grants.h"
#include "inverse.h"
#include "ram.h"

#define OWNER_PAGE_TABLE "page table"
#define OWNER_GRANTED "granted"
#define OWNER_USER "user"
#define OWNER_KERNEL "kernel"
#define OWNER_UNKNOWN "unknown"

/**
 * struct owners - who owns what
 * @types: type of each pfn
 * @grants: what others may write
 */
struct owners {
	const struct ram *mem;
	const uint32_t *types;
	struct grants grants;
};

/* Read the grants; if that is not possible, nothing counts as granted. */
void owners_init(struct owners *owners, struct domain *dom, const struct ram *mem,
		 const uint32_t *types);

/* One of OWNER_*; reads all of the guest's page tables. */
const char *owners_find(const struct owners *owners, uint64_t pfn);

/* Add the pfns that processes map to @set. @inv may be of an earlier time. */
void owners_mark_user(const struct owners *owners, const struct inverse *inv, struct bitmap *set);

void owners_free(struct owners *owners);

#endif /* STILLPOINT_OWNER_H */
