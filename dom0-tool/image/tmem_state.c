// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "codec.h"
#include "msg.h"
#include "page.h"
#include "section.h"
#include "tmem_state.h"

/* Entries that the table begins with; a power of two. */
#define TMEM_ROOM 1024

#define TMEM_CODECS \
	(1u << STILLPOINT_CODEC_NONE | 1u << STILLPOINT_CODEC_LZ4 | 1u << STILLPOINT_CODEC_ZSTD)

_Static_assert(sizeof(struct stillpoint_tmem_pools) == 48, "pools");
_Static_assert(sizeof(struct stillpoint_tmem_pool) == 32, "pool");
_Static_assert(sizeof(struct stillpoint_tmem_records) == 8, "records");
_Static_assert(sizeof(struct stillpoint_tmem_handle) == 16, "handle");
_Static_assert(sizeof(struct stillpoint_tmem_page) == 24, "page");
_Static_assert(sizeof(struct stillpoint_tmem_image) == 24, "image");

static int tmem_bad(const struct tmem_state *s, const char *what, uint32_t type, uint64_t offset)
{
	return msg_error("%s: %s in %s at offset %llu", s->blame, what, section_name(type),
			 (unsigned long long)offset);
}

int tmem_state_init(struct tmem_state *s, const char *blame)
{
	static const struct codec_choice any = { .codec = STILLPOINT_CODEC_NONE };

	memset(s, 0, sizeof(*s));
	s->blame = blame;
	/* So that nobody can make an image whose handles all fall together. */
	if (RAND_bytes((unsigned char *)&s->seed, sizeof(s->seed)) != 1)
		return msg_error("cannot get random numbers");
	s->codec = codec_new(&any);
	return s->codec ? 0 : -1;
}

void tmem_state_free(struct tmem_state *s)
{
	free(s->entries);
	free(s->hash);
	codec_free(s->codec);
	memset(s, 0, sizeof(*s));
}

bool tmem_section(uint32_t type)
{
	return type == STILLPOINT_SECTION_TMEM_POOLS || type == STILLPOINT_SECTION_TMEM_PAGES ||
	       type == STILLPOINT_SECTION_TMEM_INVALIDATE;
}

static bool tmem_is_persistent(const struct tmem_pool *pool)
{
	return pool->told.flags & STILLPOINT_TMEM_POOL_PERSISTENT;
}

bool tmem_state_persistent(const struct tmem_state *s)
{
	unsigned int i;

	for (i = 0; i < s->head.count; i++)
		if (tmem_is_persistent(&s->pools[i]))
			return true;
	return false;
}

void tmem_state_sum(const struct tmem_state *s, struct tmem_sum *sum)
{
	const struct tmem_pool *pool;

	*sum = (struct tmem_sum){ .pools = s->head.count };
	for (pool = s->pools; pool < s->pools + s->head.count; pool++) {
		*(tmem_is_persistent(pool) ? &sum->persistent : &sum->ephemeral) += pool->pages;
		sum->bytes += pool->bytes;
	}
}

static struct tmem_pool *tmem_pool_find(struct tmem_state *s, uint32_t id)
{
	unsigned int low = 0, high = s->head.count, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (s->pools[mid].told.id == id)
			return &s->pools[mid];
		if (s->pools[mid].told.id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* The entry of @handle, or the one that it would take; there is always one. */
static size_t tmem_find(const struct tmem_state *s, const struct stillpoint_tmem_handle *handle)
{
	size_t i = XXH3_64bits_withSeed(handle, sizeof(*handle), s->seed) & (s->room - 1);

	while (s->entries[i].used && memcmp(&s->entries[i].handle, handle, sizeof(*handle)))
		i = (i + 1) & (s->room - 1);
	return i;
}

/* Twice the room, or the first. */
static int tmem_grow(struct tmem_state *s)
{
	struct tmem_state old = *s;
	size_t i, to;

	s->room = old.room ? 2 * old.room : TMEM_ROOM;
	s->entries = calloc(s->room, sizeof(*s->entries));
	s->hash = s->hashes ? malloc(s->room * sizeof(*s->hash)) : NULL;
	if (!s->entries || (s->hashes && !s->hash)) {
		free(s->entries);
		free(s->hash);
		*s = old;
		return msg_error("out of memory for %zu handles of tmem", old.nentries + 1);
	}
	for (i = 0; i < old.room; i++) {
		if (!old.entries[i].used)
			continue;
		to = tmem_find(s, &old.entries[i].handle);
		s->entries[to] = old.entries[i];
		if (s->hashes)
			s->hash[to] = old.hash[i];
	}
	free(old.entries);
	free(old.hash);
	return 0;
}

static bool tmem_has_page(const struct tmem_entry *e, const struct tmem_pool *pool)
{
	return e->used && e->page && e->incarnation == pool->incarnation;
}

/* The handle has the page @data from here on, or none; @stored bytes are stored of it. */
static int tmem_set(struct tmem_state *s, struct tmem_pool *pool,
		    const struct stillpoint_tmem_handle *handle, const void *data, uint32_t stored)
{
	struct tmem_entry *e;
	size_t i;

	if (s->nentries >= s->room / 4 * 3 && tmem_grow(s))
		return -1;
	i = tmem_find(s, handle);
	e = &s->entries[i];
	if (tmem_has_page(e, pool)) {
		pool->pages--;
		pool->bytes -= e->stored;
	}
	s->nentries += !e->used;
	*e = (struct tmem_entry){
		.handle = *handle,
		.incarnation = pool->incarnation,
		.stored = stored,
		.used = true,
		.page = data,
	};
	pool->pages += e->page;
	pool->bytes += stored;
	if (s->hashes && data)
		s->hash[i] = XXH3_128bits(data, PAGE_BYTES);
	return 0;
}

/* What is wrong with a pool as it stands in TMEM_POOLS behind @before; NULL if nothing is. */
static const char *tmem_pool_fault(const struct stillpoint_tmem_pool *pool,
				   const struct stillpoint_tmem_pool *before, bool final)
{
	static const uint8_t zeroes[sizeof(pool->uuid)];
	const uint32_t known =
		STILLPOINT_TMEM_POOL_PERSISTENT | STILLPOINT_TMEM_POOL_SHARED | 0xffu << 8;
	bool shared = pool->flags & STILLPOINT_TMEM_POOL_SHARED;

	if (before && before->id >= pool->id)
		return "pools out of order";
	if (pool->flags & ~known ||
	    STILLPOINT_TMEM_POOL_SHIFT(pool->flags) != STILLPOINT_TMEM_PAGE_SHIFT)
		return "a pool of an unknown kind";
	if (shared && pool->flags & STILLPOINT_TMEM_POOL_PERSISTENT)
		return "a pool that is both shared and persistent";
	if (!shared && memcmp(pool->uuid, zeroes, sizeof(zeroes)))
		return "a uuid of a private pool";
	if (!final && pool->pages)
		return "a count that is not final";
	return NULL;
}

static const char *tmem_pools_fault(const struct tmem_state *s,
				    const struct stillpoint_tmem_pools *h, size_t size)
{
	const uint32_t known = STILLPOINT_TMEM_POOLS_FINAL | STILLPOINT_TMEM_POOLS_EPHEMERAL;

	if (h->count > STILLPOINT_TMEM_POOLS_MAX ||
	    size != sizeof(*h) + h->count * sizeof(struct stillpoint_tmem_pool))
		return "a wrong size";
	if (h->flags & ~known)
		return "something in a reserved field";
	if (h->weight > STILLPOINT_TMEM_WEIGHT_MAX)
		return "a weight that no store gives";
	if (s->any && (h->flags ^ s->head.flags) & STILLPOINT_TMEM_POOLS_EPHEMERAL)
		return "another choice of contents than before";
	return NULL;
}

/* The pool goes on from the table before, if it was there. */
static void tmem_pool_inherit(struct tmem_state *s, struct tmem_pool *pool)
{
	const struct tmem_pool *old = tmem_pool_find(s, pool->told.id);

	if (old && old->told.flags == pool->told.flags &&
	    !memcmp(old->told.uuid, pool->told.uuid, sizeof(old->told.uuid))) {
		pool->incarnation = old->incarnation;
		pool->pages = old->pages;
		pool->bytes = old->bytes;
		return;
	}
	pool->incarnation = ++s->incarnations;
	pool->pages = 0;
	pool->bytes = 0;
}

static int tmem_check_final(const struct tmem_state *s, uint64_t offset)
{
	struct tmem_sum sum;
	unsigned int i;

	for (i = 0; i < s->head.count; i++)
		if (s->pools[i].pages != s->pools[i].told.pages)
			return msg_error(
				"%s: pool %u has %llu pages, TMEM_POOLS at offset %llu says %llu",
				s->blame, s->pools[i].told.id,
				(unsigned long long)s->pools[i].pages, (unsigned long long)offset,
				(unsigned long long)s->pools[i].told.pages);
	tmem_state_sum(s, &sum);
	if (sum.persistent != s->head.persistent || sum.ephemeral != s->head.ephemeral ||
	    sum.bytes != s->head.bytes)
		return tmem_bad(s, "other sums than there are", STILLPOINT_SECTION_TMEM_POOLS,
				offset);
	return 0;
}

static int tmem_take_pools(struct tmem_state *s, const struct image_tmem *part, uint64_t offset)
{
	struct tmem_pool pools[STILLPOINT_TMEM_POOLS_MAX];
	const uint8_t *p = part->body;
	struct stillpoint_tmem_pools h;
	const char *fault;
	unsigned int i;

	if (part->size < sizeof(h))
		return tmem_bad(s, "a wrong size", part->type, offset);
	memcpy(&h, p, sizeof(h));
	p += sizeof(h);
	fault = tmem_pools_fault(s, &h, part->size);
	if (fault)
		return tmem_bad(s, fault, part->type, offset);
	if (h.codecs & ~TMEM_CODECS)
		return msg_error(
			"the pages of tmem are compressed in a way that this tool does not know (%#x); a newer tool is needed",
			h.codecs & ~TMEM_CODECS);
	for (i = 0; i < h.count; i++, p += sizeof(pools[i].told)) {
		memcpy(&pools[i].told, p, sizeof(pools[i].told));
		fault = tmem_pool_fault(&pools[i].told, i ? &pools[i - 1].told : NULL,
					h.flags & STILLPOINT_TMEM_POOLS_FINAL);
		if (fault)
			return tmem_bad(s, fault, part->type, offset);
		tmem_pool_inherit(s, &pools[i]);
	}
	memcpy(s->pools, pools, h.count * sizeof(*pools));
	s->head = h;
	s->any = true;
	return h.flags & STILLPOINT_TMEM_POOLS_FINAL ? tmem_check_final(s, offset) : 0;
}

/* The pool of @handle, if contents of it may be in the image; those of shared ones never are. */
static struct tmem_pool *tmem_pool_of(struct tmem_state *s,
				      const struct stillpoint_tmem_handle *handle)
{
	struct tmem_pool *pool = tmem_pool_find(s, handle->pool);

	if (!pool || pool->told.flags & STILLPOINT_TMEM_POOL_SHARED ||
	    (!tmem_is_persistent(pool) && !(s->head.flags & STILLPOINT_TMEM_POOLS_EPHEMERAL)))
		return NULL;
	return pool;
}

static bool tmem_page_fits(const struct tmem_state *s, const struct stillpoint_tmem_page *page)
{
	if (page->reserved || page->zero > 1 || page->codec >= 32 ||
	    !(s->head.codecs >> page->codec & 1))
		return false;
	if (page->zero)
		return page->codec == STILLPOINT_CODEC_NONE && !page->stored;
	if (page->codec == STILLPOINT_CODEC_NONE)
		return page->stored == PAGE_BYTES;
	return page->stored && page->stored < PAGE_BYTES;
}

static int tmem_take_page(struct tmem_state *s, const struct stillpoint_tmem_page *page,
			  const uint8_t *stored, uint64_t offset)
{
	const uint32_t type = STILLPOINT_SECTION_TMEM_PAGES;
	struct tmem_pool *pool = tmem_pool_of(s, &page->handle);
	uint8_t data[PAGE_BYTES] = { 0 };

	if (!pool)
		return tmem_bad(s, "a page of no pool", type, offset);
	if (!page->zero &&
	    codec_decompress(s->codec, page->codec, stored, page->stored, data, PAGE_BYTES))
		return tmem_bad(s, "a page that does not decompress", type, offset);
	s->records++;
	s->stored += page->stored;
	if (!page->zero)
		s->seen |= 1u << page->codec;
	return tmem_set(s, pool, &page->handle, data, page->stored);
}

/* The count that TMEM_PAGES and TMEM_INVALIDATE begin with; 0 if it is no right one. */
static uint32_t tmem_count(const struct image_tmem *part)
{
	struct stillpoint_tmem_records h;

	if (part->size < sizeof(h))
		return 0;
	memcpy(&h, part->body, sizeof(h));
	return h.reserved ? 0 : h.count;
}

static int tmem_take_pages(struct tmem_state *s, const struct image_tmem *part, uint64_t offset)
{
	const uint8_t *p = (const uint8_t *)part->body + sizeof(struct stillpoint_tmem_records);
	uint32_t count = tmem_count(part), i;
	size_t left = part->size - sizeof(struct stillpoint_tmem_records);
	struct stillpoint_tmem_page page;

	if (!count)
		return tmem_bad(s, "a wrong count", part->type, offset);
	for (i = 0; i < count; i++) {
		if (left < sizeof(page))
			return tmem_bad(s, "a wrong size", part->type, offset);
		memcpy(&page, p, sizeof(page));
		p += sizeof(page);
		left -= sizeof(page);
		if (!tmem_page_fits(s, &page) || page.stored > left)
			return tmem_bad(s, "an impossible page", part->type, offset);
		if (tmem_take_page(s, &page, p, offset))
			return -1;
		p += page.stored;
		left -= page.stored;
	}
	return left ? tmem_bad(s, "a wrong size", part->type, offset) : 0;
}

static int tmem_take_invalidate(struct tmem_state *s, const struct image_tmem *part,
				uint64_t offset)
{
	const uint8_t *p = (const uint8_t *)part->body + sizeof(struct stillpoint_tmem_records);
	uint32_t count = tmem_count(part), i;
	struct stillpoint_tmem_handle handle;
	struct tmem_pool *pool;

	if (!count ||
	    part->size != sizeof(struct stillpoint_tmem_records) + (uint64_t)count * sizeof(handle))
		return tmem_bad(s, "a wrong size", part->type, offset);
	for (i = 0; i < count; i++, p += sizeof(handle)) {
		memcpy(&handle, p, sizeof(handle));
		pool = tmem_pool_of(s, &handle);
		if (!pool)
			return tmem_bad(s, "a handle of no pool", part->type, offset);
		if (tmem_set(s, pool, &handle, NULL, 0))
			return -1;
		s->invalidates++;
	}
	return 0;
}

int tmem_state_take(struct tmem_state *s, const struct image_tmem *part, uint64_t offset)
{
	int ret;

	if (s->head.flags & STILLPOINT_TMEM_POOLS_FINAL)
		return tmem_bad(s, "something behind the end of the pools", part->type, offset);
	if (!s->any && part->type != STILLPOINT_SECTION_TMEM_POOLS)
		return tmem_bad(s, "no pools before it", part->type, offset);
	s->sections++;
	if (part->type == STILLPOINT_SECTION_TMEM_POOLS)
		ret = tmem_take_pools(s, part, offset);
	else if (part->type == STILLPOINT_SECTION_TMEM_PAGES)
		ret = tmem_take_pages(s, part, offset);
	else
		ret = tmem_take_invalidate(s, part, offset);
	if (!ret && tmem_state_persistent(s) && !part->mandatory)
		return tmem_bad(s, "persistent pools without the mandatory mark", part->type,
				offset);
	return ret;
}

int tmem_state_complete(const struct tmem_state *s)
{
	if (s->any && !(s->head.flags & STILLPOINT_TMEM_POOLS_FINAL))
		return msg_error("%s: the pools of tmem are not complete", s->blame);
	return 0;
}

/* True if both have the same pools, whatever is in them. */
static bool tmem_same_pools(const struct tmem_state *a, const struct tmem_state *b)
{
	unsigned int i;

	if (a->head.count != b->head.count)
		return false;
	for (i = 0; i < a->head.count; i++)
		if (a->pools[i].told.id != b->pools[i].told.id ||
		    a->pools[i].told.flags != b->pools[i].told.flags ||
		    memcmp(a->pools[i].told.uuid, b->pools[i].told.uuid,
			   sizeof(a->pools[i].told.uuid)))
			return false;
	return true;
}

/* Whether entry @i has a page. */
static bool tmem_entry_page(const struct tmem_state *s, size_t i)
{
	struct tmem_pool *pool;

	if (!s->entries[i].used)
		return false;
	pool = tmem_pool_find((struct tmem_state *)s, s->entries[i].handle.pool);
	return pool && tmem_has_page(&s->entries[i], pool);
}

void tmem_state_compare(const struct tmem_state *a, const struct tmem_state *b,
			struct tmem_compare *res)
{
	size_t i, j;

	memset(res, 0, sizeof(*res));
	res->pools = !tmem_same_pools(a, b);
	for (i = 0; i < a->room; i++) {
		if (!tmem_entry_page(a, i))
			continue;
		j = b->room ? tmem_find(b, &a->entries[i].handle) : 0;
		if (!b->room || !tmem_entry_page(b, j))
			res->only[0]++;
		else if (XXH128_isEqual(a->hash[i], b->hash[j]))
			res->same++;
		else
			res->content++;
	}
	for (i = 0; i < b->room; i++)
		if (tmem_entry_page(b, i))
			res->only[1]++;
	res->only[1] -= res->same + res->content;
}
