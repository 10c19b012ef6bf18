// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "tmem/state.h"

struct tmem_store *tmem_store_open(const char *dir, const struct tmem_store_options *opts)
{
	struct tmem_store *s = calloc(1, sizeof(*s));

	if (!s) {
		msg_error("out of memory");
		return NULL;
	}
	if (opts->limit < TMEM_STORE_LIMIT_MIN) {
		msg_error("a tmem store needs at least %llu MiB",
			  (unsigned long long)(TMEM_STORE_LIMIT_MIN >> 20));
		goto free_store;
	}
	s->quota = opts->quota ? opts->quota : opts->limit / STILLPOINT_TMEM_PAGE_SIZE / 2;
	if (arena_open(&s->arena, dir, opts->limit, opts->most))
		goto free_store;
	if (blobs_init(&s->blobs, &s->arena, &opts->codec))
		goto close_arena;
	s->pools = calloc(ARENA_POOLS, sizeof(*s->pools));
	s->domains = calloc(ARENA_DOMAINS, sizeof(*s->domains));
	if (!s->pools || !s->domains) {
		msg_error("out of memory");
		goto free_tables;
	}
	if (pages_init(s))
		goto free_pages;
	store_load(s);
	return s;

free_pages:
	pages_exit(s);
free_tables:
	free(s->pools);
	free(s->domains);
	blobs_free(&s->blobs);
close_arena:
	arena_close(&s->arena);
free_store:
	free(s);
	return NULL;
}

void tmem_store_close(struct tmem_store *s)
{
	if (!s)
		return;
	pages_exit(s);
	free(s->pools);
	free(s->domains);
	blobs_free(&s->blobs);
	arena_close(&s->arena);
	free(s);
}

/* Pages that a domain has already may be replaced. */
static bool store_within_quota(const struct tmem_domain *d, const struct pool *pool)
{
	return !pool_is_persistent(pool) || d->info.persistent < d->info.quota;
}

/* The reference to @blob is the page's, or dropped. */
static bool store_set(struct tmem_store *s, struct pool *pool, uint64_t object, uint32_t index,
		      uint32_t blob)
{
	uint32_t n = page_find(s, pool->target, object, index);

	if (n) {
		page_replace(s, n, blob);
		return true;
	}
	if (page_add(s, pool->target, object, index, blob))
		return true;
	blob_drop(&s->blobs, blob);
	return false;
}

enum stillpoint_tmem_status store_put(struct tmem_domain *d, struct pool *pool, uint64_t object,
				      uint32_t index, const void *page,
				      const struct blob_bytes *stored)
{
	struct tmem_store *s = d->store;
	bool persistent = pool_is_persistent(pool);
	uint32_t blob, n;
	bool room;

	if (!store_within_quota(d, pool) && !page_find(s, pool->target, object, index)) {
		d->info.refused++;
		return STILLPOINT_TMEM_REFUSED;
	}
	room = room_put(s, page, stored, persistent, &blob);
	if (!room) {
		/* The old page goes whatever becomes of the new one, for which its room may do. */
		n = page_find(s, pool->target, object, index);
		if (n) {
			page_remove(s, n);
			room = room_put(s, page, stored, persistent, &blob);
		}
	}
	if (room && store_set(s, pool, object, index, blob))
		return STILLPOINT_TMEM_OK;
	d->info.refused++;
	return STILLPOINT_TMEM_REFUSED;
}

enum stillpoint_tmem_status tmem_put(struct tmem_domain *d, uint32_t id, uint64_t object,
				     uint32_t index, const void *page)
{
	struct pool *pool = pool_find(d, id);

	if (!pool)
		return STILLPOINT_TMEM_NO_POOL;
	d->info.puts++;
	return store_put(d, pool, object, index, page, NULL);
}

enum stillpoint_tmem_status tmem_get(struct tmem_domain *d, uint32_t id, uint64_t object,
				     uint32_t index, void *page)
{
	struct pool *pool = pool_find(d, id);
	struct tmem_store *s = d->store;
	uint32_t n;
	int ret;

	if (!pool)
		return STILLPOINT_TMEM_NO_POOL;
	d->info.gets++;
	n = page_find(s, pool->target, object, index);
	if (!n)
		return STILLPOINT_TMEM_NOT_FOUND;
	ret = blob_read(&s->blobs, s->pages[n].blob, page);
	if (ret && pool_is_persistent(pool)) {
		msg_warn("domain %u: a page of pool %u is damaged", d->info.domid, id);
		return STILLPOINT_TMEM_FAILED;
	}
	if (ret || (!pool_is_persistent(pool) && !pool_is_shared(pool)))
		page_remove(s, n);
	else
		page_touch(s, n);
	if (ret)
		return STILLPOINT_TMEM_NOT_FOUND;
	d->info.hits++;
	return STILLPOINT_TMEM_OK;
}

enum stillpoint_tmem_status tmem_invalidate(struct tmem_domain *d, uint32_t id, uint64_t object,
					    uint32_t index)
{
	struct pool *pool = pool_find(d, id);
	uint32_t n;

	if (!pool)
		return STILLPOINT_TMEM_NO_POOL;
	d->info.invalidates++;
	n = page_find(d->store, pool->target, object, index);
	if (n)
		page_remove(d->store, n);
	return STILLPOINT_TMEM_OK;
}

enum stillpoint_tmem_status tmem_invalidate_object(struct tmem_domain *d, uint32_t id,
						   uint64_t object, unsigned int pages, bool *more)
{
	struct pool *pool = pool_find(d, id);
	struct tmem_store *s = d->store;
	uint32_t o = 0;

	*more = false;
	if (!pool)
		return STILLPOINT_TMEM_NO_POOL;
	while ((o = object_find(s, pool->target, object))) {
		if (!pages--) {
			*more = true;
			return STILLPOINT_TMEM_OK;
		}
		page_remove(s, s->objects[o].pages);
	}
	d->info.invalidates++;
	return STILLPOINT_TMEM_OK;
}

bool tmem_store_work(struct tmem_store *s, unsigned int pages)
{
	room_fit(s);
	return pools_work(s, pages);
}

void tmem_store_stats(const struct tmem_store *s, struct tmem_stats *stats)
{
	uint32_t n;

	memset(stats, 0, sizeof(*stats));
	stats->limit_bytes = s->arena.limit;
	stats->used_bytes = arena_used(&s->arena);
	stats->stored_bytes = s->blobs.bytes;
	stats->pages = s->page_count;
	stats->persistent = s->persistent;
	stats->ephemeral = s->ephemeral;
	stats->zero_pages = s->zero_pages;
	stats->blobs = s->blobs.count;
	stats->compressed_blobs = s->blobs.compressed;
	/* Blobs that only an export has make it smaller for a moment. */
	if (s->page_count > s->zero_pages + s->blobs.count)
		stats->duplicate_pages = s->page_count - s->zero_pages - s->blobs.count;
	stats->evicted = s->evicted;
	for (n = 0; n < ARENA_DOMAINS; n++)
		stats->domains += s->domains[n].state == ARENA_LIVE;
	stats->pools = s->pool_count;
	stats->restarts = s->arena.super->restarts;
}

void tmem_store_hello(const struct tmem_store *s, struct tmem_hello_reply *reply)
{
	reply->codecs = 1u << STILLPOINT_CODEC_NONE | 1u << STILLPOINT_CODEC_LZ4 |
			1u << STILLPOINT_CODEC_ZSTD;
	reply->room_pages = s->quota;
	reply->room_bytes = room_bytes(s);
}
