// SPDX-License-Identifier: GPL-2.0
/*
 * The store against a simple model, over long random use: with room and without, with the
 * store opened anew in between, and with the process killed anywhere.
 */
#define _GNU_SOURCE /* memmem */
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "tempdir.h"
#include "tmem/arena.h"
#include "tmem_model.h"

#define MIB (UINT64_C(1) << 20)
#define PAGE STILLPOINT_TMEM_PAGE_SIZE
#define PERSISTENT (STILLPOINT_TMEM_POOL_4K | STILLPOINT_TMEM_POOL_PERSISTENT)
#define EPHEMERAL STILLPOINT_TMEM_POOL_4K
#define SHARED (STILLPOINT_TMEM_POOL_4K | STILLPOINT_TMEM_POOL_SHARED)

static const uint8_t uuid_a[16] = { 1, 2, 3 }, uuid_b[16] = { 4, 5, 6 }, uuid_pool[16] = { 7 };
static const uint8_t no_uuid[16];
static struct tmem_store_options opts;
static struct tmem_store *store;
static struct tmem_domain *dom;

static void open_store(void)
{
	store = tmem_store_open("store", &opts);
	if (!store)
		fail_msg("cannot open the store: %s", msg_error_text());
	dom = tmem_domain_get(store, 5, uuid_a);
	assert_non_null(dom);
}

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	memset(&opts, 0, sizeof(opts));
	opts.limit = 32 * MIB;
	opts.codec.codec = STILLPOINT_CODEC_LZ4;
	open_store();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_hook = NULL;
	tmem_store_close(store);
	store = NULL;
	tempdir_leave();
	return 0;
}

static void reopen(void)
{
	tmem_store_close(store);
	open_store();
}

static void new_pool(struct tmem_domain *d, uint32_t id, uint32_t flags)
{
	bool created;

	assert_int_equal(tmem_pool_new(d, id, flags,
				       flags & STILLPOINT_TMEM_POOL_SHARED ? uuid_pool : no_uuid,
				       &created),
			 STILLPOINT_TMEM_OK);
}

/* Bytes that nothing compresses, and no other @n has. */
static void put_random(struct tmem_domain *d, uint32_t pool, uint32_t index, uint32_t n,
		       enum stillpoint_tmem_status expected)
{
	uint8_t page[PAGE];

	model_page(n * 4 + 3, page);
	assert_int_equal(tmem_put(d, pool, 0, index, page), expected);
}

static void check_random(struct tmem_domain *d, uint32_t pool, uint32_t index, uint32_t n)
{
	assert_int_equal(model_look(d, pool, 0, index, n ? n * 4 + 3 : 0, 0), n ? n * 4 + 3 : 0);
}

static struct tmem_stats stats(void)
{
	struct tmem_stats s;

	tmem_store_stats(store, &s);
	return s;
}

static struct tmem_domain_info info(struct tmem_domain *d)
{
	struct tmem_domain_info i;

	tmem_domain_info(d, &i);
	return i;
}

/* Everything is gone, and takes no room. */
static void check_empty(void)
{
	struct tmem_stats s;

	while (tmem_store_work(store, 100))
		;
	s = stats();
	assert_int_equal(s.pages, 0);
	assert_int_equal(s.persistent, 0);
	assert_int_equal(s.ephemeral, 0);
	assert_int_equal(s.zero_pages, 0);
	assert_int_equal(s.blobs, 0);
	assert_int_equal(s.compressed_blobs, 0);
	assert_int_equal(s.stored_bytes, 0);
	assert_int_equal(s.pools, 0);
}

static void check_counts(const struct model *m)
{
	uint32_t pool, object, index, n[2] = { 0, 0 };

	for (pool = 0; pool < MODEL_POOLS; pool++)
		for (object = 0; object < MODEL_OBJECTS; object++)
			for (index = 0; index < MODEL_INDEXES; index++)
				n[!model_is_persistent(pool)] += !!m->held[pool][object][index];
	assert_int_equal(info(dom).persistent, n[0]);
	assert_true(info(dom).ephemeral <= n[1]);
}

static void use_at_random(uint64_t seed, unsigned int uses, uint32_t pages)
{
	static struct model m;
	struct model_use use;
	unsigned int i;

	memset(&m, 0, sizeof(m));
	for (i = 0; i < uses; i++) {
		model_choose(&seed, pages, &use);
		model_do(dom, &m, &use);
		if (model_random(&seed) % 8 == 0)
			tmem_store_work(store, 2);
		if (model_random(&seed) % 1024)
			continue;
		check_counts(&m);
		if (model_random(&seed) % 2)
			reopen();
		if (model_random(&seed) % 4 == 0)
			model_compare(dom, &m);
	}
	model_compare(dom, &m);
	reopen();
	model_compare(dom, &m);
	tmem_domain_drop(dom);
	check_empty();
}

static void random_use_is_the_models(void **state)
{
	(void)state;
	use_at_random(7, 60000, 5000);
}

static void few_pages_are_shared_by_many_handles(void **state)
{
	(void)state;
	use_at_random(11, 30000, 12);
}

static void random_use_with_zstd_is_the_models(void **state)
{
	(void)state;
	opts.codec = (struct codec_choice){ STILLPOINT_CODEC_ZSTD, 1 };
	reopen();
	use_at_random(13, 20000, 500);
}

/* Take all room but for @pages pages. */
static void fill_store(uint32_t pages)
{
	struct tmem_domain *other = tmem_domain_get(store, 9, uuid_b);
	uint8_t page[PAGE];
	uint32_t n = 0;

	new_pool(other, 0, PERSISTENT);
	do
		model_page(++n * 4 + 3, page);
	while (tmem_put(other, 0, 0, n, page) == STILLPOINT_TMEM_OK);
	assert_true(n > 2 * pages);
	while (pages--)
		assert_int_equal(tmem_invalidate(other, 0, 0, --n), STILLPOINT_TMEM_OK);
}

static void random_use_without_room_is_the_models(void **state)
{
	struct model_use use;
	uint64_t seed = 17;
	struct model m = { 0 };
	unsigned int i, refused = 0;

	(void)state;
	tmem_domain_drop(dom);
	opts.limit = TMEM_STORE_LIMIT_MIN;
	opts.quota = 10000;
	reopen();
	fill_store(40);
	for (i = 0; i < 40000; i++) {
		model_choose(&seed, 5000, &use);
		refused += model_do(dom, &m, &use) == STILLPOINT_TMEM_REFUSED;
		if (i % 9999)
			continue;
		reopen();
		model_compare(dom, &m);
	}
	model_compare(dom, &m);
	assert_true(refused > 100);
	assert_true(stats().used_bytes <= opts.limit);
	tmem_domain_drop(tmem_domain_get(store, 9, uuid_b));
	tmem_domain_drop(dom);
	check_empty();
}

/**
 * struct witness - what a child did before it was killed, as far as it came
 * @flight: what it was about to do, if @flying
 */
struct witness {
	struct model m;
	volatile bool flying;
	struct model_use flight;
	uint64_t done;
};

static struct witness *witness;
static unsigned int commits_left;

static void count_down(void)
{
	if (!commits_left--)
		_exit(0);
}

static void be_used(uint64_t seed)
{
	struct model_use use;

	open_store();
	for (;;) {
		model_choose(&seed, 300, &use);
		witness->flight = use;
		__atomic_store_n(&witness->flying, true, __ATOMIC_RELEASE);
		model_do(dom, &witness->m, &use);
		__atomic_store_n(&witness->flying, false, __ATOMIC_RELEASE);
		witness->done++;
		if (use.index % 8 == 0)
			tmem_store_work(store, 2);
	}
}

/* What was under way may have been done or not; an object may be swept in part. */
static void settle_handle(uint32_t pool, uint32_t object, uint32_t index)
{
	uint32_t *held = &witness->m.held[pool][object][index], found, other = *held;
	const struct model_use *use = &witness->flight;
	bool may_be_gone = !model_is_persistent(pool);

	if (witness->flying && use->pool == pool) {
		if (use->op == STILLPOINT_TMEM_DESTROY_POOL ||
		    (use->op == STILLPOINT_TMEM_INVALIDATE_OBJECT && use->object == object) ||
		    (use->op == STILLPOINT_TMEM_INVALIDATE_PAGE && use->object == object &&
		     use->index == index))
			may_be_gone = true;
		if (use->op == STILLPOINT_TMEM_PUT && use->object == object && use->index == index)
			other = use->page;
	}
	found = model_look(dom, pool, object, index, *held, other);
	if (found != *held && found != other && !(may_be_gone && !found))
		fail_msg("pool %u object %u index %u: found %u, expected %u or %u (op %u %s)", pool,
			 object, index, found, *held, other, use->op,
			 witness->flying ? "under way" : "done");
	*held = model_is_persistent(pool) ? found : 0;
}

/* The model becomes what is there, which it must allow. */
static void settle(void)
{
	uint32_t pool, object, index;
	bool created;

	for (pool = 0; pool < MODEL_POOLS; pool++) {
		for (object = 0; object < MODEL_OBJECTS; object++)
			for (index = 0; index < MODEL_INDEXES; index++)
				settle_handle(pool, object, index);
		assert_int_equal(tmem_pool_new(dom, pool, model_pool_flags(pool), no_uuid,
					       &created),
				 STILLPOINT_TMEM_OK);
		if (!witness->flying || witness->flight.pool != pool)
			assert_int_equal(created, !witness->m.pool[pool]);
		witness->m.pool[pool] = true;
	}
	witness->flying = false;
}

static void kill_again_and_again(unsigned int rounds, void (*until)(pid_t child, uint64_t *seed))
{
	uint64_t seed = 29, done = 0;
	unsigned int i;
	int status;
	pid_t pid;

	witness = mmap(NULL, sizeof(*witness), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	assert_true(witness != MAP_FAILED);
	for (i = 0; i < rounds; i++) {
		tmem_store_close(store);
		store = NULL;
		commits_left = 1 + model_random(&seed) % 60;
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			if (!until)
				arena_hook = count_down;
			be_used(seed);
		}
		if (until)
			until(pid, &seed);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(until ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL :
				    WIFEXITED(status) && !WEXITSTATUS(status));
		model_random(&seed);
		done += witness->done;
		witness->done = 0;
		open_store();
		settle();
	}
	assert_true(done > rounds / 2);
	model_compare(dom, &witness->m);
	tmem_domain_drop(dom);
	check_empty();
	munmap(witness, sizeof(*witness));
}

static void process_may_end_at_any_commit(void **state)
{
	(void)state;
	kill_again_and_again(250, NULL);
}

static void kill_soon(pid_t pid, uint64_t *seed)
{
	uint64_t done = model_random(seed) % 200;

	while (__atomic_load_n(&witness->done, __ATOMIC_ACQUIRE) < done)
		;
	clock_sleep_us(model_random(seed) % 300);
	kill(pid, SIGKILL);
}

static void process_may_be_killed_at_any_instant(void **state)
{
	(void)state;
	kill_again_and_again(100, kill_soon);
}

static void only_one_process_has_the_store(void **state)
{
	(void)state;
	assert_null(tmem_store_open("store", &opts));
	assert_non_null(strstr(msg_error_text(), "another daemon"));
	msg_error_clear();
}

/* Before anything is mounted there, and whatever is. */
static void only_one_process_prepares_the_store(void **state)
{
	int fd = arena_lock_beside("store/");

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(access("store.lock", F_OK), 0);
	assert_int_equal(arena_lock_beside("store"), -1);
	assert_non_null(strstr(msg_error_text(), "another daemon"));
	msg_error_clear();
	close(fd);
	fd = arena_lock_beside("store");
	assert_true(fd >= 0);
	close(fd);
}

static void quota_bounds_persistent_pages_only(void **state)
{
	struct tmem_set set = { .what = TMEM_SET_QUOTA, .quota = 3 };
	uint32_t i;

	(void)state;
	new_pool(dom, 0, PERSISTENT);
	new_pool(dom, 1, EPHEMERAL);
	assert_int_equal(tmem_domain_set(dom, &set), TMEM_STATUS_OK);
	reopen();
	for (i = 0; i < 3; i++)
		put_random(dom, 0, i, i + 1, STILLPOINT_TMEM_OK);
	put_random(dom, 0, 3, 9, STILLPOINT_TMEM_REFUSED);
	check_random(dom, 0, 3, 0);
	/* What is there may be replaced. */
	put_random(dom, 0, 2, 10, STILLPOINT_TMEM_OK);
	check_random(dom, 0, 2, 10);
	for (i = 0; i < 10; i++)
		put_random(dom, 1, i, i + 1, STILLPOINT_TMEM_OK);
	assert_int_equal(tmem_invalidate(dom, 0, 0, 0), STILLPOINT_TMEM_OK);
	put_random(dom, 0, 3, 9, STILLPOINT_TMEM_OK);
	assert_int_equal(info(dom).refused, 1);
}

static void equal_pages_are_stored_once(void **state)
{
	struct tmem_domain *other = tmem_domain_get(store, 6, uuid_b);
	uint8_t page[PAGE] = { 0 };
	uint32_t i;

	(void)state;
	new_pool(dom, 0, PERSISTENT);
	new_pool(other, 0, PERSISTENT);
	for (i = 0; i < 10; i++) {
		put_random(dom, 0, i, 1, STILLPOINT_TMEM_OK);
		put_random(other, 0, i, 1, STILLPOINT_TMEM_OK);
		assert_int_equal(tmem_put(dom, 0, 1, i, page), STILLPOINT_TMEM_OK);
	}
	assert_int_equal(stats().blobs, 1);
	assert_int_equal(stats().stored_bytes, PAGE);
	assert_int_equal(stats().zero_pages, 10);
	assert_int_equal(stats().duplicate_pages, 19);
	reopen();
	other = tmem_domain_get(store, 6, uuid_b);
	assert_int_equal(stats().blobs, 1);
	assert_int_equal(stats().duplicate_pages, 19);
	tmem_domain_drop(dom);
	while (tmem_store_work(store, 1))
		;
	check_random(other, 0, 9, 1);
	tmem_domain_drop(other);
	check_empty();
}

static void full_store_refuses_and_empties_the_handle(void **state)
{
	uint32_t n = 0, room;
	uint8_t page[PAGE];

	(void)state;
	opts.quota = 1000000;
	tmem_domain_drop(dom);
	reopen();
	new_pool(dom, 0, PERSISTENT);
	do
		model_page(++n * 4 + 3, page);
	while (tmem_put(dom, 0, 0, n, page) == STILLPOINT_TMEM_OK);
	room = n - 1;
	assert_true(room * PAGE > opts.limit * 8 / 10);
	assert_true(stats().used_bytes <= opts.limit);
	/* A page of other bytes takes the place of the one before. */
	put_random(dom, 0, 1, 500000, STILLPOINT_TMEM_OK);
	check_random(dom, 0, 1, 500000);
	/* One that others hold as well leaves no place, and is gone all the same. */
	put_random(dom, 0, 2, 500000, STILLPOINT_TMEM_OK);
	put_random(dom, 0, n, 600000, STILLPOINT_TMEM_OK);
	put_random(dom, 0, 2, 700000, STILLPOINT_TMEM_REFUSED);
	check_random(dom, 0, 2, 0);
	for (n = 3; n <= room; n++)
		check_random(dom, 0, n, n);
}

/* One small page of each zone stays: the others' room must be of use to pages of any size. */
static void scattered_pages_are_joined(void **state)
{
	uint32_t i, n = 4000, kept = 0;
	uint8_t page[PAGE] = { 0 };

	(void)state;
	opts.limit = 4 * MIB;
	opts.quota = 100000;
	tmem_domain_drop(dom);
	reopen();
	new_pool(dom, 0, PERSISTENT);
	for (i = 0; i < n; i++) {
		model_page(4 * i + 1, page);
		memset(page + 512, 0, PAGE - 512);
		page[8] = i;
		if (tmem_put(dom, 0, 0, i, page) != STILLPOINT_TMEM_OK)
			break;
	}
	n = i;
	for (i = 0; i < n; i++)
		if (i % 40)
			assert_int_equal(tmem_invalidate(dom, 0, 0, i), STILLPOINT_TMEM_OK);
		else
			kept++;
	for (i = 0; i < 2000; i++) {
		model_page(4 * i + 3, page);
		if (tmem_put(dom, 0, 1, i, page) != STILLPOINT_TMEM_OK)
			break;
	}
	assert_int_equal(stats().pages, kept + i);
	assert_true((uint64_t)i * PAGE > opts.limit / 2);
	reopen();
	for (i = 0; i < n; i += 40) {
		model_page(4 * i + 1, page);
		memset(page + 512, 0, PAGE - 512);
		page[8] = i;
		{
			uint8_t found[PAGE];

			assert_int_equal(tmem_get(dom, 0, 0, i, found), STILLPOINT_TMEM_OK);
			assert_memory_equal(found, page, PAGE);
		}
	}
}

static void ephemeral_pages_make_room(void **state)
{
	uint32_t i;

	(void)state;
	opts.quota = 1000000;
	tmem_domain_drop(dom);
	reopen();
	new_pool(dom, 0, PERSISTENT);
	new_pool(dom, 1, EPHEMERAL);
	for (i = 0; i < 9000; i++)
		put_random(dom, 1, i, i + 1, STILLPOINT_TMEM_OK);
	assert_true(stats().evicted > 0);
	/* The oldest ones are gone, the newest ones there. */
	check_random(dom, 1, 0, 0);
	check_random(dom, 1, 8999, 9000);
	for (i = 0; i < 6000; i++)
		put_random(dom, 0, i, 100000 + i, STILLPOINT_TMEM_OK);
	for (i = 0; i < 6000; i++)
		check_random(dom, 0, i, 100000 + i);
}

/* Pages that take no room are older than those that do. */
static void pages_of_no_use_do_not_stop_eviction(void **state)
{
	uint8_t page[PAGE] = { 0 };
	uint32_t i;

	(void)state;
	new_pool(dom, 0, PERSISTENT);
	new_pool(dom, 1, EPHEMERAL);
	for (i = 0; i < 4000; i++)
		assert_int_equal(tmem_put(dom, 1, 1, i, page), STILLPOINT_TMEM_OK);
	for (i = 0; !stats().evicted; i++) {
		model_page(i * 4 + 3, page);
		tmem_put(dom, 1, 0, i, page);
	}
	assert_true(stats().zero_pages > 2000);
	put_random(dom, 0, 0, 100000, STILLPOINT_TMEM_OK);
	assert_int_equal(stats().zero_pages, 0);
	check_random(dom, 0, 0, 100000);
}

/* What a dropped pool held is room, before it is dropped bit by bit. */
static void pools_that_go_make_room(void **state)
{
	struct tmem_hello_reply hello;
	uint8_t page[PAGE];
	uint32_t n = 0, i;

	(void)state;
	opts.quota = 1000000;
	tmem_domain_drop(dom);
	reopen();
	new_pool(dom, 0, PERSISTENT);
	do
		model_page(++n * 4 + 3, page);
	while (tmem_put(dom, 0, 0, n, page) == STILLPOINT_TMEM_OK);
	assert_int_equal(tmem_pool_destroy(dom, 0), STILLPOINT_TMEM_OK);
	tmem_store_hello(store, &hello);
	assert_true(hello.room_bytes >= (n - 1) * PAGE);
	new_pool(dom, 0, PERSISTENT);
	for (i = 1; i < n; i++)
		put_random(dom, 0, i, 100000 + i, STILLPOINT_TMEM_OK);
	for (i = 1; i < n; i++)
		check_random(dom, 0, i, 100000 + i);
}

/* Who has less than its share loses nothing to one that floods the store. */
static void weights_say_who_loses_pages(void **state)
{
	struct tmem_domain *other;
	struct tmem_set set = { .what = TMEM_SET_WEIGHT, .weight = 300 };
	uint32_t i;

	(void)state;
	assert_int_equal(tmem_domain_set(dom, &set), TMEM_STATUS_OK);
	reopen();
	assert_int_equal(info(dom).weight, 300);
	other = tmem_domain_get(store, 6, uuid_b);
	new_pool(dom, 0, EPHEMERAL);
	new_pool(other, 0, EPHEMERAL);
	for (i = 0; i < 4000; i++)
		put_random(dom, 0, i, i + 1, STILLPOINT_TMEM_OK);
	for (i = 0; i < 20000; i++)
		put_random(other, 0, i, 100000 + i, STILLPOINT_TMEM_OK);
	assert_int_equal(info(dom).evicted, 0);
	assert_int_equal(info(dom).ephemeral, 4000);
	for (i = 4000; i < 20000; i++)
		put_random(dom, 0, i, i + 1, STILLPOINT_TMEM_OK);
	/* Three quarters to a quarter. */
	assert_in_range(info(dom).ephemeral * 100 / (info(dom).ephemeral + info(other).ephemeral),
			70, 80);
}

static void get_of_an_ephemeral_page_takes_it(void **state)
{
	(void)state;
	new_pool(dom, 0, EPHEMERAL);
	put_random(dom, 0, 1, 1, STILLPOINT_TMEM_OK);
	check_random(dom, 0, 1, 1);
	check_random(dom, 0, 1, 0);
}

static void shared_pool_is_for_who_may(void **state)
{
	struct tmem_domain *other = tmem_domain_get(store, 6, uuid_b);
	struct tmem_set set = { .what = TMEM_SET_SHARE };
	bool created;

	(void)state;
	memcpy(set.uuid, uuid_pool, 16);
	assert_int_equal(tmem_pool_new(dom, 3, SHARED, uuid_pool, &created),
			 STILLPOINT_TMEM_REFUSED);
	assert_int_equal(tmem_domain_set(dom, &set), TMEM_STATUS_OK);
	new_pool(dom, 3, SHARED);
	put_random(dom, 3, 1, 1, STILLPOINT_TMEM_OK);
	assert_int_equal(tmem_pool_new(other, 4, SHARED, uuid_pool, &created),
			 STILLPOINT_TMEM_REFUSED);
	assert_int_equal(tmem_domain_set(other, &set), TMEM_STATUS_OK);
	new_pool(other, 4, SHARED);
	/* It stays there for the next. */
	check_random(other, 4, 1, 1);
	check_random(other, 4, 1, 1);
	reopen();
	other = tmem_domain_find(store, 6, uuid_b);
	check_random(other, 4, 1, 1);
	tmem_domain_drop(dom);
	while (tmem_store_work(store, 10))
		;
	check_random(other, 4, 1, 1);
	set.what = TMEM_SET_UNSHARE;
	assert_int_equal(tmem_domain_set(other, &set), TMEM_STATUS_OK);
	assert_int_equal(tmem_invalidate(other, 4, 0, 1), STILLPOINT_TMEM_NO_POOL);
	tmem_domain_drop(other);
	check_empty();
}

static void domain_is_its_number_and_its_uuid(void **state)
{
	(void)state;
	new_pool(dom, 0, PERSISTENT);
	put_random(dom, 0, 1, 1, STILLPOINT_TMEM_OK);
	assert_null(tmem_domain_find(store, 5, uuid_b));
	assert_null(tmem_domain_find(store, 6, uuid_a));
	check_random(tmem_domain_get(store, 5, uuid_b), 0, 1, 0);
	check_random(dom, 0, 1, 1);
}

static void pools_have_characteristics(void **state)
{
	static const uint32_t wrong[] = {
		0,	13 << 8,	PERSISTENT | STILLPOINT_TMEM_POOL_SHARED,
		SHARED, PERSISTENT | 8, PERSISTENT | 1 << 16,
	};
	uint32_t i;
	bool created;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(tmem_pool_new(dom, 0, wrong[i], no_uuid, &created),
				 STILLPOINT_TMEM_INVALID);
	assert_int_equal(tmem_pool_new(dom, 0, PERSISTENT, uuid_pool, &created),
			 STILLPOINT_TMEM_INVALID);
	new_pool(dom, 0, PERSISTENT);
	assert_int_equal(tmem_pool_new(dom, 0, EPHEMERAL, no_uuid, &created),
			 STILLPOINT_TMEM_EXISTS);
	put_random(dom, 0, 1, 1, STILLPOINT_TMEM_OK);
	assert_int_equal(tmem_pool_new(dom, 0, PERSISTENT, no_uuid, &created), STILLPOINT_TMEM_OK);
	assert_false(created);
	check_random(dom, 0, 1, 1);
	assert_int_equal(tmem_pool_new(dom, 0, EPHEMERAL | STILLPOINT_TMEM_POOL_EMPTY, no_uuid,
				       &created),
			 STILLPOINT_TMEM_OK);
	assert_true(created);
	check_random(dom, 0, 1, 0);
	for (i = 1; i < TMEM_POOLS_MAX; i++)
		new_pool(dom, i, PERSISTENT);
	assert_int_equal(tmem_pool_new(dom, i, PERSISTENT, no_uuid, &created),
			 STILLPOINT_TMEM_REFUSED);
}

/* Bytes of the file that changed by themselves are never given as a page. */
static void damage_is_noticed(void **state)
{
	uint8_t page[PAGE], *file, *at;
	size_t size;

	(void)state;
	new_pool(dom, 0, PERSISTENT);
	new_pool(dom, 1, EPHEMERAL);
	put_random(dom, 0, 1, 1, STILLPOINT_TMEM_OK);
	put_random(dom, 1, 1, 1, STILLPOINT_TMEM_OK);
	put_random(dom, 0, 2, 2, STILLPOINT_TMEM_OK);
	tmem_store_close(store);
	file = tempdir_read("store/arena", &size);
	model_page(7, page);
	at = memmem(file, size, page, PAGE);
	assert_non_null(at);
	at[100] ^= 1;
	tempdir_write("store/arena", file, size);
	free(file);
	open_store();
	assert_int_equal(tmem_get(dom, 0, 0, 1, page), STILLPOINT_TMEM_FAILED);
	assert_int_equal(tmem_get(dom, 1, 0, 1, page), STILLPOINT_TMEM_NOT_FOUND);
	check_random(dom, 0, 2, 2);
	put_random(dom, 0, 1, 3, STILLPOINT_TMEM_OK);
	check_random(dom, 0, 1, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_use_is_the_models, setup, teardown),
		cmocka_unit_test_setup_teardown(few_pages_are_shared_by_many_handles, setup,
						teardown),
		cmocka_unit_test_setup_teardown(random_use_with_zstd_is_the_models, setup,
						teardown),
		cmocka_unit_test_setup_teardown(random_use_without_room_is_the_models, setup,
						teardown),
		cmocka_unit_test_setup_teardown(process_may_end_at_any_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(process_may_be_killed_at_any_instant, setup,
						teardown),
		cmocka_unit_test_setup_teardown(only_one_process_has_the_store, setup, teardown),
		cmocka_unit_test_setup_teardown(only_one_process_prepares_the_store, setup,
						teardown),
		cmocka_unit_test_setup_teardown(quota_bounds_persistent_pages_only, setup,
						teardown),
		cmocka_unit_test_setup_teardown(equal_pages_are_stored_once, setup, teardown),
		cmocka_unit_test_setup_teardown(full_store_refuses_and_empties_the_handle, setup,
						teardown),
		cmocka_unit_test_setup_teardown(scattered_pages_are_joined, setup, teardown),
		cmocka_unit_test_setup_teardown(ephemeral_pages_make_room, setup, teardown),
		cmocka_unit_test_setup_teardown(pages_of_no_use_do_not_stop_eviction, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pools_that_go_make_room, setup, teardown),
		cmocka_unit_test_setup_teardown(weights_say_who_loses_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(get_of_an_ephemeral_page_takes_it, setup, teardown),
		cmocka_unit_test_setup_teardown(shared_pool_is_for_who_may, setup, teardown),
		cmocka_unit_test_setup_teardown(domain_is_its_number_and_its_uuid, setup, teardown),
		cmocka_unit_test_setup_teardown(pools_have_characteristics, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_is_noticed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
