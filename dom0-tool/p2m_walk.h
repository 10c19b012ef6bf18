/* SPDX-License-Identifier: GPL-2.0 */
/* Finding the frames of a guest's p2m. */
#ifndef STILLPOINT_P2M_WALK_H
#define STILLPOINT_P2M_WALK_H

#include <stdint.h>

#include "domain.h"

/**
 * struct p2m_anchor - fields of struct arch_shared_info, read once each
 * @max_pfn: number of entries in the p2m
 * @cr3: root of the page tables that map @vaddr, 0 if there is no linear list
 * @vaddr: guest virtual address of the linear list
 * @tree: machine frame of the top of the three-level tree
 * @generation: of the mapping of the list; odd while the guest changes it
 */
struct p2m_anchor {
	uint64_t max_pfn;
	uint64_t cr3;
	uint64_t vaddr;
	uint64_t tree;
	uint64_t generation;
};

/*
 * Find the p2m's frames. *size becomes the number of pfns, at most @limit, and
 * *frames the machine frames of the table (free() them). Trailing parts that the
 * guest shares, and that are empty therefore, are cut off. Returns 0, or -1 with an
 * error recorded.
 */
int p2m_walk_list(struct domain *dom, const struct p2m_anchor *anchor, uint64_t limit,
		  uint64_t *size, uint64_t **frames);
int p2m_walk_tree(struct domain *dom, const struct p2m_anchor *anchor, uint64_t limit,
		  uint64_t *size, uint64_t **frames);

#endif /* STILLPOINT_P2M_WALK_H */
