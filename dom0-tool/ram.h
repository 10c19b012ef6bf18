/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All of a guest's memory, mapped read-only before the guest is asked to park, so
 * that the pause holds no mapping of what did not change since.
 *
 * A mapping stays until the end even if its frame is no longer the guest's: the
 * hypervisor gives no frame away that is mapped, so a pfn that has the same frame as
 * before had no other meanwhile.
 */
#ifndef STILLPOINT_RAM_H
#define STILLPOINT_RAM_H

#include <stddef.h>
#include <stdint.h>

#include "bitmap.h"
#include "domain.h"

struct ram_chunk;

/**
 * struct ram_part - one mapping of frames that follow each other in it
 */
struct ram_part {
	void *addr;
	size_t n;
};

/**
 * struct ram - pages by pfn
 * @size: number of pfns in @p2m and @page; never shrinks
 * @p2m: machine frame of each pfn as of the last ram_update()
 * @page: where a pfn is mapped, NULL if it has no frame or it cannot be mapped
 * @parts: all mappings made
 * @chunk: pages to be mapped together
 */
struct ram {
	struct domain *dom;
	uint64_t size;
	uint64_t *p2m;
	const uint8_t **page;
	struct ram_part *parts;
	size_t nparts;
	size_t parts_room;
	struct ram_chunk *chunk;
};

/* Returns 0, or -1 with an error recorded. */
int ram_init(struct ram *mem, struct domain *dom);

/* Make room for @size pfns; new ones have no frame. Returns 0, or -1, recorded. */
int ram_grow(struct ram *mem, uint64_t size);

/*
 * Take over @p2m, mem->size entries that the guest may change meanwhile, and map the
 * frames that differ from what is mapped. Of its pages of 512 entries only those in
 * @pages are looked at, if that is not NULL. Their pfns are added to @changed. A frame
 * that cannot be mapped is no error: it may be gone again. Returns 0, or -1 with an
 * error recorded.
 */
int ram_update(struct ram *mem, const uint64_t *p2m, const struct bitmap *pages,
	       struct bitmap *changed);

/* Try again to map @pfn. Returns where, or NULL with nothing recorded. */
const uint8_t *ram_map(struct ram *mem, uint64_t pfn);

/* Where @pfn is mapped, NULL if it is not, or no pfn of the guest. */
static inline const uint8_t *ram_page(const struct ram *mem, uint64_t pfn)
{
	return pfn < mem->size ? mem->page[pfn] : NULL;
}

void ram_free(struct ram *mem);

#endif /* STILLPOINT_RAM_H */
