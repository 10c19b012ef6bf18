/* SPDX-License-Identifier: GPL-2.0 */
/* Who may write a page of a paused guest. */
#ifndef STILLPOINT_OWNER_H
#define STILLPOINT_OWNER_H

#include <stdbool.h>

#include "domain.h"
#include "ram.h"

#define OWNER_PAGE_TABLE "page table"
#define OWNER_GRANTED "granted"
#define OWNER_USER "user"
#define OWNER_KERNEL "kernel"
#define OWNER_UNKNOWN "unknown"

/**
 * struct owners - who owns what
 * @granted: the frames that others may write, in order
 * @types: type of each pfn
 */
struct owners {
	const struct ram *mem;
	const uint32_t *types;
	uint64_t *granted;
	size_t ngranted;
};

/* Read the grants; if that is not possible, nothing counts as granted. */
void owners_init(struct owners *owners, struct domain *dom, const struct ram *mem,
		 const uint32_t *types);

bool owners_granted(const struct owners *owners, uint64_t mfn);

/* One of OWNER_*; reads all of the guest's page tables. */
const char *owners_find(const struct owners *owners, uint64_t pfn);

void owners_free(struct owners *owners);

#endif /* STILLPOINT_OWNER_H */
