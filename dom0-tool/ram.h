/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All of a guest's memory, mapped read-only before the guest is asked to park, so
 * that the pause holds no mapping of what did not change since.
 */
#ifndef STILLPOINT_RAM_H
#define STILLPOINT_RAM_H

#include <stddef.h>
#include <stdint.h>

#include "domain.h"

/**
 * struct ram_part - one mapping of frames that follow each other in it
 */
struct ram_part {
	void *addr;
	size_t n;
};

/**
 * struct ram - pages by pfn
 * @size: number of pfns in @p2m and @page
 * @p2m: machine frame of each pfn as of the last ram_update()
 * @page: where a pfn is mapped, NULL if it has no frame or it cannot be mapped
 * @parts: all mappings made; one that is no longer used stays until the end
 */
struct ram {
	struct domain *dom;
	uint64_t size;
	uint64_t *p2m;
	const uint8_t **page;
	struct ram_part *parts;
	size_t nparts;
	size_t parts_room;
};

void ram_init(struct ram *mem, struct domain *dom);

/*
 * Take over @p2m, @size entries (it is freed later), and map the frames that differ
 * from what is mapped. A frame that cannot be mapped is no error: it may be gone
 * again. Returns 0, or -1 with an error recorded.
 */
int ram_update(struct ram *mem, uint64_t *p2m, uint64_t size);

void ram_free(struct ram *mem);

#endif /* STILLPOINT_RAM_H */
