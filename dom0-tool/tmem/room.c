// SPDX-License-Identifier: GPL-2.0
/*
 * Room for new pages. Ephemeral pages make room for others: the one that was not used for the
 * longest time, of those whose owner has at least its share of all of them. Shares are by weight.
 */
#include "tmem/state.h"

/* Pages that go at once. */
#define ROOM_BATCH 32

/* Pages that go for one: some free nothing, as others or an export have their blobs. */
#define ROOM_EPHEMERAL 512u
#define ROOM_PERSISTENT (1u << 18)

/* Bytes that exports may keep beyond the limit. */
#define ROOM_SLACK (256u << 10)

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

/* What is in use of that which lacks: @records of pages, or blobs. */
static uint64_t room_taken(const struct tmem_store *s, bool records)
{
	return records ? s->page_count : s->blobs.count;
}

/* A page of a pool that is on its way out goes. False if there is none. */
static bool room_clear(struct tmem_store *s)
{
	uint64_t pages = s->page_count;

	pools_work(s, 1);
	return s->page_count < pages;
}

/* Up to *@left pages go by @drop, until some of what lacks is free. */
static bool room_gain(struct tmem_store *s, bool records, unsigned int *left,
		      bool (*drop)(struct tmem_store *))
{
	uint64_t taken = room_taken(s, records);
	unsigned int n;

	for (n = 0; *left && (n < ROOM_BATCH || room_taken(s, records) == taken); n++) {
		if (!drop(s))
			break;
		--*left;
	}
	return room_taken(s, records) < taken;
}

/*
 * Drop what is on its way out, join what is scattered, evict ephemeral pages, and, for a
 * persistent one, give up exports. @records: those of pages lack, for which an empty zone helps
 * only if their table may grow. False if nothing could be done.
 */
static bool room_make(struct tmem_store *s, bool persistent, bool records, unsigned int *left)
{
	return room_gain(s, records, left, room_clear) || (!records && blobs_compact(&s->blobs)) ||
	       room_gain(s, records, left, room_evict) || (records && blobs_compact(&s->blobs)) ||
	       (persistent && export_give_up(s));
}

bool room_put(struct tmem_store *s, const void *page, const struct blob_bytes *stored,
	      bool persistent, uint32_t *blob)
{
	unsigned int left = persistent ? ROOM_PERSISTENT : ROOM_EPHEMERAL;
	bool records;

	do {
		records = !page_reserve(s);
		if (!records && blob_put(&s->blobs, page, stored, blob))
			return true;
	} while (room_make(s, persistent, records, &left));
	return false;
}

void room_fit(struct tmem_store *s)
{
	unsigned int left = ROOM_PERSISTENT;

	while (s->arena.kept > ROOM_SLACK && !arena_trim(&s->arena, 0) &&
	       room_make(s, true, false, &left))
		;
}

/* Of persistent pools that are on their way out, and may go; ephemeral pages count anyway. */
static uint64_t room_going(const struct tmem_store *s)
{
	uint64_t bytes = 0;
	uint32_t n;

	for (n = s->going; n; n = s->pools[n].chain)
		if (pool_is_persistent(&s->pools[n]) && !s->pools[n].export)
			bytes += s->pools[n].bytes;
	return bytes;
}

uint64_t room_bytes(const struct tmem_store *s)
{
	return arena_room(&s->arena) + s->ephemeral_bytes + room_going(s);
}
