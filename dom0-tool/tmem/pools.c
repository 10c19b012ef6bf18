// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "tmem/state.h"

#define POOL_FLAGS (STILLPOINT_TMEM_POOL_PERSISTENT | STILLPOINT_TMEM_POOL_SHARED | 0xff00u)

bool pool_flags_valid(uint32_t flags, const uint8_t uuid[16])
{
	static const uint8_t none[16];
	bool shared = flags & STILLPOINT_TMEM_POOL_SHARED;

	return !(flags & ~POOL_FLAGS) &&
	       STILLPOINT_TMEM_POOL_SHIFT(flags) == STILLPOINT_TMEM_PAGE_SHIFT &&
	       !(shared && flags & STILLPOINT_TMEM_POOL_PERSISTENT) &&
	       shared == !!memcmp(uuid, none, sizeof(none));
}

struct pool *pool_find(struct tmem_domain *d, uint32_t id)
{
	uint32_t n = d->pools;

	while (n && d->store->pools[n].id != id)
		n = d->store->pools[n].chain;
	return n ? &d->store->pools[n] : NULL;
}

/* Pool 0 is not used, so that 0 is none. */
static struct pool *pool_make(struct tmem_store *s, uint32_t domain, uint32_t id, uint32_t flags,
			      const uint8_t uuid[16])
{
	struct arena_pool *rec;
	struct pool *p;
	uint32_t n;

	for (n = 1; n < ARENA_POOLS && s->pools[n].state != ARENA_FREE; n++)
		;
	if (n == ARENA_POOLS)
		return NULL;
	rec = &s->arena.pools[n];
	rec->domain = domain;
	rec->id = id;
	rec->flags = flags;
	memcpy(rec->uuid, uuid, sizeof(rec->uuid));
	arena_commit(&rec->word, ARENA_LIVE);
	p = &s->pools[n];
	memset(p, 0, sizeof(*p));
	p->state = ARENA_LIVE;
	p->domain = domain;
	p->id = id;
	p->flags = flags;
	p->target = n;
	p->shared.weight = TMEM_WEIGHT_DEFAULT;
	memcpy(p->uuid, uuid, sizeof(p->uuid));
	s->pool_count++;
	return p;
}

static void pool_release(struct tmem_store *s, struct pool *p)
{
	arena_commit(&s->arena.pools[pool_number(s, p)].word, ARENA_FREE);
	p->state = ARENA_FREE;
	s->pool_count--;
}

static struct pool *pool_find_shared(struct tmem_store *s, const uint8_t uuid[16])
{
	uint32_t n;

	for (n = 1; n < ARENA_POOLS; n++)
		if (s->pools[n].state == ARENA_LIVE && s->pools[n].domain == ARENA_NOBODY &&
		    !memcmp(s->pools[n].uuid, uuid, 16))
			return &s->pools[n];
	return NULL;
}

/* From now on the pool is nobody's; its pages go bit by bit, when no export needs them. */
static void pool_start_going(struct tmem_store *s, struct pool *p)
{
	struct tmem_domain *d = p->domain == ARENA_NOBODY ? NULL : &s->domains[p->domain];

	arena_commit(&s->arena.pools[pool_number(s, p)].word, ARENA_GOING);
	if (d) {
		d->info.stored_bytes -= p->bytes;
		if (pool_is_persistent(p))
			d->info.persistent -= p->count;
		else
			d->info.ephemeral -= p->count;
		d->going++;
	}
	p->state = ARENA_GOING;
	p->chain = s->going;
	s->going = pool_number(s, p);
}

static void pool_leave_shared(struct tmem_store *s, struct pool *part)
{
	struct pool *shared = &s->pools[part->target];

	pool_release(s, part);
	if (!--shared->parts)
		pool_start_going(s, shared);
}

static void pool_unlink(struct tmem_domain *d, struct pool *p)
{
	uint32_t n = pool_number(d->store, p), *link = &d->pools;

	while (*link != n)
		link = &d->store->pools[*link].chain;
	*link = p->chain;
	d->pool_count--;
}

void pool_drop(struct tmem_domain *d, struct pool *p)
{
	struct tmem_store *s = d->store;

	pool_unlink(d, p);
	if (d->export)
		export_pool_goes(d, p);
	if (pool_is_shared(p))
		pool_leave_shared(s, p);
	else
		pool_start_going(s, p);
}

static void pool_join(struct tmem_domain *d, struct pool *p)
{
	p->chain = d->pools;
	d->pools = pool_number(d->store, p);
	d->pool_count++;
}

static bool pool_may_share(const struct tmem_domain *d, const uint8_t uuid[16])
{
	const struct arena_domain *rec = &d->store->arena.domains[d->number];
	unsigned int i;

	for (i = 0; i < TMEM_SHARES; i++)
		if (rec->share_mask >> i & 1 && !memcmp(rec->shares[i], uuid, 16))
			return true;
	return false;
}

/* The part is written last: a shared pool without parts is dropped when it is found. */
static struct pool *pool_share(struct tmem_domain *d, uint32_t id, uint32_t flags,
			       const uint8_t uuid[16])
{
	struct pool *shared = pool_find_shared(d->store, uuid), *part;
	bool made = !shared;

	if (!shared)
		shared = pool_make(d->store, ARENA_NOBODY, 0, flags, uuid);
	if (!shared)
		return NULL;
	part = pool_make(d->store, d->number, id, flags, uuid);
	if (!part) {
		if (made)
			pool_release(d->store, shared);
		return NULL;
	}
	part->target = pool_number(d->store, shared);
	shared->parts++;
	if (d->own.weight > shared->shared.weight)
		shared->shared.weight = d->own.weight;
	return part;
}

enum stillpoint_tmem_status tmem_pool_new(struct tmem_domain *d, uint32_t id, uint32_t flags,
					  const uint8_t uuid[16], bool *created)
{
	bool empty = flags & STILLPOINT_TMEM_POOL_EMPTY;
	struct pool *p = pool_find(d, id);

	*created = false;
	flags &= ~STILLPOINT_TMEM_POOL_EMPTY;
	if (!pool_flags_valid(flags, uuid))
		return STILLPOINT_TMEM_INVALID;
	if (p && !empty)
		return p->flags == flags && !memcmp(p->uuid, uuid, 16) ? STILLPOINT_TMEM_OK :
									 STILLPOINT_TMEM_EXISTS;
	if (flags & STILLPOINT_TMEM_POOL_SHARED && !pool_may_share(d, uuid))
		return STILLPOINT_TMEM_REFUSED;
	if (p)
		pool_drop(d, p);
	/* What is going counts as well: emptying a pool again and again must not take the table. */
	if (d->pool_count + d->going >= 2 * TMEM_POOLS_MAX || d->pool_count >= TMEM_POOLS_MAX)
		return STILLPOINT_TMEM_REFUSED;
	if (flags & STILLPOINT_TMEM_POOL_SHARED)
		p = pool_share(d, id, flags, uuid);
	else
		p = pool_make(d->store, d->number, id, flags, uuid);
	if (!p)
		return STILLPOINT_TMEM_REFUSED;
	pool_join(d, p);
	if (d->export)
		export_pool_added(d, p);
	*created = true;
	return STILLPOINT_TMEM_OK;
}

enum stillpoint_tmem_status tmem_pool_destroy(struct tmem_domain *d, uint32_t id)
{
	struct pool *p = pool_find(d, id);

	if (!p)
		return STILLPOINT_TMEM_NO_POOL;
	pool_drop(d, p);
	return STILLPOINT_TMEM_OK;
}

bool pool_load(struct tmem_store *s, uint32_t n)
{
	const struct arena_pool *rec = &s->arena.pools[n];
	bool shared = rec->flags & STILLPOINT_TMEM_POOL_SHARED;
	struct pool *p = &s->pools[n];

	if (rec->word != ARENA_LIVE || !pool_flags_valid(rec->flags, rec->uuid))
		return false;
	if (rec->domain == ARENA_NOBODY) {
		if (!shared || pool_find_shared(s, rec->uuid))
			return false;
	} else if (rec->domain >= ARENA_DOMAINS || s->domains[rec->domain].state != ARENA_LIVE ||
		   pool_find(&s->domains[rec->domain], rec->id) ||
		   s->domains[rec->domain].pool_count >= TMEM_POOLS_MAX) {
		return false;
	}
	p->state = ARENA_LIVE;
	p->domain = rec->domain;
	p->id = rec->id;
	p->flags = rec->flags;
	p->target = n;
	p->shared.weight = TMEM_WEIGHT_DEFAULT;
	memcpy(p->uuid, rec->uuid, sizeof(p->uuid));
	s->pool_count++;
	if (p->domain != ARENA_NOBODY)
		pool_join(&s->domains[p->domain], p);
	return true;
}

/* The shared pool was written before its parts, and goes after them. */
static void pool_find_target(struct tmem_store *s, struct pool *part)
{
	struct tmem_domain *d = &s->domains[part->domain];
	struct pool *shared = pool_find_shared(s, part->uuid);

	if (!shared) {
		pool_unlink(d, part);
		pool_release(s, part);
		return;
	}
	part->target = pool_number(s, shared);
	shared->parts++;
	if (d->own.weight > shared->shared.weight)
		shared->shared.weight = d->own.weight;
}

void pools_settle(struct tmem_store *s)
{
	struct pool *p;

	for (p = s->pools + 1; p < s->pools + ARENA_POOLS; p++)
		if (p->state == ARENA_LIVE && pool_is_shared(p) && p->domain != ARENA_NOBODY)
			pool_find_target(s, p);
	for (p = s->pools + 1; p < s->pools + ARENA_POOLS; p++)
		if (p->state == ARENA_LIVE && p->domain == ARENA_NOBODY && !p->parts)
			pool_start_going(s, p);
}

static void pool_forget(struct tmem_store *s, struct pool *p)
{
	struct tmem_domain *d = p->domain == ARENA_NOBODY ? NULL : &s->domains[p->domain];

	pool_release(s, p);
	if (d && !--d->going && d->state == ARENA_GOING)
		domain_forget(d);
}

bool pools_work(struct tmem_store *s, unsigned int pages)
{
	uint32_t *link = &s->going;
	struct pool *p;

	while (*link) {
		p = &s->pools[*link];
		if (p->export) {
			link = &p->chain;
			continue;
		}
		while (p->pages.first && pages) {
			page_remove(s, p->pages.first);
			pages--;
		}
		if (p->pages.first)
			return true;
		*link = p->chain;
		pool_forget(s, p);
	}
	return false;
}
