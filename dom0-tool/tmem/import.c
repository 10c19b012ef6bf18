// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "tmem/import.h"
#include "tmem/state.h"

/**
 * struct tmem_importer - an import that has not ended
 * @domain: NULL once it is bound
 * @codecs: as in struct tmem_import_request
 * @shared: shared pools, which stay behind: the guest asks for them anew
 * @refused: ephemeral pages for which there was no room
 */
struct tmem_importer {
	struct tmem_store *store;
	struct tmem_domain *domain;
	uint32_t codecs;
	bool failed;
	bool finished;
	uint32_t shared_count;
	uint32_t shared[TMEM_POOLS_MAX];
	struct codec *codec;
};

uint32_t tmem_import_begin(struct tmem_store *s, const struct tmem_import_request *request,
			   struct tmem_importer **import)
{
	static const struct codec_choice none = { .codec = STILLPOINT_CODEC_NONE };
	static const uint8_t nobody[16];
	const struct tmem_totals *coming = &request->coming;
	struct tmem_hello_reply hello;
	struct tmem_importer *im;
	struct tmem_set set = { .what = TMEM_SET_QUOTA };

	tmem_store_hello(s, &hello);
	if (request->weight > TMEM_WEIGHT_MAX || request->codecs & ~hello.codecs)
		return TMEM_STATUS_BAD;
	if (coming->pools > TMEM_POOLS_MAX || coming->bytes > hello.room_bytes)
		return TMEM_STATUS_NO_ROOM;
	im = calloc(1, sizeof(*im));
	if (!im)
		return TMEM_STATUS_FAILED;
	im->store = s;
	im->codecs = request->codecs;
	im->codec = codec_new(&none);
	im->domain = im->codec ? domain_make(s, ARENA_COMING, 0, nobody) : NULL;
	if (!im->domain) {
		codec_free(im->codec);
		free(im);
		return TMEM_STATUS_NO_ROOM;
	}
	set.quota = request->quota ? request->quota : s->quota;
	if (set.quota < coming->persistent)
		set.quota = coming->persistent;
	if (request->weight) {
		set.what |= TMEM_SET_WEIGHT;
		set.weight = request->weight;
	}
	tmem_domain_set(im->domain, &set);
	*import = im;
	return TMEM_STATUS_OK;
}

static uint32_t import_find_shared(const struct tmem_importer *im, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < im->shared_count && im->shared[i] != id; i++)
		;
	return i;
}

static uint32_t import_pool(struct tmem_importer *im, const struct tmem_record *record,
			    const void *data)
{
	enum stillpoint_tmem_status status;
	struct tmem_record_pool pool;
	bool created;

	if (record->size != sizeof(pool))
		return TMEM_STATUS_BAD;
	memcpy(&pool, data, sizeof(pool));
	if (!pool_flags_valid(pool.flags, pool.uuid) || pool.reserved ||
	    pool_find(im->domain, record->pool) ||
	    import_find_shared(im, record->pool) < im->shared_count)
		return TMEM_STATUS_BAD;
	if (im->shared_count + im->domain->pool_count >= TMEM_POOLS_MAX)
		return TMEM_STATUS_NO_ROOM;
	if (pool.flags & STILLPOINT_TMEM_POOL_SHARED) {
		im->shared[im->shared_count++] = record->pool;
		return TMEM_STATUS_OK;
	}
	status = tmem_pool_new(im->domain, record->pool, pool.flags, pool.uuid, &created);
	return status == STILLPOINT_TMEM_OK ? TMEM_STATUS_OK : TMEM_STATUS_NO_ROOM;
}

static uint32_t import_pool_gone(struct tmem_importer *im, const struct tmem_record *record)
{
	uint32_t i = import_find_shared(im, record->pool);

	if (record->size)
		return TMEM_STATUS_BAD;
	if (i < im->shared_count) {
		im->shared[i] = im->shared[--im->shared_count];
		return TMEM_STATUS_OK;
	}
	return tmem_pool_destroy(im->domain, record->pool) ? TMEM_STATUS_BAD : TMEM_STATUS_OK;
}

static uint32_t import_page(struct tmem_importer *im, const struct tmem_record *record,
			    const void *data)
{
	struct blob_bytes stored = { data, record->size, record->codec };
	struct pool *pool = pool_find(im->domain, record->pool);
	uint8_t page[STILLPOINT_TMEM_PAGE_SIZE];

	if (!pool || record->size > sizeof(page) || record->codec > 31 ||
	    !(im->codecs >> record->codec & 1))
		return TMEM_STATUS_BAD;
	if (!record->size)
		memset(page, 0, sizeof(page));
	else if (codec_decompress(im->codec, record->codec, data, record->size, page, sizeof(page)))
		return TMEM_STATUS_BAD;
	if (store_put(im->domain, pool, record->object, record->index, page,
		      record->codec == STILLPOINT_CODEC_NONE ? NULL : &stored) &&
	    pool_is_persistent(pool))
		return TMEM_STATUS_NO_ROOM;
	return TMEM_STATUS_OK;
}

static uint32_t import_record(struct tmem_importer *im, const struct tmem_record *record,
			      const void *data)
{
	switch (record->type) {
	case TMEM_RECORD_POOL:
		return import_pool(im, record, data);
	case TMEM_RECORD_POOL_GONE:
		return import_pool_gone(im, record);
	case TMEM_RECORD_PAGE:
		return import_page(im, record, data);
	case TMEM_RECORD_INVALIDATE:
		if (record->size ||
		    tmem_invalidate(im->domain, record->pool, record->object, record->index))
			return TMEM_STATUS_BAD;
		return TMEM_STATUS_OK;
	default:
		return TMEM_STATUS_BAD;
	}
}

uint32_t tmem_import_records(struct tmem_importer *im, const void *records, uint32_t size)
{
	const uint8_t *at = records, *end = at + size;
	uint32_t status = TMEM_STATUS_OK;
	struct tmem_record record;

	if (im->failed || im->finished || !im->domain)
		return TMEM_STATUS_ORDER;
	while (at < end && status == TMEM_STATUS_OK) {
		if ((size_t)(end - at) < sizeof(record)) {
			status = TMEM_STATUS_BAD;
			break;
		}
		memcpy(&record, at, sizeof(record));
		if (record.size > STILLPOINT_TMEM_PAGE_SIZE ||
		    tmem_record_bytes(record.size) > (size_t)(end - at))
			status = TMEM_STATUS_BAD;
		else
			status = import_record(im, &record, at + sizeof(record));
		at += tmem_record_bytes(record.size);
	}
	im->failed = status != TMEM_STATUS_OK;
	return status;
}

uint32_t tmem_import_finish(struct tmem_importer *im, const struct tmem_totals *totals)
{
	if (im->failed || im->finished || !im->domain)
		return TMEM_STATUS_ORDER;
	im->failed = totals->pools != im->domain->pool_count + im->shared_count ||
		     totals->persistent != im->domain->info.persistent;
	im->finished = !im->failed;
	return im->failed ? TMEM_STATUS_BAD : TMEM_STATUS_OK;
}

uint32_t tmem_import_bind(struct tmem_importer *im, uint32_t domid, const uint8_t uuid[16])
{
	struct tmem_domain *d = im->domain, *before;
	struct arena_domain *rec;

	if (!im->finished || !d)
		return TMEM_STATUS_ORDER;
	before = tmem_domain_find(im->store, domid, uuid);
	if (before && before->pools)
		return TMEM_STATUS_EXISTS;
	if (before)
		tmem_domain_drop(before);
	rec = &im->store->arena.domains[d->number];
	rec->domid = domid;
	memcpy(rec->uuid, uuid, sizeof(rec->uuid));
	arena_commit(&rec->word, ARENA_LIVE);
	d->state = ARENA_LIVE;
	d->info.domid = domid;
	memcpy(d->info.uuid, uuid, sizeof(d->info.uuid));
	im->domain = NULL;
	return TMEM_STATUS_OK;
}

void tmem_import_end(struct tmem_importer *im)
{
	if (!im)
		return;
	if (im->domain)
		tmem_domain_drop(im->domain);
	codec_free(im->codec);
	free(im);
}
