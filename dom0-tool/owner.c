// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "owner.h"
#include "page.h"
#include "pagetable.h"

void owners_init(struct owners *owners, struct domain *dom, const struct ram *mem,
		 const uint32_t *types)
{
	memset(owners, 0, sizeof(*owners));
	owners->mem = mem;
	owners->types = types;
	grants_read(&owners->grants, dom);
}

/* What one table of level 1 says: unknown if it does not map @mfn. */
static const char *owners_in_table(const uint64_t *table, uint64_t mfn)
{
	const char *owner = OWNER_UNKNOWN;
	unsigned int i;

	for (i = 0; i < ENTRIES_PER_PAGE; i++) {
		if (!(table[i] & PTE_PRESENT) || (table[i] & PTE_FRAME_MASK) >> PAGE_BITS != mfn)
			continue;
		if (!(table[i] & PTE_GUEST_KERNEL))
			return OWNER_USER;
		owner = OWNER_KERNEL;
	}
	return owner;
}

const char *owners_find(const struct owners *owners, uint64_t pfn)
{
	uint64_t mfn = owners->mem->p2m[pfn], table;
	const char *owner = OWNER_UNKNOWN, *found;

	if (page_type_level(owners->types[pfn]))
		return OWNER_PAGE_TABLE;
	if (grants_has(&owners->grants, mfn))
		return OWNER_GRANTED;
	/* The kernel maps every page, so a page of its own is one that no process maps. */
	for (table = 0; table < owners->mem->size; table++) {
		if (page_type_level(owners->types[table]) != 1 || !owners->mem->page[table])
			continue;
		found = owners_in_table((const uint64_t *)owners->mem->page[table], mfn);
		if (!strcmp(found, OWNER_USER))
			return found;
		if (strcmp(found, OWNER_UNKNOWN))
			owner = found;
	}
	return owner;
}

void owners_free(struct owners *owners)
{
	grants_free(&owners->grants);
}
