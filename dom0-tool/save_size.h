/* SPDX-License-Identifier: GPL-2.0 */
/* How large an image can become, before it is made. */
#ifndef STILLPOINT_SAVE_SIZE_H
#define STILLPOINT_SAVE_SIZE_H

#include "save.h"

/*
 * In a layout that cannot rewrite pages no further round begins once so many times the
 * guest's memory was written.
 */
#define SAVE_TIMES 3

/* Of tmem: so many records beyond a multiple of the pages that there were are copied live. */
#define SAVE_TMEM_SPARE 4096

/*
 * Of tmem: no more is copied live once so many pools came and went. With each the image has a
 * table of all pools.
 */
#define SAVE_TMEM_POOLS 2048

/**
 * struct save_size - what is known of it
 * @bytes: it is no larger, whatever the guest does, if it has no more memory by then, and
 *	keeps no more pages in tmem
 * @pages: that the guest has
 * @pfns: of its p2m
 * @tmem: pages that it keeps in tmem
 */
struct save_size {
	uint64_t bytes;
	uint64_t pages;
	uint64_t pfns;
	uint64_t tmem;
};

/*
 * Look at @dom, which runs on, and tell what a save with @opts comes to. Needs no
 * module in the guest. 0 or -1, recorded.
 */
int save_find_size(struct domain *dom, const struct save_options *opts, struct save_size *size);

#endif /* STILLPOINT_SAVE_SIZE_H */
