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

static bool owners_is_table(const struct owners *owners, uint64_t pfn)
{
	return page_type_level(owners->types[pfn]) == 1 && owners->mem->page[pfn];
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
		if (!owners_is_table(owners, table))
			continue;
		found = owners_in_table((const uint64_t *)owners->mem->page[table], mfn);
		if (!strcmp(found, OWNER_USER))
			return found;
		if (strcmp(found, OWNER_UNKNOWN))
			owner = found;
	}
	return owner;
}

static void owners_mark_table(const struct owners *owners, const struct inverse *inv,
			      uint64_t table_pfn, struct bitmap *set)
{
	const uint64_t *table = (const uint64_t *)owners->mem->page[table_pfn];
	unsigned int i;
	uint64_t pfn;

	for (i = 0; i < ENTRIES_PER_PAGE; i++) {
		if (!(table[i] & PTE_PRESENT) || table[i] & PTE_GUEST_KERNEL)
			continue;
		pfn = inverse_pfn(inv, (table[i] & PTE_FRAME_MASK) >> PAGE_BITS);
		if (pfn < set->bits)
			bitmap_set(set, pfn);
	}
}

void owners_mark_user(const struct owners *owners, const struct inverse *inv, struct bitmap *set)
{
	uint64_t pfn;

	for (pfn = 0; pfn < owners->mem->size; pfn++)
		if (owners_is_table(owners, pfn))
			owners_mark_table(owners, inv, pfn, set);
}

void owners_free(struct owners *owners)
{
	grants_free(&owners->grants);
}
