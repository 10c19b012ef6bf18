/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's own table of its frames: which machine frame each pfn has. The
 * guest writes all of it, and may do so while it is read.
 *
 * The table is found as arch-x86/xen.h describes in struct arch_shared_info:
 * through the guest's page tables at p2m_vaddr (a linear list) if p2m_cr3 is
 * set, else through the three-level tree of machine frames.
 */
#ifndef STILLPOINT_P2M_H
#define STILLPOINT_P2M_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain.h"
#include "p2m_walk.h"

/**
 * struct p2m - the table's place, and a mapping of it
 * @limit: most pfns that are believed
 * @size: number of pfns
 * @nframes: number of frames that hold the table, 512 pfns each
 * @frames: their machine frames
 * @map: the table; the guest writes it at any time
 * @moved: the last p2m_find() mapped it anew
 * @anchor: what the guest said when it was found
 */
struct p2m {
	struct domain *dom;
	uint64_t limit;
	uint64_t size;
	size_t nframes;
	uint64_t *frames;
	const uint64_t *map;
	bool moved;
	struct p2m_anchor anchor;
};

/* Prepare for @dom, of which @info tells the size. */
void p2m_init(struct p2m *p2m, struct domain *dom, const struct domain_info *info);

/*
 * Find the table anew, and map it if it moved. A guest that does not say that it moved,
 * though it did, spoils its own image only. Returns 0, or -1 with an error
 * recorded; what was found before is lost then.
 */
int p2m_find(struct p2m *p2m);

void p2m_free(struct p2m *p2m);

#endif /* STILLPOINT_P2M_H */
