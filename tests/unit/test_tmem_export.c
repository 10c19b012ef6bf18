// SPDX-License-Identifier: GPL-2.0
/*
 * Exports of pools that change all the time: what was taken, replayed, is what the pools held at
 * the mark, handle by handle and byte by byte. Imports make the same pools of it.
 */
#define _GNU_SOURCE /* memmem */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tempdir.h"
#include "tmem/export.h"
#include "tmem/import.h"
#include "tmem_model.h"

#define MIB (UINT64_C(1) << 20)
#define PAGE STILLPOINT_TMEM_PAGE_SIZE

static const uint8_t uuid_a[16] = { 1 }, uuid_b[16] = { 2 }, no_uuid[16];
static struct tmem_store *store;
static struct tmem_domain *dom;
static struct tmem_exporter *export;
static struct model m;
static uint64_t seed;
static uint8_t buffer[TMEM_RECORDS_MAX];

/**
 * struct taken - what was taken of an export, replayed
 * @records: all of them, of @size bytes
 * @page: of each handle, NULL if it holds none
 */
static struct {
	uint8_t *records;
	size_t size;
	bool pool[MODEL_POOLS];
	uint8_t *page[MODEL_POOLS][MODEL_OBJECTS][MODEL_INDEXES];
} taken;

static int setup(void **state)
{
	const struct tmem_store_options opts = {
		.limit = 16 * MIB,
		.codec = { .codec = STILLPOINT_CODEC_LZ4 },
	};

	(void)state;
	tempdir_enter();
	memset(&taken, 0, sizeof(taken));
	memset(&m, 0, sizeof(m));
	store = tmem_store_open("store", &opts);
	assert_non_null(store);
	dom = tmem_domain_get(store, 5, uuid_a);
	export = NULL;
	return 0;
}

static void forget_pool(uint32_t pool)
{
	uint32_t object, index;

	for (object = 0; object < MODEL_OBJECTS; object++) {
		for (index = 0; index < MODEL_INDEXES; index++) {
			free(taken.page[pool][object][index]);
			taken.page[pool][object][index] = NULL;
		}
	}
}

static void forget_taken(void)
{
	uint32_t pool;

	for (pool = 0; pool < MODEL_POOLS; pool++) {
		forget_pool(pool);
		taken.pool[pool] = false;
	}
	free(taken.records);
	taken.records = NULL;
	taken.size = 0;
}

static int teardown(void **state)
{
	(void)state;
	tmem_export_end(export);
	forget_taken();
	tmem_store_close(store);
	tempdir_leave();
	return 0;
}

static uint8_t **handle_of(const struct tmem_record *record)
{
	uint32_t object = record->object & UINT32_MAX;

	assert_true(record->pool < MODEL_POOLS && object < MODEL_OBJECTS &&
		    record->index < MODEL_INDEXES);
	assert_true(record->object == model_object(object));
	return &taken.page[record->pool][object][record->index];
}

static void replay_page(const struct tmem_record *record, const uint8_t *data)
{
	static const struct codec_choice none = { .codec = STILLPOINT_CODEC_NONE };
	struct codec *codec = codec_new(&none);
	uint8_t **page = handle_of(record);

	assert_true(taken.pool[record->pool]);
	if (!*page)
		*page = malloc(PAGE);
	if (record->size)
		assert_int_equal(
			codec_decompress(codec, record->codec, data, record->size, *page, PAGE), 0);
	else
		memset(*page, 0, PAGE);
	codec_free(codec);
}

static void replay_pool(const struct tmem_record *record, const uint8_t *data)
{
	struct tmem_record_pool pool;

	assert_int_equal(record->size, sizeof(pool));
	memcpy(&pool, data, sizeof(pool));
	assert_true(record->pool < MODEL_POOLS && !taken.pool[record->pool]);
	assert_int_equal(pool.flags, model_pool_flags(record->pool));
	taken.pool[record->pool] = true;
}

static void replay_one(const struct tmem_record *record, const uint8_t *data)
{
	switch (record->type) {
	case TMEM_RECORD_POOL:
		replay_pool(record, data);
		break;
	case TMEM_RECORD_POOL_GONE:
		assert_true(record->pool < MODEL_POOLS && taken.pool[record->pool]);
		forget_pool(record->pool);
		taken.pool[record->pool] = false;
		break;
	case TMEM_RECORD_PAGE:
		replay_page(record, data);
		break;
	default:
		assert_int_equal(record->type, TMEM_RECORD_INVALIDATE);
		assert_non_null(*handle_of(record));
		free(*handle_of(record));
		*handle_of(record) = NULL;
	}
}

static void replay(const uint8_t *records, uint32_t size)
{
	struct tmem_record record;
	uint32_t at = 0;

	while (at < size) {
		memcpy(&record, records + at, sizeof(record));
		assert_true(at + tmem_record_bytes(record.size) <= size);
		replay_one(&record, records + at + sizeof(record));
		at += tmem_record_bytes(record.size);
	}
	taken.records = realloc(taken.records, taken.size + size + 1);
	memcpy(taken.records + taken.size, records, size);
	taken.size += size;
}

/* Returns an enum tmem_next_state. */
static uint32_t take(uint32_t room, struct tmem_totals *totals)
{
	struct tmem_next_reply reply;

	memset(&reply, 0, sizeof(reply));
	assert_int_equal(tmem_export_next(export, buffer, room, &reply), TMEM_STATUS_OK);
	assert_true(reply.size <= room);
	replay(buffer, reply.size);
	*totals = reply.totals;
	return reply.state;
}

static void use(unsigned int times)
{
	struct model_use what;

	while (times--) {
		model_choose(&seed, 300, &what);
		model_do(dom, &m, &what);
		tmem_store_work(store, 1);
	}
}

/* What was taken is what @at says, which was copied from the model at the mark. */
static void compare(const struct model *at, bool ephemeral, const struct tmem_totals *totals)
{
	uint32_t pool, object, index, held, count[2] = { 0, 0 };
	uint8_t expected[PAGE], *page;

	for (pool = 0; pool < MODEL_POOLS; pool++) {
		assert_int_equal(taken.pool[pool], at->pool[pool]);
		for (object = 0; object < MODEL_OBJECTS; object++) {
			for (index = 0; index < MODEL_INDEXES; index++) {
				held = at->held[pool][object][index];
				page = taken.page[pool][object][index];
				if (!model_is_persistent(pool) && !ephemeral)
					held = 0;
				assert_int_equal(!!held, !!page);
				if (!page)
					continue;
				count[!model_is_persistent(pool)]++;
				model_page(held, expected);
				assert_memory_equal(page, expected, PAGE);
			}
		}
	}
	assert_int_equal(totals->persistent, count[0]);
	assert_int_equal(totals->ephemeral, count[1]);
	assert_int_equal(totals->pools, at->pool[0] + at->pool[1] + at->pool[2] + at->pool[3]);
}

static void begin(uint32_t flags)
{
	struct tmem_export_reply reply;

	memset(&reply, 0, sizeof(reply));
	assert_int_equal(tmem_export_begin(dom, flags, &export, &reply), TMEM_STATUS_OK);
}

static uint32_t some_room(void)
{
	return TMEM_RECORD_MAX + model_random(&seed) % (4 * TMEM_RECORD_MAX);
}

static void have_all_pools(void)
{
	uint32_t pool;
	bool created;

	for (pool = 0; pool < MODEL_POOLS; pool++) {
		tmem_pool_new(dom, pool, model_pool_flags(pool), no_uuid, &created);
		m.pool[pool] = true;
	}
}

/* A whole export under use; the pools at the mark are copied to @at. */
static void export_all(bool ephemeral, struct model *at, struct tmem_totals *totals)
{
	unsigned int rounds = model_random(&seed) % 200;

	begin(ephemeral ? TMEM_EXPORT_EPHEMERAL : 0);
	while (rounds--) {
		take(some_room(), totals);
		use(model_random(&seed) % 20);
	}
	*at = m;
	assert_int_equal(tmem_export_mark(export), TMEM_STATUS_OK);
	while (take(some_room(), totals) != TMEM_NEXT_END)
		use(model_random(&seed) % 20);
	use(20);
	assert_int_equal(take(some_room(), totals), TMEM_NEXT_END);
}

static void drain(void)
{
	while (tmem_store_work(store, 100))
		;
}

static void export_is_the_pools_at_the_mark(void **state)
{
	struct tmem_totals totals;
	struct model at;
	int i;

	(void)state;
	seed = 3;
	for (i = 0; i < 60; i++) {
		have_all_pools();
		use(model_random(&seed) % 1000);
		have_all_pools();
		export_all(i % 2, &at, &totals);
		compare(&at, i % 2, &totals);
		tmem_export_end(export);
		export = NULL;
		forget_taken();
		model_compare(dom, &m);
	}
	tmem_domain_drop(dom);
	drain();
	{
		struct tmem_stats stats;

		tmem_store_stats(store, &stats);
		assert_int_equal(stats.blobs, 0);
		assert_int_equal(stats.pages, 0);
		assert_int_equal(stats.pools, 0);
	}
}

static void marks_may_be_taken_back(void **state)
{
	struct tmem_totals totals;
	struct model at;
	int i;

	(void)state;
	seed = 5;
	have_all_pools();
	use(3000);
	have_all_pools();
	begin(0);
	for (i = 0; i < 50; i++) {
		take(some_room(), &totals);
		use(5);
		assert_int_equal(tmem_export_mark(export), TMEM_STATUS_OK);
		assert_int_equal(tmem_export_mark(export), TMEM_STATUS_ORDER);
		take(some_room(), &totals);
		tmem_export_unmark(export);
		use(5);
	}
	at = m;
	assert_int_equal(tmem_export_mark(export), TMEM_STATUS_OK);
	use(100);
	while (take(some_room(), &totals) != TMEM_NEXT_END)
		use(3);
	compare(&at, false, &totals);
}

/* The ring was served after all: what was missed cannot be made up for. */
static void mark_that_was_overtaken_cannot_be_taken_back(void **state)
{
	struct tmem_next_reply reply;

	(void)state;
	seed = 7;
	have_all_pools();
	use(1000);
	have_all_pools();
	begin(0);
	assert_int_equal(tmem_export_mark(export), TMEM_STATUS_OK);
	use(1000);
	tmem_export_unmark(export);
	assert_int_equal(tmem_export_next(export, buffer, sizeof(buffer), &reply),
			 TMEM_STATUS_ABORTED);
	assert_null(tmem_export_domain(export));
	have_all_pools();
	model_compare(dom, &m);
}

static void export_survives_its_domain_after_the_mark(void **state)
{
	struct tmem_totals totals;
	struct tmem_stats stats;
	struct model at;

	(void)state;
	seed = 9;
	have_all_pools();
	use(3000);
	have_all_pools();
	begin(TMEM_EXPORT_EPHEMERAL);
	take(some_room(), &totals);
	at = m;
	assert_int_equal(tmem_export_mark(export), TMEM_STATUS_OK);
	use(10);
	tmem_domain_drop(dom);
	drain();
	/* Its number may be another's meanwhile. */
	dom = tmem_domain_get(store, 5, uuid_b);
	memset(&m, 0, sizeof(m));
	have_all_pools();
	use(500);
	while (take(some_room(), &totals) != TMEM_NEXT_END)
		use(10);
	compare(&at, true, &totals);
	tmem_export_end(export);
	export = NULL;
	tmem_domain_drop(dom);
	drain();
	tmem_store_stats(store, &stats);
	assert_int_equal(stats.pages, 0);
	assert_int_equal(stats.blobs, 0);
}

static void domain_that_goes_before_the_mark_ends_the_export(void **state)
{
	struct tmem_next_reply reply;

	(void)state;
	seed = 11;
	have_all_pools();
	use(100);
	have_all_pools();
	begin(0);
	tmem_domain_drop(dom);
	assert_int_equal(tmem_export_next(export, buffer, sizeof(buffer), &reply),
			 TMEM_STATUS_ABORTED);
	assert_int_equal(tmem_export_mark(export), TMEM_STATUS_ABORTED);
}

static void one_export_of_a_domain_at_a_time(void **state)
{
	struct tmem_export_reply reply;
	struct tmem_exporter *other;

	(void)state;
	assert_int_equal(tmem_export_begin(dom, 0, &other, &reply), TMEM_STATUS_NO_POOLS);
	have_all_pools();
	begin(0);
	assert_int_equal(tmem_export_begin(dom, 0, &other, &reply), TMEM_STATUS_BUSY);
	tmem_export_end(export);
	begin(0);
}

/* Guests' puts come before an export that keeps what they replaced. */
static void export_gives_way_to_guests(void **state)
{
	struct tmem_next_reply reply;
	struct tmem_set set = { .what = TMEM_SET_QUOTA, .quota = 1000000 };
	uint8_t page[PAGE];
	uint32_t n, count;

	(void)state;
	have_all_pools();
	tmem_domain_set(dom, &set);
	for (count = 0;; count++) {
		model_page(count * 4 + 3, page);
		if (tmem_put(dom, 0, 0, count, page) != STILLPOINT_TMEM_OK)
			break;
	}
	begin(0);
	assert_int_equal(tmem_export_mark(export), TMEM_STATUS_OK);
	for (n = 0; n < count; n++) {
		model_page((100000 + n) * 4 + 3, page);
		assert_int_equal(tmem_put(dom, 0, 0, n, page), STILLPOINT_TMEM_OK);
	}
	assert_int_equal(tmem_export_next(export, buffer, sizeof(buffer), &reply),
			 TMEM_STATUS_ABORTED);
}

static void export_log_counts_as_used(void **state)
{
	struct tmem_set set = { .what = TMEM_SET_QUOTA, .quota = 1000000 };
	struct tmem_next_reply reply = { 0 };
	uint8_t page[PAGE] = { 0 };
	struct tmem_stats stats;
	uint32_t n, zeroes = 10000;

	(void)state;
	have_all_pools();
	tmem_domain_set(dom, &set);
	for (n = 0; n < zeroes; n++)
		assert_int_equal(tmem_put(dom, 0, 0, n, page), STILLPOINT_TMEM_OK);
	do
		model_page(n++ * 4 + 3, page);
	while (tmem_put(dom, 0, 0, n, page) == STILLPOINT_TMEM_OK);
	begin(0);
	while (reply.state != TMEM_NEXT_IDLE)
		assert_int_equal(tmem_export_next(export, buffer, sizeof(buffer), &reply),
				 TMEM_STATUS_OK);
	for (n = 0; n < zeroes; n++) {
		assert_int_equal(tmem_invalidate(dom, 0, 0, n), STILLPOINT_TMEM_OK);
		tmem_store_work(store, 1);
		tmem_store_stats(store, &stats);
		assert_true(stats.used_bytes <= 16 * MIB + MIB / 2);
	}
	assert_int_equal(tmem_export_next(export, buffer, sizeof(buffer), &reply),
			 TMEM_STATUS_ABORTED);
	tmem_store_stats(store, &stats);
	assert_true(stats.used_bytes <= 16 * MIB);
}

/* Evicting a page that the mark needs frees nothing. */
static void export_that_pins_what_is_evicted_gives_way(void **state)
{
	struct tmem_next_reply reply;
	uint8_t page[PAGE];
	uint32_t n;

	(void)state;
	have_all_pools();
	for (n = 0; n < 16 * MIB / PAGE; n++) {
		model_page(n * 4 + 3, page);
		tmem_put(dom, 2, 0, n, page);
	}
	begin(TMEM_EXPORT_EPHEMERAL);
	assert_int_equal(tmem_export_mark(export), TMEM_STATUS_OK);
	for (n = 0; n < 200; n++) {
		model_page((100000 + n) * 4 + 3, page);
		assert_int_equal(tmem_put(dom, 0, 0, n, page), STILLPOINT_TMEM_OK);
	}
	assert_int_equal(tmem_export_next(export, buffer, sizeof(buffer), &reply),
			 TMEM_STATUS_ABORTED);
}

/* The bytes of model page @n change by themselves. */
static void damage(uint32_t n)
{
	uint8_t page[PAGE], *file, *at, byte;
	size_t size;
	int fd;

	file = tempdir_read("store/arena", &size);
	model_page(n, page);
	at = memmem(file, size, page, PAGE);
	assert_non_null(at);
	byte = at[100] ^ 1;
	fd = open("store/arena", O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &byte, 1, at + 100 - file), 1);
	close(fd);
	free(file);
}

static void damaged_page_is_not_exported(void **state)
{
	struct tmem_next_reply reply;
	uint8_t page[PAGE];
	int replaced;

	(void)state;
	have_all_pools();
	for (replaced = 0; replaced < 2; replaced++) {
		model_page(3, page);
		assert_int_equal(tmem_put(dom, 0, 0, 0, page), STILLPOINT_TMEM_OK);
		damage(3);
		begin(0);
		assert_int_equal(tmem_export_mark(export), TMEM_STATUS_OK);
		model_page(7, page);
		if (replaced)
			assert_int_equal(tmem_put(dom, 0, 0, 0, page), STILLPOINT_TMEM_OK);
		/* The pools are given before it. */
		tmem_export_next(export, buffer, TMEM_RECORD_MAX, &reply);
		assert_int_equal(tmem_export_next(export, buffer, sizeof(buffer), &reply),
				 TMEM_STATUS_FAILED);
		tmem_export_end(export);
		export = NULL;
	}
	begin(0);
	assert_int_equal(tmem_export_next(export, buffer, sizeof(buffer), &reply), TMEM_STATUS_OK);
}

static uint32_t import_taken(struct tmem_importer *im)
{
	size_t at = 0, end = 0;
	struct tmem_record record;
	uint32_t status = TMEM_STATUS_OK;

	while (at < taken.size && status == TMEM_STATUS_OK) {
		while (end < taken.size) {
			memcpy(&record, taken.records + end, sizeof(record));
			if (end + tmem_record_bytes(record.size) - at > some_room())
				break;
			end += tmem_record_bytes(record.size);
		}
		status = tmem_import_records(im, taken.records + at, end - at);
		at = end;
	}
	return status;
}

static void imported_pools_are_the_exported_ones(void **state)
{
	struct tmem_import_request request;
	struct tmem_importer *im;
	struct tmem_totals totals;
	struct model at;
	int i;

	(void)state;
	seed = 13;
	for (i = 0; i < 20; i++) {
		have_all_pools();
		use(2000);
		have_all_pools();
		export_all(true, &at, &totals);
		tmem_export_end(export);
		export = NULL;
		memset(&request, 0, sizeof(request));
		request.coming = totals;
		request.codecs = 1u << STILLPOINT_CODEC_NONE | 1u << STILLPOINT_CODEC_LZ4;
		assert_int_equal(tmem_import_begin(store, &request, &im), TMEM_STATUS_OK);
		assert_int_equal(tmem_import_bind(im, 6, uuid_b), TMEM_STATUS_ORDER);
		assert_int_equal(import_taken(im), TMEM_STATUS_OK);
		assert_int_equal(tmem_import_finish(im, &totals), TMEM_STATUS_OK);
		assert_int_equal(tmem_import_bind(im, 5, uuid_a), TMEM_STATUS_EXISTS);
		assert_int_equal(tmem_import_bind(im, 6, uuid_b), TMEM_STATUS_OK);
		tmem_import_end(im);
		model_compare(tmem_domain_find(store, 6, uuid_b), &at);
		tmem_domain_drop(tmem_domain_find(store, 6, uuid_b));
		drain();
		forget_taken();
	}
}

static void import_that_is_not_bound_is_dropped(void **state)
{
	struct tmem_import_request request = { .coming.pools = 1 };
	struct tmem_importer *im;
	struct tmem_stats stats;
	struct {
		struct tmem_record head;
		struct tmem_record_pool pool;
	} record = {
		.head = { .type = TMEM_RECORD_POOL, .size = sizeof(struct tmem_record_pool) },
		.pool.flags = model_pool_flags(0),
	};

	(void)state;
	assert_int_equal(tmem_import_begin(store, &request, &im), TMEM_STATUS_OK);
	assert_int_equal(tmem_import_records(im, &record, sizeof(record)), TMEM_STATUS_OK);
	/* There are no two of one id. */
	assert_int_equal(tmem_import_records(im, &record, sizeof(record)), TMEM_STATUS_BAD);
	assert_int_equal(tmem_import_records(im, &record, sizeof(record)), TMEM_STATUS_ORDER);
	tmem_import_end(im);
	drain();
	tmem_store_stats(store, &stats);
	assert_int_equal(stats.pools, 0);
	request.coming.bytes = 17 * MIB;
	assert_int_equal(tmem_import_begin(store, &request, &im), TMEM_STATUS_NO_ROOM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(export_is_the_pools_at_the_mark, setup, teardown),
		cmocka_unit_test_setup_teardown(marks_may_be_taken_back, setup, teardown),
		cmocka_unit_test_setup_teardown(mark_that_was_overtaken_cannot_be_taken_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(export_survives_its_domain_after_the_mark, setup,
						teardown),
		cmocka_unit_test_setup_teardown(domain_that_goes_before_the_mark_ends_the_export,
						setup, teardown),
		cmocka_unit_test_setup_teardown(one_export_of_a_domain_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(export_gives_way_to_guests, setup, teardown),
		cmocka_unit_test_setup_teardown(export_log_counts_as_used, setup, teardown),
		cmocka_unit_test_setup_teardown(export_that_pins_what_is_evicted_gives_way, setup,
						teardown),
		cmocka_unit_test_setup_teardown(damaged_page_is_not_exported, setup, teardown),
		cmocka_unit_test_setup_teardown(imported_pools_are_the_exported_ones, setup,
						teardown),
		cmocka_unit_test_setup_teardown(import_that_is_not_bound_is_dropped, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
