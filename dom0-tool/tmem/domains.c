// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "tmem/state.h"

static struct arena_domain *domain_record(const struct tmem_domain *d)
{
	return &d->store->arena.domains[d->number];
}

static void domain_begin(struct tmem_store *s, uint32_t n)
{
	const struct arena_domain *rec = &s->arena.domains[n];
	struct tmem_domain *d = &s->domains[n];

	memset(d, 0, sizeof(*d));
	d->store = s;
	d->number = n;
	d->state = rec->word;
	d->own.weight = rec->weight;
	d->info.domid = rec->domid;
	d->info.weight = rec->weight;
	d->info.quota = rec->quota;
	memcpy(d->info.uuid, rec->uuid, sizeof(rec->uuid));
}

struct tmem_domain *domain_make(struct tmem_store *s, uint32_t state, uint32_t domid,
				const uint8_t uuid[16])
{
	struct arena_domain *rec = s->arena.domains;
	uint32_t n;

	for (n = 0; n < ARENA_DOMAINS && s->domains[n].state != ARENA_FREE; n++)
		rec++;
	if (n == ARENA_DOMAINS)
		return NULL;
	rec->domid = domid;
	memcpy(rec->uuid, uuid, sizeof(rec->uuid));
	rec->weight = TMEM_WEIGHT_DEFAULT;
	rec->quota = s->quota;
	rec->share_mask = 0;
	arena_commit(&rec->word, state);
	domain_begin(s, n);
	return &s->domains[n];
}

bool domain_load(struct tmem_store *s, uint32_t n)
{
	const struct arena_domain *rec = &s->arena.domains[n];

	if (rec->word != ARENA_LIVE || !rec->weight || rec->weight > TMEM_WEIGHT_MAX ||
	    tmem_domain_find(s, rec->domid, rec->uuid))
		return false;
	domain_begin(s, n);
	return true;
}

struct tmem_domain *tmem_domain_find(struct tmem_store *s, uint32_t domid, const uint8_t uuid[16])
{
	struct tmem_domain *d;

	for (d = s->domains; d < s->domains + ARENA_DOMAINS; d++)
		if (d->state == ARENA_LIVE && d->info.domid == domid &&
		    !memcmp(d->info.uuid, uuid, 16))
			return d;
	return NULL;
}

struct tmem_domain *tmem_domain_get(struct tmem_store *s, uint32_t domid, const uint8_t uuid[16])
{
	struct tmem_domain *d = tmem_domain_find(s, domid, uuid);

	return d ? d : domain_make(s, ARENA_LIVE, domid, uuid);
}

struct tmem_domain *tmem_domain_next(struct tmem_store *s, uint32_t *n)
{
	for (; *n < ARENA_DOMAINS; (*n)++)
		if (s->domains[*n].state == ARENA_LIVE || s->domains[*n].state == ARENA_COMING)
			return &s->domains[*n];
	return NULL;
}

void tmem_domain_identity(const struct tmem_domain *d, uint32_t *domid, uint8_t uuid[16])
{
	*domid = d->info.domid;
	memcpy(uuid, d->info.uuid, 16);
}

void tmem_domain_info(const struct tmem_domain *d, struct tmem_domain_info *info)
{
	*info = d->info;
	info->pools = d->pool_count;
	info->evicted = d->own.evicted;
	if (d->state == ARENA_COMING)
		info->flags |= TMEM_DOMAIN_IMPORTED;
	if (d->export)
		info->flags |= TMEM_DOMAIN_EXPORTED;
	if (d->held)
		info->flags |= TMEM_DOMAIN_HELD;
}

void domain_forget(struct tmem_domain *d)
{
	arena_commit(&domain_record(d)->word, ARENA_FREE);
	d->state = ARENA_FREE;
}

void tmem_domain_drop(struct tmem_domain *d)
{
	arena_commit(&domain_record(d)->word, ARENA_GOING);
	d->state = ARENA_GOING;
	if (d->export)
		export_domain_goes(d);
	/* Held, so that it is not forgotten with the first of its pools. */
	d->going++;
	while (d->pools)
		pool_drop(d, &d->store->pools[d->pools]);
	if (!--d->going)
		domain_forget(d);
}

void tmem_domain_hold(struct tmem_domain *d, bool held)
{
	d->held = held;
}

bool tmem_domain_is_held(const struct tmem_domain *d)
{
	return d->held;
}

void tmem_domain_count_session(struct tmem_domain *d)
{
	d->info.sessions++;
}

void tmem_domain_count_invalid(struct tmem_domain *d)
{
	d->info.invalid++;
}

static uint32_t domain_share(struct arena_domain *rec, const uint8_t uuid[16])
{
	static const uint8_t none[16];
	unsigned int i;

	if (!memcmp(uuid, none, sizeof(none)))
		return TMEM_STATUS_BAD;
	for (i = 0; i < TMEM_SHARES; i++)
		if (rec->share_mask >> i & 1 && !memcmp(rec->shares[i], uuid, 16))
			return TMEM_STATUS_OK;
	for (i = 0; i < TMEM_SHARES && rec->share_mask >> i & 1; i++)
		;
	if (i == TMEM_SHARES)
		return TMEM_STATUS_NO_ROOM;
	memcpy(rec->shares[i], uuid, 16);
	arena_commit(&rec->share_mask, rec->share_mask | 1u << i);
	return TMEM_STATUS_OK;
}

static void domain_unshare(struct tmem_domain *d, const uint8_t uuid[16])
{
	struct arena_domain *rec = domain_record(d);
	struct tmem_store *s = d->store;
	unsigned int i;
	uint32_t n, next;

	for (i = 0; i < TMEM_SHARES; i++)
		if (rec->share_mask >> i & 1 && !memcmp(rec->shares[i], uuid, 16))
			arena_commit(&rec->share_mask, rec->share_mask & ~(UINT64_C(1) << i));
	for (n = d->pools; n; n = next) {
		next = s->pools[n].chain;
		if (pool_is_shared(&s->pools[n]) && !memcmp(s->pools[n].uuid, uuid, 16))
			pool_drop(d, &s->pools[n]);
	}
}

uint32_t tmem_domain_set(struct tmem_domain *d, const struct tmem_set *set)
{
	struct arena_domain *rec = domain_record(d);

	if (set->what & TMEM_SET_WEIGHT && (!set->weight || set->weight > TMEM_WEIGHT_MAX))
		return TMEM_STATUS_BAD;
	if (set->what & TMEM_SET_QUOTA) {
		arena_commit(&rec->quota, set->quota);
		d->info.quota = set->quota;
	}
	if (set->what & TMEM_SET_WEIGHT) {
		__atomic_store_n(&rec->weight, set->weight, __ATOMIC_RELEASE);
		d->info.weight = set->weight;
		d->own.weight = set->weight;
	}
	if (set->what & TMEM_SET_UNSHARE)
		domain_unshare(d, set->uuid);
	return set->what & TMEM_SET_SHARE ? domain_share(rec, set->uuid) : TMEM_STATUS_OK;
}
