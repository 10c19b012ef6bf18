// SPDX-License-Identifier: GPL-2.0
/*
 * Room for new pages. Ephemeral pages make room for others: the one that was not used for the
 * longest time, of those whose owner has at least its share of all of them. Shares are by weight.
 */
#include "tmem/state.h"

/* Pages that are evicted at once. */
#define ROOM_BATCH 32

/* Times that room is made for one page. */
#define ROOM_TRIES 16

struct account *pool_account(struct tmem_store *s, struct pool *pool)
{
	return pool->domain == ARENA_NOBODY ? &pool->shared : &s->domains[pool->domain].own;
}

void account_add(struct tmem_store *s, struct account *a, uint32_t n)
{
	struct page *page = &s->pages[n];

	page->used = ++s->clock;
	page->older = a->newest;
	page->newer = 0;
	if (a->newest)
		s->pages[a->newest].newer = n;
	else
		a->oldest = n;
	a->newest = n;
	s->ephemeral++;
	if (a->pages++)
		return;
	a->prev = NULL;
	a->next = s->accounts;
	if (s->accounts)
		s->accounts->prev = a;
	s->accounts = a;
}

void account_remove(struct tmem_store *s, struct account *a, uint32_t n)
{
	struct page *page = &s->pages[n];

	if (page->older)
		s->pages[page->older].newer = page->newer;
	else
		a->oldest = page->newer;
	if (page->newer)
		s->pages[page->newer].older = page->older;
	else
		a->newest = page->older;
	s->ephemeral--;
	if (--a->pages)
		return;
	if (a->prev)
		a->prev->next = a->next;
	else
		s->accounts = a->next;
	if (a->next)
		a->next->prev = a->prev;
}

static bool room_evict(struct tmem_store *s)
{
	struct account *a, *victim = NULL;
	uint64_t weights = 0;

	for (a = s->accounts; a; a = a->next)
		weights += a->weight;
	/* The shares' sum is all: somebody has at least its share. */
	for (a = s->accounts; a; a = a->next)
		if (a->pages * weights >= a->weight * s->ephemeral &&
		    (!victim || s->pages[a->oldest].used < s->pages[victim->oldest].used))
			victim = a;
	if (!victim)
		return false;
	victim->evicted++;
	s->evicted++;
	page_remove(s, victim->oldest);
	return true;
}

bool room_make(struct tmem_store *s, bool persistent)
{
	unsigned int n = 0;

	if (blobs_compact(&s->blobs))
		return true;
	while (n < ROOM_BATCH && room_evict(s))
		n++;
	return n || (persistent && export_give_up(s));
}

bool room_put(struct tmem_store *s, const void *page, const struct blob_bytes *stored,
	      bool persistent, uint32_t *blob)
{
	unsigned int tries;

	for (tries = 0; tries < ROOM_TRIES; tries++) {
		if (page_reserve(s) && blob_put(&s->blobs, page, stored, blob))
			return true;
		if (!room_make(s, persistent))
			return false;
	}
	return false;
}

uint64_t room_bytes(const struct tmem_store *s)
{
	return arena_room(&s->arena) + s->ephemeral_bytes;
}
