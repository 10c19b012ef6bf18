// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/codec.h"
#include "msg.h"
#include "page.h"
#include "pool_import.h"
#include "signals.h"
#include "tmem/client.h"

/* Bytes of the store that each handle takes beside the page. */
#define IMPORT_HANDLE 128

static int import_prepare(struct pool_import *imp)
{
	static const struct codec_choice any = { .codec = STILLPOINT_CODEC_NONE };

	memset(imp, 0, sizeof(*imp));
	imp->fd = -1;
	imp->out = calloc(1, TMEM_MSG_MAX);
	imp->codec = codec_new(&any);
	return imp->out && imp->codec ? 0 : msg_error("out of memory for tmem pools");
}

int pool_import_open(struct pool_import *imp, const char *path)
{
	if (import_prepare(imp))
		return -1;
	imp->fd = tmem_client_open(path, &imp->hello, NULL);
	if (imp->fd >= 0)
		return 0;
	snprintf(imp->why, sizeof(imp->why), "%s", msg_error_text());
	msg_error_clear();
	return 0;
}

void pool_import_close(struct pool_import *imp)
{
	if (imp->fd >= 0)
		close(imp->fd);
	free(imp->out);
	codec_free(imp->codec);
	memset(imp, 0, sizeof(*imp));
	imp->fd = -1;
}

int pool_import_check(const struct pool_import *imp, const struct stillpoint_tmem_pools *head)
{
	if (imp->fd < 0)
		return msg_error("the image has tmem pools: %s", imp->why);
	/* The quota of a domain is raised to what it brings. */
	if (head->bytes > imp->hello.room_bytes ||
	    head->persistent > imp->hello.room_bytes / IMPORT_HANDLE)
		return msg_error(
			"the tmem store has no room for the image's pools: %llu pages of %llu MiB, there is room for %llu MiB; raise its limit",
			(unsigned long long)head->persistent,
			(unsigned long long)(head->bytes >> 20),
			(unsigned long long)(imp->hello.room_bytes >> 20));
	return 0;
}

static int import_failed(void)
{
	char text[256];

	snprintf(text, sizeof(text), "%s", msg_error_text());
	msg_error_clear();
	return msg_error("cannot restore the image's tmem pools: %s", text);
}

static struct tmem_totals import_totals(const struct stillpoint_tmem_pools *head, uint32_t type)
{
	return (struct tmem_totals){
		.msg.type = type,
		.pools = head->count,
		.persistent = head->persistent,
		.ephemeral = head->ephemeral,
		.bytes = head->bytes,
	};
}

int pool_import_begin(struct pool_import *imp, const struct stillpoint_tmem_pools *head)
{
	const struct tmem_import_request request = {
		.coming = import_totals(head, TMEM_MSG_IMPORT),
		.quota = head->quota,
		.weight = head->weight,
		.codecs = imp->hello.codecs,
	};
	struct tmem_import_reply reply;

	if (pool_import_check(imp, head))
		return -1;
	if (tmem_client_do(imp->fd, &request, sizeof(request), &reply, sizeof(reply)))
		return import_failed();
	imp->token = reply.token;
	imp->begun = true;
	return 0;
}

static int import_flush(struct pool_import *imp)
{
	struct tmem_msg reply;

	if (!imp->out->size)
		return 0;
	if (signals_check())
		return -1;
	imp->out->msg.type = TMEM_MSG_RECORDS;
	if (tmem_client_do(imp->fd, imp->out, sizeof(*imp->out) + imp->out->size, &reply,
			   sizeof(reply)))
		return import_failed();
	imp->out->size = 0;
	return 0;
}

static int import_record(struct pool_import *imp, const struct tmem_record *record,
			 const void *data)
{
	const uint32_t bytes = tmem_record_bytes(record->size);
	uint8_t *to;

	if (imp->out->size + bytes > TMEM_RECORDS_MAX && import_flush(imp))
		return -1;
	to = imp->out->records + imp->out->size;
	memset(to, 0, bytes);
	memcpy(to, record, sizeof(*record));
	if (record->size)
		memcpy(to + sizeof(*record), data, record->size);
	imp->out->size += bytes;
	return 0;
}

static bool import_same_pool(const struct stillpoint_tmem_pool *a,
			     const struct stillpoint_tmem_pool *b)
{
	return a->id == b->id && a->flags == b->flags && !memcmp(a->uuid, b->uuid, sizeof(a->uuid));
}

static bool import_has_pool(const struct stillpoint_tmem_pool *pools, uint32_t n,
			    const struct stillpoint_tmem_pool *pool)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (import_same_pool(&pools[i], pool))
			return true;
	return false;
}

static int import_new_pool(struct pool_import *imp, const struct stillpoint_tmem_pool *pool)
{
	struct tmem_record_pool data = { .flags = pool->flags };
	const struct tmem_record record = {
		.type = TMEM_RECORD_POOL,
		.size = sizeof(data),
		.pool = pool->id,
	};

	memcpy(data.uuid, pool->uuid, sizeof(data.uuid));
	return import_record(imp, &record, &data);
}

/* Those that are gone, then those that are new. */
static int import_pools(struct pool_import *imp, const struct image_tmem *part)
{
	struct stillpoint_tmem_pool pools[STILLPOINT_TMEM_POOLS_MAX];
	struct tmem_record gone = { .type = TMEM_RECORD_POOL_GONE };
	struct stillpoint_tmem_pools head;
	uint32_t i;

	memcpy(&head, part->body, sizeof(head));
	memcpy(pools, (const uint8_t *)part->body + sizeof(head), head.count * sizeof(*pools));
	if (!imp->begun && pool_import_begin(imp, &head))
		return -1;
	for (i = 0; i < imp->head.count; i++) {
		gone.pool = imp->pools[i].id;
		if (!import_has_pool(pools, head.count, &imp->pools[i]) &&
		    import_record(imp, &gone, NULL))
			return -1;
	}
	for (i = 0; i < head.count; i++)
		if (!import_has_pool(imp->pools, imp->head.count, &pools[i]) &&
		    import_new_pool(imp, &pools[i]))
			return -1;
	imp->head = head;
	memcpy(imp->pools, pools, head.count * sizeof(*pools));
	return 0;
}

static int import_page(struct pool_import *imp, const struct stillpoint_tmem_page *page,
		       const uint8_t *data)
{
	struct tmem_record record = {
		.type = TMEM_RECORD_PAGE,
		.codec = page->codec,
		.size = page->stored,
		.pool = page->handle.pool,
		.index = page->handle.index,
		.object = page->handle.object,
	};
	uint8_t raw[PAGE_BYTES];

	if (page->zero || imp->hello.codecs >> page->codec & 1)
		return import_record(imp, &record, data);
	if (codec_decompress(imp->codec, page->codec, data, page->stored, raw, sizeof(raw)))
		return msg_error("the image is damaged: a page of tmem does not decompress");
	record.codec = STILLPOINT_CODEC_NONE;
	record.size = sizeof(raw);
	return import_record(imp, &record, raw);
}

static int import_pages(struct pool_import *imp, const uint8_t *p, uint32_t count)
{
	struct stillpoint_tmem_page page;

	for (; count; count--) {
		memcpy(&page, p, sizeof(page));
		p += sizeof(page);
		if (import_page(imp, &page, p))
			return -1;
		p += page.stored;
	}
	return 0;
}

static int import_invalidate(struct pool_import *imp, const uint8_t *p, uint32_t count)
{
	struct tmem_record record = { .type = TMEM_RECORD_INVALIDATE };
	struct stillpoint_tmem_handle handle;

	for (; count; count--, p += sizeof(handle)) {
		memcpy(&handle, p, sizeof(handle));
		record.pool = handle.pool;
		record.index = handle.index;
		record.object = handle.object;
		if (import_record(imp, &record, NULL))
			return -1;
	}
	return 0;
}

int pool_import_take(struct pool_import *imp, const struct image_tmem *part)
{
	const uint8_t *p = part->body;
	struct stillpoint_tmem_records h;

	if (part->type == STILLPOINT_SECTION_TMEM_POOLS)
		return import_pools(imp, part);
	memcpy(&h, p, sizeof(h));
	p += sizeof(h);
	if (part->type == STILLPOINT_SECTION_TMEM_PAGES)
		return import_pages(imp, p, h.count);
	return import_invalidate(imp, p, h.count);
}

int pool_import_end(struct pool_import *imp)
{
	const struct tmem_totals totals = import_totals(&imp->head, TMEM_MSG_IMPORT_END);
	struct tmem_msg reply;

	if (!imp->begun)
		return 0;
	if (import_flush(imp))
		return -1;
	if (tmem_client_do(imp->fd, &totals, sizeof(totals), &reply, sizeof(reply)))
		return import_failed();
	imp->ended = true;
	return 0;
}

int pool_import_bind(struct pool_import *imp, uint64_t token, uint32_t domid)
{
	const struct tmem_bind request = {
		.msg.type = TMEM_MSG_BIND,
		.token = token,
		.domid = domid,
	};
	struct tmem_msg reply;

	if (tmem_client_do(imp->fd, &request, sizeof(request), &reply, sizeof(reply)))
		return import_failed();
	return 0;
}
