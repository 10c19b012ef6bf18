// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdlib.h>

#include "frames.h"
#include "msg.h"
#include "p2m_walk.h"
#include "page.h"
#include "pagetable.h"

/* Virtual addresses have 48 bits (Intel SDM volume 1, 3.3.7.1). */
#define P2M_VADDR_BITS 48
#define P2M_VADDR_MASK ((UINT64_C(1) << P2M_VADDR_BITS) - 1)

/* What Xen keeps of a guest's addresses (arch-x86/xen-x86_64.h). */
#define P2M_XEN_START UINT64_C(0xffff800000000000)
#define P2M_XEN_END UINT64_C(0xffff87ffffffffff)

/*
 * The most pfns that a walk starts with: 512 GiB of list and 256 TiB of guest
 * memory, so that the tables of level 3 and 2 that are copied stay below 3 MiB.
 */
#define P2M_MAX_PFN (UINT64_C(1) << 36)

static bool p2m_canonical(uint64_t vaddr)
{
	return vaddr >> (P2M_VADDR_BITS - 1) == 0 ||
	       vaddr >> (P2M_VADDR_BITS - 1) == (UINT64_C(1) << (65 - P2M_VADDR_BITS)) - 1;
}

static int p2m_check_range(const struct p2m_anchor *a)
{
	uint64_t last;

	if (a->max_pfn > P2M_MAX_PFN)
		return msg_error(
			"the guest says that it has %#llx pfns, at most %#llx are possible",
			(unsigned long long)a->max_pfn, (unsigned long long)P2M_MAX_PFN);
	last = a->vaddr + a->max_pfn * sizeof(uint64_t) - 1;
	if ((a->vaddr & (PAGE_BYTES - 1)) || last < a->vaddr || !p2m_canonical(a->vaddr) ||
	    !p2m_canonical(last) || (a->vaddr <= P2M_XEN_END && last >= P2M_XEN_START))
		return msg_error("the guest's p2m has the bad address range %#llx-%#llx",
				 (unsigned long long)a->vaddr, (unsigned long long)last);
	return 0;
}

/* Replace @n entries by the machine frames they point to. */
static int p2m_entries_to_frames(uint64_t *entries, size_t n, unsigned int level)
{
	uint64_t mfn;
	size_t i;

	for (i = 0; i < n; i++) {
		mfn = (entries[i] & PTE_FRAME_MASK) >> PTE_FRAME_SHIFT;
		if (!(entries[i] & PTE_PRESENT) || !mfn || (level > 1 && (entries[i] & PTE_PSE)))
			return msg_error(
				"the guest's p2m is not mapped: level %u entry %zu is %#llx", level,
				i, (unsigned long long)entries[i]);
		entries[i] = mfn;
	}
	return 0;
}

/*
 * How many of @n tables hold something. Where the guest has no memory it points to
 * one shared table of missing entries, so a run of equal frames at the end is
 * that; frames that are shared elsewhere could not be restored anyway.
 */
static size_t p2m_used(const uint64_t *frames, size_t n)
{
	size_t last = n - 1;

	while (last > 0 && frames[last - 1] == frames[n - 1])
		last--;
	return last == 0 || last == n - 1 ? n : last;
}

/* The entries of one level for addresses [vaddr, last], from the tables above. */
static uint64_t *p2m_level(struct domain *dom, const uint64_t *tables, unsigned int level,
			   uint64_t vaddr, uint64_t last, size_t *n)
{
	unsigned int shift = PAGE_BITS + 9 * (level - 1);
	uint64_t above = level == 4 ? 0 : (vaddr >> (shift + 9)) << 9;
	uint64_t first = (vaddr >> shift) - above;
	uint64_t end = (last >> shift) - above;
	uint64_t *entries;

	*n = end - first + 1;
	entries = frames_copy(dom, tables, end / ENTRIES_PER_PAGE + 1, first, *n,
			      "page tables of the p2m");
	if (entries && p2m_entries_to_frames(entries, *n, level)) {
		free(entries);
		entries = NULL;
	}
	return entries;
}

static int p2m_check_limit(uint64_t size, uint64_t limit)
{
	if (size > limit)
		return msg_error("the guest's p2m has %#llx pfns, at most %#llx fit its memory",
				 (unsigned long long)size, (unsigned long long)limit);
	return 0;
}

int p2m_walk_list(struct domain *dom, const struct p2m_anchor *a, uint64_t limit, uint64_t *size,
		  uint64_t **frames)
{
	uint64_t vaddr = a->vaddr & P2M_VADDR_MASK;
	uint64_t root = a->cr3 >> PTE_FRAME_SHIFT;
	uint64_t *tables = &root, *entries;
	unsigned int level;
	uint64_t last;
	size_t n;

	if (p2m_check_range(a))
		return -1;
	*size = a->max_pfn;
	for (level = 4; level > 0; level--) {
		last = vaddr + *size * sizeof(uint64_t) - 1;
		entries = p2m_level(dom, tables, level, vaddr, last, &n);
		if (tables != &root)
			free(tables);
		if (!entries)
			return -1;
		tables = entries;
		if (level != 2)
			continue;
		/* Each entry here maps 512 frames of 512 pfns; the first may start amid. */
		if (p2m_used(entries, n) < n) {
			uint64_t skipped = vaddr >> PAGE_BITS & (ENTRIES_PER_PAGE - 1);

			*size = ((uint64_t)p2m_used(entries, n) * ENTRIES_PER_PAGE - skipped) *
				ENTRIES_PER_PAGE;
		}
		if (p2m_check_limit(*size, limit)) {
			free(tables);
			return -1;
		}
	}
	*frames = tables;
	return 0;
}

/* The tree's middle and top have 512 frames each. */
int p2m_walk_tree(struct domain *dom, const struct p2m_anchor *a, uint64_t limit, uint64_t *size,
		  uint64_t **frames)
{
	const uint64_t per_top = (uint64_t)ENTRIES_PER_PAGE * ENTRIES_PER_PAGE;
	uint64_t *top = NULL, *middle = NULL;
	size_t ntop, nmiddle, i;
	int ret = -1;

	if (a->max_pfn > per_top * ENTRIES_PER_PAGE)
		return msg_error(
			"the guest says that it has %#llx pfns, at most %#llx fit its p2m tree",
			(unsigned long long)a->max_pfn,
			(unsigned long long)(per_top * ENTRIES_PER_PAGE));
	if (!a->tree || a->tree > MFN_MAX)
		return msg_error("the guest has no p2m (frame list %#llx)",
				 (unsigned long long)a->tree);
	ntop = (a->max_pfn + per_top - 1) / per_top;
	top = frames_copy(dom, &a->tree, 1, 0, ntop, "p2m tree");
	if (!top)
		goto out;
	*size = a->max_pfn;
	if (p2m_used(top, ntop) < ntop) {
		ntop = p2m_used(top, ntop);
		*size = ntop * per_top;
	}
	if (p2m_check_limit(*size, limit))
		goto out;
	nmiddle = (*size + ENTRIES_PER_PAGE - 1) / ENTRIES_PER_PAGE;
	middle = frames_copy(dom, top, ntop, 0, nmiddle, "p2m tree");
	if (!middle)
		goto out;
	for (i = 0; i < nmiddle; i++) {
		if (middle[i] && middle[i] <= MFN_MAX)
			continue;
		msg_error("the guest's p2m tree has the bad frame %#llx in place %zu",
			  (unsigned long long)middle[i], i);
		goto out;
	}
	*frames = middle;
	middle = NULL;
	ret = 0;
out:
	free(top);
	free(middle);
	return ret;
}
