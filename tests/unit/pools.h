/* SPDX-License-Identifier: GPL-2.0 */
/* What is in a guest's tmem pools, the simplest way, to compare with what should be. */
#ifndef STILLPOINT_POOLS_H
#define STILLPOINT_POOLS_H

#include "image/image.h"
#include "page.h"

#define POOLS_MAX 16
#define POOLS_PAGES 2048

struct pools_page {
	struct stillpoint_tmem_handle handle;
	uint8_t data[PAGE_BYTES];
};

/**
 * struct pools - the pools
 * @pools: in ascending order of ids; their pages field is not used
 * @pages: in no order
 * @final: a TMEM_POOLS said that it was the last
 * @told: the same
 */
struct pools {
	struct stillpoint_tmem_pool pools[POOLS_MAX];
	unsigned int npools;
	struct pools_page *pages;
	unsigned int npages;
	bool final;
	struct stillpoint_tmem_pools told;
};

void pools_init(struct pools *pools);
void pools_free(struct pools *pools);
void pools_copy(struct pools *to, const struct pools *from);

/* NULL if there is none. */
struct stillpoint_tmem_pool *pools_pool(struct pools *pools, uint32_t id);
struct pools_page *pools_find(struct pools *pools, const struct stillpoint_tmem_handle *handle);

void pools_add(struct pools *pools, uint32_t id, uint32_t flags, const uint8_t *uuid);
void pools_destroy(struct pools *pools, uint32_t id);
void pools_put(struct pools *pools, const struct stillpoint_tmem_handle *handle,
	       const uint8_t *data);
void pools_drop(struct pools *pools, const struct stillpoint_tmem_handle *handle);

/* A page that only @seed decides on: some are zero, some do not compress. */
void pools_fill(uint8_t *data, uint32_t seed);

/*
 * How a store would keep it: *codec and up to PAGE_BYTES bytes at @stored. Returns
 * how many, 0 for a page of zeroes.
 */
size_t pools_store(const uint8_t *data, uint8_t *stored, uint32_t *codec);

/* Take in what an image has. Fails the test if it cannot be. */
void pools_take(struct pools *pools, const struct image_tmem *part);

/* Fail the test unless both have the same pools and pages. */
void pools_assert_equal(struct pools *a, struct pools *b);

#endif /* STILLPOINT_POOLS_H */
