// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <stdlib.h>

#include <lz4.h>
#include <zstd.h>

#include <stillpoint/tmem.h>

#include "pools.h"

void pools_init(struct pools *pools)
{
	memset(pools, 0, sizeof(*pools));
	pools->pages = calloc(POOLS_PAGES, sizeof(*pools->pages));
	assert_non_null(pools->pages);
}

void pools_free(struct pools *pools)
{
	free(pools->pages);
	memset(pools, 0, sizeof(*pools));
}

void pools_copy(struct pools *to, const struct pools *from)
{
	struct pools_page *pages = to->pages;

	*to = *from;
	to->pages = pages;
	memcpy(pages, from->pages, from->npages * sizeof(*pages));
}

struct stillpoint_tmem_pool *pools_pool(struct pools *pools, uint32_t id)
{
	unsigned int i;

	for (i = 0; i < pools->npools; i++)
		if (pools->pools[i].id == id)
			return &pools->pools[i];
	return NULL;
}

struct pools_page *pools_find(struct pools *pools, const struct stillpoint_tmem_handle *handle)
{
	unsigned int i;

	for (i = 0; i < pools->npages; i++)
		if (!memcmp(&pools->pages[i].handle, handle, sizeof(*handle)))
			return &pools->pages[i];
	return NULL;
}

void pools_add(struct pools *pools, uint32_t id, uint32_t flags, const uint8_t *uuid)
{
	unsigned int at = 0;

	assert_null(pools_pool(pools, id));
	assert_true(pools->npools < POOLS_MAX);
	while (at < pools->npools && pools->pools[at].id < id)
		at++;
	memmove(pools->pools + at + 1, pools->pools + at,
		(pools->npools - at) * sizeof(*pools->pools));
	memset(&pools->pools[at], 0, sizeof(pools->pools[at]));
	pools->pools[at].id = id;
	pools->pools[at].flags = flags;
	if (uuid)
		memcpy(pools->pools[at].uuid, uuid, sizeof(pools->pools[at].uuid));
	pools->npools++;
}

void pools_destroy(struct pools *pools, uint32_t id)
{
	struct stillpoint_tmem_pool *pool = pools_pool(pools, id);
	unsigned int i = 0;

	assert_non_null(pool);
	while (i < pools->npages) {
		if (pools->pages[i].handle.pool == id)
			pools->pages[i] = pools->pages[--pools->npages];
		else
			i++;
	}
	pools->npools--;
	memmove(pool, pool + 1, (pools->pools + pools->npools - pool) * sizeof(*pool));
}

void pools_put(struct pools *pools, const struct stillpoint_tmem_handle *handle,
	       const uint8_t *data)
{
	struct pools_page *page = pools_find(pools, handle);

	assert_non_null(pools_pool(pools, handle->pool));
	if (!page) {
		assert_true(pools->npages < POOLS_PAGES);
		page = &pools->pages[pools->npages++];
		page->handle = *handle;
	}
	memcpy(page->data, data, PAGE_BYTES);
}

void pools_drop(struct pools *pools, const struct stillpoint_tmem_handle *handle)
{
	struct pools_page *page = pools_find(pools, handle);

	assert_non_null(pools_pool(pools, handle->pool));
	if (page)
		*page = pools->pages[--pools->npages];
}

void pools_fill(uint8_t *data, uint32_t seed)
{
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	unsigned int i;

	memset(data, seed % 5 ? (int)(seed & 0xff) : 0, PAGE_BYTES);
	if (seed % 5 == 0)
		return;
	for (i = 0; i < (seed % 5 == 1 ? PAGE_BYTES / 8 : 4); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(data + 8 * i, &x, sizeof(x));
	}
}

size_t pools_store(const uint8_t *data, uint8_t *stored, uint32_t *codec)
{
	static const uint8_t zeroes[PAGE_BYTES];
	size_t n;

	*codec = STILLPOINT_CODEC_NONE;
	if (!memcmp(data, zeroes, PAGE_BYTES))
		return 0;
	if (data[PAGE_BYTES - 1] & 1) {
		*codec = STILLPOINT_CODEC_ZSTD;
		n = ZSTD_compress(stored, PAGE_BYTES - 1, data, PAGE_BYTES, 1);
		n = ZSTD_isError(n) ? 0 : n;
	} else {
		*codec = STILLPOINT_CODEC_LZ4;
		n = LZ4_compress_default((const char *)data, (char *)stored, PAGE_BYTES,
					 PAGE_BYTES - 1);
	}
	if (n)
		return n;
	*codec = STILLPOINT_CODEC_NONE;
	memcpy(stored, data, PAGE_BYTES);
	return PAGE_BYTES;
}

static bool pools_same(const struct stillpoint_tmem_pool *a, const struct stillpoint_tmem_pool *b)
{
	return a->id == b->id && a->flags == b->flags && !memcmp(a->uuid, b->uuid, sizeof(a->uuid));
}

static void pools_take_table(struct pools *pools, const uint8_t *body)
{
	struct stillpoint_tmem_pool table[POOLS_MAX];
	struct stillpoint_tmem_pools h;
	unsigned int i = 0, j;

	memcpy(&h, body, sizeof(h));
	assert_true(h.count <= POOLS_MAX);
	memcpy(table, body + sizeof(h), h.count * sizeof(*table));
	while (i < pools->npools) {
		for (j = 0; j < h.count && !pools_same(&table[j], &pools->pools[i]); j++)
			;
		if (j == h.count)
			pools_destroy(pools, pools->pools[i].id);
		else
			i++;
	}
	for (j = 0; j < h.count; j++)
		if (!pools_pool(pools, table[j].id))
			pools_add(pools, table[j].id, table[j].flags, table[j].uuid);
	pools->final = h.flags & STILLPOINT_TMEM_POOLS_FINAL;
	pools->told = h;
}

static size_t pools_take_page(struct pools *pools, const uint8_t *p)
{
	struct stillpoint_tmem_page page;
	uint8_t data[PAGE_BYTES] = { 0 };

	memcpy(&page, p, sizeof(page));
	p += sizeof(page);
	if (page.codec == STILLPOINT_CODEC_LZ4)
		assert_int_equal(LZ4_decompress_safe((const char *)p, (char *)data, page.stored,
						     PAGE_BYTES),
				 PAGE_BYTES);
	else if (page.codec == STILLPOINT_CODEC_ZSTD)
		assert_int_equal(ZSTD_decompress(data, PAGE_BYTES, p, page.stored), PAGE_BYTES);
	else if (!page.zero)
		memcpy(data, p, PAGE_BYTES);
	pools_put(pools, &page.handle, data);
	return sizeof(page) + page.stored;
}

void pools_take(struct pools *pools, const struct image_tmem *part)
{
	const uint8_t *p = part->body;
	struct stillpoint_tmem_handle handle;
	struct stillpoint_tmem_records h;
	uint32_t i;

	assert_false(pools->final);
	if (part->type == STILLPOINT_SECTION_TMEM_POOLS) {
		pools_take_table(pools, p);
		return;
	}
	memcpy(&h, p, sizeof(h));
	p += sizeof(h);
	for (i = 0; i < h.count; i++) {
		if (part->type == STILLPOINT_SECTION_TMEM_PAGES) {
			p += pools_take_page(pools, p);
			continue;
		}
		memcpy(&handle, p, sizeof(handle));
		pools_drop(pools, &handle);
		p += sizeof(handle);
	}
	assert_ptr_equal(p, (const uint8_t *)part->body + part->size);
}

void pools_assert_equal(struct pools *a, struct pools *b)
{
	struct pools_page *other;
	unsigned int i;

	assert_int_equal(a->npools, b->npools);
	for (i = 0; i < a->npools; i++)
		assert_true(pools_same(&a->pools[i], &b->pools[i]));
	assert_int_equal(a->npages, b->npages);
	for (i = 0; i < a->npages; i++) {
		other = pools_find(b, &a->pages[i].handle);
		assert_non_null(other);
		assert_memory_equal(a->pages[i].data, other->data, PAGE_BYTES);
	}
}
