/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a store should hold: a few handles of a domain's pools, each with the number of what it
 * holds, and random use of both.
 */
#ifndef STILLPOINT_TMEM_MODEL_H
#define STILLPOINT_TMEM_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "tmem/store.h"

#define MODEL_POOLS 4 /* the first two are persistent */
#define MODEL_OBJECTS 3
#define MODEL_INDEXES 40

/**
 * struct model - the pools of one domain
 * @pool: whether it is there
 * @held: number of the page that a handle holds, 0 if it holds none
 */
struct model {
	bool pool[MODEL_POOLS];
	uint32_t held[MODEL_POOLS][MODEL_OBJECTS][MODEL_INDEXES];
};

/**
 * struct model_use - something that is done
 * @op: enum stillpoint_tmem_op
 * @page: number of the page that is put
 */
struct model_use {
	uint32_t op;
	uint32_t pool;
	uint32_t object;
	uint32_t index;
	uint32_t page;
};

/* Deterministic, as a state is that is not 0. */
uint32_t model_random(uint64_t *state);

/* Page number @n: of zeroes, or that compresses, or that does not. */
void model_page(uint32_t n, void *page);

static inline bool model_is_persistent(uint32_t pool)
{
	return pool < 2;
}

uint32_t model_pool_flags(uint32_t pool);
uint64_t model_object(uint32_t object);

/* Something to do; of @pages different pages. */
void model_choose(uint64_t *state, uint32_t pages, struct model_use *use);

/*
 * Do it to a domain's pools. Fails the test if the answer is not one that @m allows.
 * @m may be NULL; if not, it becomes what the pools should be. Returns the answer.
 */
enum stillpoint_tmem_status model_do(struct tmem_domain *d, struct model *m,
				     const struct model_use *use);

/*
 * What a handle holds: 0 for nothing, else one of the numbers @expected and @other, or
 * UINT32_MAX for anything else. It is left there, unless the pool is ephemeral.
 */
uint32_t model_look(struct tmem_domain *d, uint32_t pool, uint32_t object, uint32_t index,
		    uint32_t expected, uint32_t other);

/*
 * Fails the test unless the pools hold what @m says. What an ephemeral pool lost is taken
 * over into @m, and what it held as well, since it is gone then.
 */
void model_compare(struct tmem_domain *d, struct model *m);

#endif /* STILLPOINT_TMEM_MODEL_H */
