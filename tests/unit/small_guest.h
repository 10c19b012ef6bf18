/* SPDX-License-Identifier: GPL-2.0 */
/* A small guest that is written to an image in all the ways there are. */
#ifndef STILLPOINT_SMALL_GUEST_H
#define STILLPOINT_SMALL_GUEST_H

#include <stdint.h>

#include "image/image.h"

/* Fill a page with bytes of @seed, half of which compress. */
void small_page(uint8_t *page, unsigned int seed);

/* The head, the p2m up to @max_pfn, which pfn 2 holds, and the tail, with @nvcpus vCPUs. */
void small_head(struct image *img);
void small_p2m(struct image *img, uint64_t max_pfn);
void small_tail(struct image *img, unsigned int nvcpus);

/* One page of kind DATA. */
void small_data(struct image *img, uint64_t pfn, uint32_t type, unsigned int seed);

/* One page of another kind. */
void small_other(struct image *img, uint64_t pfn, uint32_t type, enum stillpoint_page_kind kind);

/*
 * All of it: pages of every kind and type, some of them twice, between two descriptions
 * of the p2m, then @pages pages from pfn 16 on, of which some are alike.
 */
void small_guest(struct image *img, unsigned int pages);

#endif /* STILLPOINT_SMALL_GUEST_H */
