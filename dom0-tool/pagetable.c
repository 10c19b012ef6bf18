// SPDX-License-Identifier: GPL-2.0
#include "msg.h"
#include "page.h"
#include "pagetable.h"

static int pagetable_entry(const struct inverse *inv, unsigned int level, uint64_t table,
			   unsigned int slot, uint64_t *pte)
{
	uint64_t mfn = (*pte & PTE_FRAME_MASK) >> PTE_FRAME_SHIFT;
	uint64_t pfn;

	if (level > 1 && (*pte & PTE_PSE))
		return msg_error(
			"the level %u table at pfn %#llx has a superpage in slot %u (%#llx)", level,
			(unsigned long long)table, slot, (unsigned long long)*pte);
	pfn = inverse_pfn(inv, mfn);
	if (pfn == INVALID_FRAME)
		return msg_error(
			"the level %u table at pfn %#llx has machine frame %#llx in slot %u, which is not in the guest's p2m",
			level, (unsigned long long)table, (unsigned long long)mfn, slot);
	*pte = (*pte & ~PTE_FRAME_MASK) | pfn << PTE_FRAME_SHIFT;
	return 0;
}

int pagetable_normalise(const struct inverse *inv, unsigned int level, uint64_t pfn,
			const uint64_t *src, uint64_t *dst)
{
	unsigned int i;
	uint64_t pte;

	for (i = 0; i < ENTRIES_PER_PAGE; i++) {
		pte = src[i];
		if (level == 4 && i >= PAGETABLE_XEN_FIRST && i <= PAGETABLE_XEN_LAST)
			pte = 0;
		if ((pte & PTE_PRESENT) && pagetable_entry(inv, level, pfn, i, &pte))
			return -1;
		dst[i] = pte;
	}
	return 0;
}
