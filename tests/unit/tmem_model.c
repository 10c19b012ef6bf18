// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include "tmem_model.h"

static const uint8_t no_uuid[16];

uint32_t model_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 16;
}

void model_page(uint32_t n, void *page)
{
	uint64_t *words = page, state = n * UINT64_C(0x9e3779b97f4a7c15) | 1;
	unsigned int i, random = n % 4 == 3 ? 512 : n % 4 * (n % 97);

	memset(page, 0, STILLPOINT_TMEM_PAGE_SIZE);
	if (!(n % 4))
		return;
	words[0] = n;
	for (i = 1; i < random && i < 512; i++) {
		state = state * UINT64_C(6364136223846793005) + n;
		words[i] = state;
	}
}

uint32_t model_pool_flags(uint32_t pool)
{
	return STILLPOINT_TMEM_POOL_4K |
	       (model_is_persistent(pool) ? STILLPOINT_TMEM_POOL_PERSISTENT : 0);
}

uint64_t model_object(uint32_t object)
{
	return object * UINT64_C(0x100000001);
}

void model_choose(uint64_t *state, uint32_t pages, struct model_use *use)
{
	uint32_t what = model_random(state) % 1000;

	use->pool = model_random(state) % MODEL_POOLS;
	use->object = model_random(state) % MODEL_OBJECTS;
	use->index = model_random(state) % MODEL_INDEXES;
	use->page = 1 + model_random(state) % pages;
	use->op = what < 500 ? STILLPOINT_TMEM_PUT :
		  what < 800 ? STILLPOINT_TMEM_GET :
		  what < 985 ? STILLPOINT_TMEM_INVALIDATE_PAGE :
		  what < 990 ? STILLPOINT_TMEM_INVALIDATE_OBJECT :
		  what < 992 ? STILLPOINT_TMEM_DESTROY_POOL :
			       STILLPOINT_TMEM_NEW_POOL;
}

static enum stillpoint_tmem_status model_put(struct tmem_domain *d, uint32_t *held,
					     const struct model_use *use)
{
	uint8_t page[STILLPOINT_TMEM_PAGE_SIZE];
	enum stillpoint_tmem_status status;

	model_page(use->page, page);
	status = tmem_put(d, use->pool, model_object(use->object), use->index, page);
	if (held) {
		assert_true(status == STILLPOINT_TMEM_OK || status == STILLPOINT_TMEM_REFUSED);
		*held = status == STILLPOINT_TMEM_OK ? use->page : 0;
	}
	return status;
}

static enum stillpoint_tmem_status model_get(struct tmem_domain *d, uint32_t *held,
					     const struct model_use *use)
{
	uint8_t page[STILLPOINT_TMEM_PAGE_SIZE], expected[STILLPOINT_TMEM_PAGE_SIZE];
	enum stillpoint_tmem_status status;

	status = tmem_get(d, use->pool, model_object(use->object), use->index, page);
	if (!held)
		return status;
	if (*held && (model_is_persistent(use->pool) || status != STILLPOINT_TMEM_NOT_FOUND)) {
		assert_int_equal(status, STILLPOINT_TMEM_OK);
		model_page(*held, expected);
		assert_memory_equal(page, expected, sizeof(page));
	} else {
		assert_int_equal(status, STILLPOINT_TMEM_NOT_FOUND);
	}
	if (!model_is_persistent(use->pool))
		*held = 0;
	return status;
}

static enum stillpoint_tmem_status model_sweep(struct tmem_domain *d, const struct model_use *use)
{
	enum stillpoint_tmem_status status;
	bool more;

	do
		status = tmem_invalidate_object(d, use->pool, model_object(use->object), 3, &more);
	while (more);
	return status;
}

static enum stillpoint_tmem_status model_do_pool(struct tmem_domain *d, struct model *m,
						 const struct model_use *use)
{
	enum stillpoint_tmem_status status;
	bool created;

	if (use->op == STILLPOINT_TMEM_DESTROY_POOL) {
		status = tmem_pool_destroy(d, use->pool);
		if (m) {
			assert_int_equal(status, m->pool[use->pool] ? STILLPOINT_TMEM_OK :
								      STILLPOINT_TMEM_NO_POOL);
			m->pool[use->pool] = false;
			memset(m->held[use->pool], 0, sizeof(m->held[use->pool]));
		}
		return status;
	}
	status = tmem_pool_new(d, use->pool, model_pool_flags(use->pool), no_uuid, &created);
	if (m) {
		assert_int_equal(status, STILLPOINT_TMEM_OK);
		assert_int_equal(created, !m->pool[use->pool]);
		m->pool[use->pool] = true;
	}
	return status;
}

enum stillpoint_tmem_status model_do(struct tmem_domain *d, struct model *m,
				     const struct model_use *use)
{
	enum stillpoint_tmem_status status;
	uint32_t *held = NULL;

	if (use->op == STILLPOINT_TMEM_NEW_POOL || use->op == STILLPOINT_TMEM_DESTROY_POOL)
		return model_do_pool(d, m, use);
	if (m && m->pool[use->pool])
		held = &m->held[use->pool][use->object][use->index];
	switch (use->op) {
	case STILLPOINT_TMEM_PUT:
		status = model_put(d, held, use);
		break;
	case STILLPOINT_TMEM_GET:
		status = model_get(d, held, use);
		break;
	case STILLPOINT_TMEM_INVALIDATE_PAGE:
		status = tmem_invalidate(d, use->pool, model_object(use->object), use->index);
		if (held)
			*held = 0;
		break;
	default:
		status = model_sweep(d, use);
		if (held)
			memset(m->held[use->pool][use->object], 0,
			       sizeof(m->held[use->pool][use->object]));
	}
	if (m && !held)
		assert_int_equal(status, STILLPOINT_TMEM_NO_POOL);
	return status;
}

uint32_t model_look(struct tmem_domain *d, uint32_t pool, uint32_t object, uint32_t index,
		    uint32_t expected, uint32_t other)
{
	uint8_t page[STILLPOINT_TMEM_PAGE_SIZE], known[STILLPOINT_TMEM_PAGE_SIZE];
	enum stillpoint_tmem_status status;

	status = tmem_get(d, pool, model_object(object), index, page);
	if (status == STILLPOINT_TMEM_NOT_FOUND || status == STILLPOINT_TMEM_NO_POOL)
		return 0;
	if (status != STILLPOINT_TMEM_OK)
		return UINT32_MAX;
	model_page(expected, known);
	if (expected && !memcmp(page, known, sizeof(page)))
		return expected;
	model_page(other, known);
	return other && !memcmp(page, known, sizeof(page)) ? other : UINT32_MAX;
}

void model_compare(struct tmem_domain *d, struct model *m)
{
	uint32_t pool, object, index, found, *held;

	for (pool = 0; pool < MODEL_POOLS; pool++) {
		for (object = 0; object < MODEL_OBJECTS; object++) {
			for (index = 0; index < MODEL_INDEXES; index++) {
				held = &m->held[pool][object][index];
				found = model_look(d, pool, object, index, *held, 0);
				if (model_is_persistent(pool))
					assert_int_equal(found, *held);
				else
					assert_true(!found || found == *held);
				if (!model_is_persistent(pool))
					*held = 0;
			}
		}
	}
}
