// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <stdlib.h>

#include "fake_tmem.h"

/* The machine of a hook has no other way to it. */
static struct fake_tmem *the_fake;

static struct fake_tmem *fake_of(struct pool_export *exp)
{
	return (struct fake_tmem *)exp;
}

/* Returns -1 if this call shall fail. */
static int fake_step(struct fake_tmem *f, char letter)
{
	assert_true(f->nsteps < sizeof(f->steps) - 1);
	f->steps[f->nsteps++] = letter;
	if (f->fail_step != letter)
		return 0;
	if (f->fail_after) {
		f->fail_after--;
		return 0;
	}
	return msg_error("the fake store failed");
}

static void fake_event(struct fake_tmem *f, enum tmem_record_type type,
		       const struct stillpoint_tmem_handle *handle,
		       const struct stillpoint_tmem_pool *pool)
{
	struct fake_event *e = &f->events[f->last];

	if (!f->exporting || f->marked)
		return;
	assert_true(f->last < FAKE_EVENTS);
	memset(e, 0, sizeof(*e));
	e->type = type;
	if (handle)
		e->handle = *handle;
	if (pool)
		e->pool = *pool;
	f->last++;
}

static bool fake_exports(struct fake_tmem *f, struct pools *view, uint32_t id)
{
	const struct stillpoint_tmem_pool *pool = pools_pool(view, id);

	return pool && (f->ephemeral || pool->flags & STILLPOINT_TMEM_POOL_PERSISTENT);
}

/* A pool's pages field tells it from others of its id. */
void fake_pool(struct fake_tmem *f, uint32_t id, uint32_t flags)
{
	pools_add(&f->live, id, flags | STILLPOINT_TMEM_POOL_4K, NULL);
	pools_pool(&f->live, id)->pages = ++f->incarnations;
	fake_event(f, TMEM_RECORD_POOL, NULL, pools_pool(&f->live, id));
}

void fake_destroy(struct fake_tmem *f, uint32_t id)
{
	struct stillpoint_tmem_pool pool = { .id = id };

	pools_destroy(&f->live, id);
	fake_event(f, TMEM_RECORD_POOL_GONE, NULL, &pool);
}

void fake_put(struct fake_tmem *f, uint32_t pool, uint64_t object, uint32_t index)
{
	struct stillpoint_tmem_handle handle = { object, pool, index };
	uint8_t data[PAGE_BYTES];

	pools_fill(data, ++f->puts);
	pools_put(&f->live, &handle, data);
	fake_event(f, TMEM_RECORD_PAGE, &handle, pools_pool(&f->live, pool));
}

void fake_invalidate(struct fake_tmem *f, uint32_t pool, uint64_t object, uint32_t index)
{
	struct stillpoint_tmem_handle handle = { object, pool, index };

	pools_drop(&f->live, &handle);
	fake_event(f, TMEM_RECORD_PAGE, &handle, pools_pool(&f->live, pool));
}

/* Append a record; returns its bytes. */
static size_t fake_record(struct fake_tmem *f, size_t at, const struct tmem_record *record,
			  const void *data)
{
	memset(f->records + at, 0, tmem_record_bytes(record->size));
	memcpy(f->records + at, record, sizeof(*record));
	if (record->size)
		memcpy(f->records + at + sizeof(*record), data, record->size);
	return tmem_record_bytes(record->size);
}

static size_t fake_page_record(struct fake_tmem *f, size_t at, struct pools *view,
			       const struct fake_event *e)
{
	struct pools_page *page = pools_find(view, &e->handle);
	struct tmem_record record = {
		.type = page ? TMEM_RECORD_PAGE : TMEM_RECORD_INVALIDATE,
		.pool = e->handle.pool,
		.index = e->handle.index,
		.object = e->handle.object,
	};
	uint8_t stored[PAGE_BYTES];
	uint32_t codec;

	if (!fake_exports(f, view, e->handle.pool) ||
	    pools_pool(view, e->handle.pool)->pages != e->pool.pages)
		return 0;
	if (page) {
		record.size = pools_store(page->data, stored, &codec);
		record.codec = codec;
	}
	return fake_record(f, at, &record, stored);
}

static size_t fake_event_record(struct fake_tmem *f, size_t at, const struct fake_event *e)
{
	struct tmem_record_pool pool = { .flags = e->pool.flags };
	struct tmem_record record = { .type = e->type, .pool = e->pool.id };

	if (e->type == TMEM_RECORD_PAGE)
		return fake_page_record(f, at, f->marked ? &f->mark : &f->live, e);
	if (e->type == TMEM_RECORD_POOL) {
		record.size = sizeof(pool);
		memcpy(pool.uuid, e->pool.uuid, sizeof(pool.uuid));
	}
	return fake_record(f, at, &record, &pool);
}

static void fake_totals(struct fake_tmem *f, struct pools *view, struct tmem_totals *totals)
{
	const struct stillpoint_tmem_pool *pool;
	uint8_t stored[PAGE_BYTES];
	uint32_t codec;
	unsigned int i;

	memset(totals, 0, sizeof(*totals));
	totals->pools = view->npools;
	for (i = 0; i < view->npages; i++) {
		if (!fake_exports(f, view, view->pages[i].handle.pool))
			continue;
		pool = pools_pool(view, view->pages[i].handle.pool);
		if (pool->flags & STILLPOINT_TMEM_POOL_PERSISTENT)
			totals->persistent++;
		else
			totals->ephemeral++;
		totals->bytes += pools_store(view->pages[i].data, stored, &codec);
	}
}

static int fake_next(struct pool_export *exp, struct pool_batch *batch)
{
	struct fake_tmem *f = fake_of(exp);
	unsigned int n = 3;

	if (fake_step(f, 'n'))
		return -1;
	assert_true(f->exporting);
	if (f->on_next && !f->held)
		f->on_next(f);
	memset(batch, 0, sizeof(*batch));
	batch->records = f->records;
	while (n-- && f->first < f->last)
		batch->size += fake_event_record(f, batch->size, &f->events[f->first++]);
	if (f->first < f->last)
		return 0;
	batch->state = TMEM_NEXT_MORE;
	if (batch->size)
		return 0;
	batch->state = f->marked ? TMEM_NEXT_END : TMEM_NEXT_IDLE;
	if (f->marked)
		fake_totals(f, &f->mark, &batch->totals);
	batch->totals.persistent += f->wrong;
	return 0;
}

static int fake_hold(struct pool_export *exp)
{
	struct fake_tmem *f = fake_of(exp);

	if (fake_step(f, 'h'))
		return -1;
	/* The guest is in its park, and cannot leave it. */
	assert_true(f->m->pauses > 0);
	assert_false(f->held);
	if (f->on_serve)
		f->on_serve(f);
	f->held = true;
	f->marked = true;
	pools_copy(&f->mark, &f->live);
	return 0;
}

static int fake_release(struct pool_export *exp)
{
	struct fake_tmem *f = fake_of(exp);

	if (fake_step(f, 'r'))
		return -1;
	assert_true(f->m->pauses > 0);
	assert_true(f->held);
	f->held = false;
	if (f->on_serve)
		f->on_serve(f);
	return 0;
}

static int fake_released(struct pool_export *exp)
{
	struct fake_tmem *f = fake_of(exp);

	if (fake_step(f, 'R'))
		return -1;
	return f->expired ? msg_error("the fake store was held for too long") : 0;
}

static void fake_close(struct pool_export *exp)
{
	struct fake_tmem *f = fake_of(exp);

	fake_step(f, 'c');
	f->exporting = false;
	f->held = false;
	f->marked = false;
	f->first = 0;
	f->last = 0;
}

static const struct pool_export_ops fake_ops = {
	.next = fake_next,
	.hold = fake_hold,
	.release = fake_release,
	.released = fake_released,
	.close = fake_close,
};

static int fake_open(struct machine *m, bool ephemeral, struct pool_export **exp)
{
	struct fake_tmem *f = the_fake;
	unsigned int i;

	(void)m;
	if (fake_step(f, 'o'))
		return -1;
	if (f->appears && !f->opened++)
		return 0;
	f->ephemeral = ephemeral;
	f->exporting = true;
	for (i = 0; i < f->live.npools; i++)
		fake_event(f, TMEM_RECORD_POOL, NULL, &f->live.pools[i]);
	for (i = 0; i < f->live.npages; i++)
		fake_event(f, TMEM_RECORD_PAGE, &f->live.pages[i].handle,
			   pools_pool(&f->live, f->live.pages[i].handle.pool));
	memset(&f->exp.begun, 0, sizeof(f->exp.begun));
	fake_totals(f, &f->live, &f->exp.begun.now);
	f->exp.begun.quota = 4000;
	f->exp.begun.weight = 100;
	f->exp.codecs = 1u << STILLPOINT_CODEC_NONE | 1u << STILLPOINT_CODEC_LZ4 |
			1u << STILLPOINT_CODEC_ZSTD;
	*exp = &f->exp;
	return 0;
}

struct fake_tmem *fake_tmem_new(struct machine *m)
{
	struct fake_tmem *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->events = calloc(FAKE_EVENTS, sizeof(*f->events));
	assert_non_null(f->events);
	f->exp.ops = &fake_ops;
	f->m = m;
	pools_init(&f->live);
	pools_init(&f->mark);
	m->tmem = fake_open;
	the_fake = f;
	return f;
}

void fake_tmem_free(struct fake_tmem *f)
{
	assert_false(f->exporting);
	pools_free(&f->live);
	pools_free(&f->mark);
	free(f->events);
	free(f);
	the_fake = NULL;
}
