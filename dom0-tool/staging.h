/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory for the pages that are copied while the guest is parked. It is touched
 * beforehand, so that the copy meets no page fault.
 */
#ifndef STILLPOINT_STAGING_H
#define STILLPOINT_STAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct staging - pages in chunks
 * @budget: pages that may be used for what could be written at once instead
 * @used: pages handed out
 * @room: pages in all chunks
 */
struct staging {
	uint64_t budget;
	uint64_t used;
	uint64_t room;
	uint8_t **chunks;
	size_t nchunks;
};

/* Half of what the system has available, in bytes (proc(5), MemAvailable). */
uint64_t staging_default_budget(void);

/* Allow @budget bytes; none is ready yet. */
void staging_init(struct staging *st, uint64_t budget);

/*
 * Make @pages ready, as far as the budget allows. Returns 0, or -1 with an error
 * recorded.
 */
int staging_reserve(struct staging *st, uint64_t pages);

/*
 * A page to copy to, valid until staging_free(). NULL if the budget is used up;
 * with @must the budget does not count, and NULL means out of memory.
 */
uint8_t *staging_page(struct staging *st, bool must);

void staging_free(struct staging *st);

#endif /* STILLPOINT_STAGING_H */
