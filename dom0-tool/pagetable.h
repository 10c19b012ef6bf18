/* SPDX-License-Identifier: GPL-2.0 */
/* Page tables as a stream has them: pfns where the guest has machine frames. */
#ifndef STILLPOINT_PAGETABLE_H
#define STILLPOINT_PAGETABLE_H

#include <stdint.h>

#include "inverse.h"

/* Bits of a page-table entry (Intel SDM volume 3A, 4.5.4). */
#define PTE_PRESENT UINT64_C(1)
#define PTE_PSE (UINT64_C(1) << 7) /* in level 2 and above: a superpage */
/* What the hypervisor adds to entries for a 64-bit guest's kernel (Xen's asm/page.h). */
#define PTE_GUEST_KERNEL (UINT64_C(1) << 52)

#define PTE_FRAME_MASK UINT64_C(0x000ffffffffff000)
#define PTE_FRAME_SHIFT 12

/* Level 4 slots that Xen fills in (arch-x86/xen-x86_64.h, HYPERVISOR_VIRT_START). */
#define PAGETABLE_XEN_FIRST 256
#define PAGETABLE_XEN_LAST 271

/*
 * Copy the table @src of a 64-bit guest to @dst (512 entries each), with pfns in
 * present entries and nothing in Xen's slots. Other entries stay as they are.
 * @level is 1 to 4; @pfn is the table's own, for messages. An entry for a frame
 * outside of the p2m, or for a superpage, is an error: -1, recorded.
 */
int pagetable_normalise(const struct inverse *inv, unsigned int level, uint64_t pfn,
			const uint64_t *src, uint64_t *dst);

#endif /* STILLPOINT_PAGETABLE_H */
