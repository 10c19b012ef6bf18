// SPDX-License-Identifier: GPL-2.0
/* Finding again what an earlier process left. Whatever a record says is checked. */
#include "msg.h"
#include "tmem/state.h"

static bool load_page(struct tmem_store *s, uint32_t n, unsigned int *damaged)
{
	const struct arena_page *rec = &s->arena.pages[n];
	uint64_t tag = rec->word & ARENA_PAGE_TAG;
	uint32_t blob = (uint32_t)rec->word;
	struct pool *p;

	if (!rec->word)
		return false;
	if ((tag != ARENA_PAGE_HELD && tag != ARENA_PAGE_BAD) ||
	    rec->check != arena_page_check(&s->arena, rec)) {
		++*damaged;
		return false;
	}
	if (!rec->pool || rec->pool >= ARENA_POOLS)
		return false;
	p = &s->pools[rec->pool];
	if (p->state == ARENA_FREE || p->target != rec->pool ||
	    page_find(s, rec->pool, rec->object, rec->index))
		return false;
	if (tag == ARENA_PAGE_BAD || !blobs_claim(&s->blobs, blob)) {
		*damaged += tag != ARENA_PAGE_BAD;
		blob = BLOB_BAD;
		/* The blob's number will be another's. */
		arena_commit(&s->arena.pages[n].word, ARENA_PAGE_BAD);
	}
	return page_enter(s, n, rec->pool, rec->object, rec->index, blob);
}

static void load_pages(struct tmem_store *s)
{
	unsigned int damaged = 0;
	uint64_t n;

	for (n = s->arena.super->page_high; n > 1; n--) {
		if (load_page(s, n - 1, &damaged))
			continue;
		if (s->arena.pages[n - 1].word)
			arena_commit(&s->arena.pages[n - 1].word, 0);
		page_release_number(s, n - 1);
	}
	if (damaged)
		msg_warn("%u records of pages were damaged", damaged);
}

void store_load(struct tmem_store *s)
{
	uint32_t n;

	for (n = 0; n < ARENA_DOMAINS; n++)
		if (s->arena.domains[n].word && !domain_load(s, n))
			arena_commit(&s->arena.domains[n].word, ARENA_FREE);
	/*
	 * A pool whose domain is gone may be freed before its pages: they are dropped below,
	 * or, if this process does not come that far, by the next one.
	 */
	for (n = 1; n < ARENA_POOLS; n++)
		if (s->arena.pools[n].word && !pool_load(s, n))
			arena_commit(&s->arena.pools[n].word, ARENA_FREE);
	pools_settle(s);
	load_pages(s);
	blobs_settle(&s->blobs);
	arena_settle(&s->arena);
}
