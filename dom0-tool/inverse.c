// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <xxhash.h>

#include "inverse.h"
#include "msg.h"
#include "page.h"

#define INVERSE_FREE UINT32_MAX

/* A guest writes the frames' numbers, and must not know which of them meet. */
static uint32_t *inverse_slot(const struct inverse *inv, uint64_t mfn)
{
	size_t i = XXH3_64bits_withSeed(&mfn, sizeof(mfn), inv->seed) & inv->mask;

	while (inv->slots[i] != INVERSE_FREE && inv->p2m[inv->slots[i]] != mfn)
		i = (i + 1) & inv->mask;
	return &inv->slots[i];
}

int inverse_build(struct inverse *inv, const uint64_t *p2m, size_t n)
{
	size_t valid = 0, slots = 16, pfn;
	uint32_t *slot;

	memset(inv, 0, sizeof(*inv));
	if (n >= INVERSE_FREE)
		return msg_error("the guest's p2m has %zu entries, which is too many", n);
	for (pfn = 0; pfn < n; pfn++)
		valid += p2m[pfn] <= MFN_MAX;
	while (slots < valid * 2)
		slots *= 2;
	if (getrandom(&inv->seed, sizeof(inv->seed), 0) != sizeof(inv->seed))
		return msg_error("the system has no random numbers");
	inv->slots = malloc(slots * sizeof(*inv->slots));
	if (!inv->slots)
		return msg_error("out of memory for the inverse p2m");
	memset(inv->slots, 0xff, slots * sizeof(*inv->slots));
	inv->p2m = p2m;
	inv->mask = slots - 1;
	for (pfn = 0; pfn < n; pfn++) {
		if (p2m[pfn] > MFN_MAX)
			continue;
		slot = inverse_slot(inv, p2m[pfn]);
		if (*slot != INVERSE_FREE) {
			msg_error(
				"the guest's p2m has machine frame %#llx under both pfn %#x and pfn %#zx",
				(unsigned long long)p2m[pfn], *slot, pfn);
			inverse_free(inv);
			return -1;
		}
		*slot = pfn;
	}
	return 0;
}

uint64_t inverse_pfn(const struct inverse *inv, uint64_t mfn)
{
	uint32_t pfn;

	if (mfn > MFN_MAX)
		return INVALID_FRAME;
	pfn = *inverse_slot(inv, mfn);
	return pfn == INVERSE_FREE ? INVALID_FRAME : pfn;
}

void inverse_free(struct inverse *inv)
{
	free(inv->slots);
	memset(inv, 0, sizeof(*inv));
}
