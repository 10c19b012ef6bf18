// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's tmem pools, which are copied while it runs, as its memory is. What is in them
 * when it parks is what belongs to the memory that is copied then: the store serves no
 * request in between, and keeps the pages that the image still lacks.
 */
#include <string.h>

#include "clock.h"
#include "image/side_writer.h"
#include "msg.h"
#include "save_size.h"
#include "save_state.h"
#include "signals.h"

/* Batches between two groups of the guest's own pages: about 1 MiB. */
#define TMEM_BATCHES 16

/* True if the image, or a side file, takes the pools. */
static bool tmem_has_place(const struct save *s)
{
	return s->side || s->opts->image.layout != IMAGE_XL;
}

static int tmem_check_place(const struct save *s, uint64_t persistent)
{
	if (tmem_has_place(s) || !persistent)
		return 0;
	return msg_error(
		"the guest keeps %llu pages in tmem, for which xl's layout has no place; use --layout packed or mapped, or give a file for them with --tmem-file",
		(unsigned long long)persistent);
}

static int tmem_open_side(struct save *s)
{
	if (!s->opts->tmem_path)
		return 0;
	if (output_open_side(&s->side_out, s->opts->tmem_path, &s->out))
		return -1;
	s->side = side_writer_new(&s->side_out);
	return s->side ? 0 : -1;
}

int save_tmem_open(struct save *s)
{
	if (tmem_open_side(s) || s->dom->ops->tmem(s->dom, s->opts->ephemeral, &s->tmem))
		return -1;
	return s->tmem ? tmem_check_place(s, s->tmem->begun.now.persistent) : 0;
}

static int tmem_bad(const char *what)
{
	return msg_error("what the tmem store sent is wrong: %s", what);
}

static int tmem_take_pool(struct save *s, const struct tmem_record *record, const void *data)
{
	struct tmem_record_pool from;
	struct stillpoint_tmem_pool pool = { .id = record->pool };

	if (record->size != sizeof(from))
		return tmem_bad("a pool of another size");
	memcpy(&from, data, sizeof(from));
	pool.flags = from.flags;
	memcpy(pool.uuid, from.uuid, sizeof(pool.uuid));
	return tmem_writer_pool(&s->pools, &pool);
}

static int tmem_take_page(struct save *s, const struct tmem_record *record, const void *data)
{
	const struct stillpoint_tmem_page page = {
		.handle = {
			.object = record->object,
			.pool = record->pool,
			.index = record->index,
		},
		.codec = record->codec,
		.zero = !record->size,
		.stored = record->size,
	};

	if (record->codec != page.codec)
		return tmem_bad("a page of an unknown codec");
	return tmem_writer_page(&s->pools, &page, data);
}

static int tmem_take_record(struct save *s, const struct tmem_record *record, const void *data)
{
	const struct stillpoint_tmem_handle handle = {
		.object = record->object,
		.pool = record->pool,
		.index = record->index,
	};

	switch (record->type) {
	case TMEM_RECORD_POOL:
		s->tmem_changes++;
		return tmem_take_pool(s, record, data);
	case TMEM_RECORD_POOL_GONE:
		s->tmem_changes++;
		return tmem_writer_pool_gone(&s->pools, record->pool);
	case TMEM_RECORD_PAGE:
		s->tmem_pages++;
		return tmem_take_page(s, record, data);
	case TMEM_RECORD_INVALIDATE:
		s->tmem_invalidates++;
		return tmem_writer_invalidate(&s->pools, &handle);
	default:
		return tmem_bad("a record of an unknown type");
	}
}

/* Take one batch; *totals is filled in with the last one. */
static int tmem_take(struct save *s, struct tmem_totals *totals)
{
	struct tmem_record record;
	struct pool_batch batch;
	const uint8_t *data;
	size_t at = 0;
	int ret;

	if (signals_check() || s->tmem->ops->next(s->tmem, &batch))
		return -1;
	while ((ret = pool_batch_next(&batch, &at, &record, &data)) > 0)
		if (tmem_has_place(s) && tmem_take_record(s, &record, data))
			return -1;
	s->tmem_state = batch.state;
	*totals = batch.totals;
	return ret;
}

int save_tmem_begin(struct save *s)
{
	const struct tmem_export_reply *begun;
	struct stillpoint_tmem_pools head;
	struct tmem_totals totals;

	if (!s->tmem || !tmem_has_place(s))
		return 0;
	begun = &s->tmem->begun;
	head = (struct stillpoint_tmem_pools){
		.flags = s->opts->ephemeral ? STILLPOINT_TMEM_POOLS_EPHEMERAL : 0,
		.codecs = s->tmem->codecs,
		.weight = begun->weight,
		.quota = begun->quota,
		.persistent = begun->now.persistent,
		.ephemeral = begun->now.ephemeral,
		.bytes = begun->now.bytes,
	};
	if (tmem_writer_init(&s->pools, &head))
		return -1;
	s->pools.img = s->side ? s->side : s->img;
	/* The pools come first. */
	if (tmem_take(s, &totals))
		return -1;
	return tmem_writer_tell_pools(&s->pools);
}

/*
 * As much was copied as may be, so that the image has a bound. The rest waits for the park. What
 * came and went in between is not in it: a pool that the store did not tell of yet just vanishes.
 */
static bool tmem_enough(const struct save *s)
{
	const struct tmem_totals *now = &s->tmem->begun.now;

	if (s->tmem_changes > SAVE_TMEM_POOLS)
		return true;
	return s->tmem_pages + s->tmem_invalidates >
	       SAVE_TIMES * (now->persistent + now->ephemeral) + SAVE_TMEM_SPARE;
}

int save_tmem_live(struct save *s, bool all)
{
	struct tmem_totals totals;
	unsigned int i;

	if (!s->tmem || !tmem_has_place(s))
		return 0;
	for (i = 0; (all || i < TMEM_BATCHES) && !tmem_enough(s); i++) {
		if (tmem_take(s, &totals))
			return -1;
		if (s->tmem_state == TMEM_NEXT_END)
			return tmem_bad("an end before the mark");
		if (s->tmem_state == TMEM_NEXT_IDLE)
			break;
	}
	return 0;
}

int save_tmem_hold(struct save *s)
{
	uint64_t start = clock_us();

	if (!s->tmem)
		return 0;
	s->res->tmem.live = s->tmem_pages;
	if (s->tmem->ops->hold(s->tmem))
		return -1;
	s->res->tmem.hold_us = clock_us() - start;
	return 0;
}

int save_tmem_release(struct save *s)
{
	uint64_t start = clock_us();

	if (!s->tmem)
		return 0;
	if (s->tmem->ops->release(s->tmem))
		return -1;
	s->res->tmem.release_us = clock_us() - start;
	return 0;
}

int save_tmem_released(struct save *s)
{
	if (s->tmem)
		return s->tmem->ops->released(s->tmem);
	if (s->dom->ops->tmem(s->dom, false, &s->tmem))
		return -1;
	if (!s->tmem)
		return 0;
	return msg_error("the guest began to use tmem while it was saved; try again");
}

/* The image has what the store says that there was. */
static int tmem_check_totals(struct save *s, const struct tmem_totals *totals)
{
	struct save_tmem *res = &s->res->tmem;

	if (!tmem_has_place(s))
		return tmem_check_place(s, totals->persistent);
	if (tmem_writer_end(&s->pools))
		return -1;
	tmem_state_sum(&s->pools.state, &res->sum);
	if (res->sum.pools != totals->pools || res->sum.persistent != totals->persistent ||
	    res->sum.ephemeral != totals->ephemeral || res->sum.bytes != totals->bytes)
		return tmem_bad("it does not come to what there was at the mark");
	res->any = true;
	res->rest = s->tmem_pages - res->live;
	res->invalidates = s->tmem_invalidates;
	return 0;
}

int save_tmem_finish(struct save *s)
{
	struct tmem_totals totals;

	if (!s->tmem)
		return 0;
	do {
		if (tmem_take(s, &totals))
			return -1;
		if (s->tmem_state == TMEM_NEXT_IDLE)
			return tmem_bad("no end behind the mark");
	} while (s->tmem_state != TMEM_NEXT_END);
	return tmem_check_totals(s, &totals);
}

void save_tmem_close(struct save *s)
{
	if (s->tmem)
		s->tmem->ops->close(s->tmem);
	s->tmem = NULL;
}

void save_tmem_free(struct save *s)
{
	save_tmem_close(s);
	tmem_writer_free(&s->pools);
	if (s->side)
		s->side->ops->free(s->side);
	output_close(&s->side_out);
}
