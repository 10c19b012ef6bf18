// SPDX-License-Identifier: GPL-2.0
/*
 * Saving a guest that keeps pages in tmem: the pools in the image are, handle by handle and
 * byte by byte, those at the park, whatever the guest does before and after it.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <stillpoint/tmem.h>

#include "domain_file.h"
#include "fake_tmem.h"
#include "input.h"
#include "recorded.h"
#include "save.h"
#include "save_size.h"
#include "signals.h"
#include "tempdir.h"

#define PFNS 200

/* Handles that the guest uses: so many indexes of two objects. */
#define INDEXES 60

static struct machine *m;
static struct fake_tmem *f;
static struct save_options opts;
static struct save_result res;
static uint64_t random_state;

static unsigned int any(unsigned int n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (random_state >> 33) % n;
}

static uint32_t any_pool(void)
{
	return f->live.npools ? f->live.pools[any(f->live.npools)].id : 0;
}

/* The guest goes on: puts, replaces, invalidates, now and then a whole pool. */
static void guest_runs(struct fake_tmem *fake)
{
	unsigned int n = any(4);
	uint32_t id;

	for (; n && fake->live.npools; n--) {
		if (any(3))
			fake_put(fake, any_pool(), any(2), any(INDEXES));
		else
			fake_invalidate(fake, any_pool(), any(2), any(INDEXES));
	}
	if (any(40))
		return;
	id = 1 + any(5);
	if (!pools_pool(&fake->live, id))
		fake_pool(fake, id, any(3) ? STILLPOINT_TMEM_POOL_PERSISTENT : 0);
	else
		fake_destroy(fake, id);
}

/* The harvests are when the guest writes its memory, and its pools. */
static void guest_writes(struct machine *mach)
{
	unsigned int i;

	machine_write(mach, 40 + any(20), any(256));
	if (mach->pauses)
		return;
	for (i = 0; i < 20; i++)
		guest_runs(f);
}

/* Between pause and unpause nothing is served. */
static void guest_unpaused(struct machine *mach)
{
	(void)mach;
	assert_false(f->held);
}

static int setup(void **state)
{
	unsigned int i;

	(void)state;
	tempdir_enter();
	signals_catch();
	signals_reset();
	msg_error_clear();
	random_state = 1;
	m = machine_build(PFNS);
	machine_track(m);
	m->on_run = guest_unpaused;
	f = fake_tmem_new(m);
	fake_pool(f, 1, STILLPOINT_TMEM_POOL_PERSISTENT);
	fake_pool(f, 7, 0);
	for (i = 0; i < 100; i++)
		fake_put(f, any(4) ? 1 : 7, any(2), any(INDEXES));
	memset(&opts, 0, sizeof(opts));
	opts.path = "image";
	opts.park_timeout_ms = 200;
	opts.deadline_ms = 200;
	opts.track = &tracker_guest;
	opts.max_rounds = 10;
	opts.threads = 2;
	opts.staging = UINT64_C(1) << 30;
	opts.image.layout = IMAGE_PACKED;
	opts.image.compress.codec = STILLPOINT_CODEC_LZ4;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(m->mapped, 0);
	assert_int_equal(m->channels, 0);
	fake_tmem_free(f);
	machine_free(m);
	tempdir_leave();
	signals_reset();
	msg_error_clear();
	return 0;
}

static int save(void)
{
	return save_run(&m->dom, &opts, &res);
}

/* What an export has of @from: the contents of ephemeral pools only if asked for. */
static void exported(const struct pools *from, struct pools *to)
{
	const struct stillpoint_tmem_pool *pool;
	unsigned int i = 0;

	pools_init(to);
	pools_copy(to, from);
	while (i < to->npages) {
		pool = pools_pool(to, to->pages[i].handle.pool);
		if (opts.ephemeral || pool->flags & STILLPOINT_TMEM_POOL_PERSISTENT)
			i++;
		else
			to->pages[i] = to->pages[--to->npages];
	}
}

/* The image has the pools at the mark, which is the fake's. */
static void assert_image(const char *path)
{
	struct recorded *rec = recorded_read(path, NULL);
	struct pools want;

	exported(&f->mark, &want);
	pools_assert_equal(&want, &rec->tmem);
	assert_int_equal(res.tmem.sum.persistent + res.tmem.sum.ephemeral, want.npages);
	assert_int_equal(res.tmem.sum.pools, want.npools);
	assert_true(res.tmem.any);
	if (rec->tmem.npools || rec->tmem.told.count)
		assert_true(rec->tmem.final);
	pools_free(&want);
	recorded_free(rec);
}

static void assert_saved(void)
{
	memset(f->steps, 0, f->nsteps);
	f->nsteps = 0;
	opts.replace = true;
	assert_works(save());
	assert_int_equal(m->pauses, 0);
	assert_image("image");
}

static void assert_failed(const char *text)
{
	assert_fails(save(), text);
	assert_int_equal(m->pauses, 0);
	assert_false(f->held);
	assert_int_equal(tempdir_count("."), 0);
}

static void pools_are_saved(void **state)
{
	(void)state;
	assert_saved();
	assert_int_equal(res.tmem.live, res.tmem.sum.persistent);
	assert_int_equal(res.tmem.rest, 0);
	assert_int_equal(res.tmem.invalidates, 0);
	/* One hold and one release, and all that was there was taken before. */
	assert_non_null(strstr(f->steps, "nhrRn"));
	assert_string_equal(strchr(f->steps, 'h'), "hrRnc");
}

static void ephemeral_pages_are_saved_if_asked_for(void **state)
{
	(void)state;
	opts.ephemeral = true;
	assert_saved();
	assert_true(res.tmem.sum.ephemeral > 0);
}

static void pools_are_those_at_the_park(void **state)
{
	unsigned int i;

	(void)state;
	f->on_next = guest_runs;
	m->on_harvest = guest_writes;
	for (i = 0; i < 40; i++) {
		random_state = i;
		opts.ephemeral = i & 1;
		opts.image.layout = i & 2 ? IMAGE_MAPPED : IMAGE_PACKED;
		assert_saved();
	}
	assert_true(res.tmem.rest > 0);
}

/* The guest did not stop when it was saved: the mark is not what there is now. */
static void mark_outlives_what_the_guest_does(void **state)
{
	(void)state;
	f->on_next = guest_runs;
	m->on_harvest = guest_writes;
	assert_saved();
	assert_true(f->puts > 200);
	assert_true(f->mark.npages != f->live.npages ||
		    memcmp(f->mark.pages, f->live.pages, f->live.npages * sizeof(*f->live.pages)));
}

/* A put, and its answer in a page of the guest, such as its ring. */
static void serve(struct fake_tmem *fake)
{
	fake_put(fake, 1, 1, 7);
	memset(machine_page(fake->m, 50), (int)fake->puts, PAGE_BYTES);
}

/* What the memory in the image says was answered is what the pools in the image have. */
static void memory_and_pools_are_of_one_instant(void **state)
{
	const struct stillpoint_tmem_handle handle = { 1, 1, 7 };
	struct recorded *rec;
	uint8_t want[PAGE_BYTES];
	unsigned int i;

	(void)state;
	f->on_serve = serve;
	m->granted = m->p2m_mfn[50];
	for (i = 0; i < 4; i++) {
		opts.after = i & 1 ? SAVE_PAUSE : SAVE_RUN_ON;
		opts.staging = i & 2 ? 0 : UINT64_C(1) << 30;
		opts.replace = true;
		assert_works(save());
		rec = recorded_read("image", NULL);
		pools_fill(want, f->puts - 1);
		assert_memory_equal(pools_find(&rec->tmem, &handle)->data, want, PAGE_BYTES);
		assert_int_equal(rec->page[50].data[9], (f->puts - 1) & 0xff);
		recorded_free(rec);
		if (m->pauses)
			assert_int_equal(m->dom.ops->unpause(&m->dom), 0);
	}
}

static void pools_are_encrypted(void **state)
{
	static struct crypt_secret secret = { .data = (uint8_t *)"a secret", .size = 8 };
	struct recorded *rec;
	struct pools want;
	FILE *key = fopen("key", "w");

	(void)state;
	assert_non_null(key);
	fputs("a secret", key);
	fclose(key);
	f->on_next = guest_runs;
	opts.image.secret = &secret;
	assert_works(save());
	rec = recorded_read("image", "key");
	exported(&f->mark, &want);
	pools_assert_equal(&want, &rec->tmem);
	pools_free(&want);
	recorded_free(rec);
}

static void endless_changes_are_bounded(void **state)
{
	struct save_size size;
	struct stat st;

	(void)state;
	f->on_next = guest_runs;
	opts.image.compress.codec = STILLPOINT_CODEC_NONE;
	assert_works(save_find_size(&m->dom, &opts, &size));
	assert_saved();
	assert_int_equal(stat("image", &st), 0);
	assert_true((uint64_t)st.st_size <= size.bytes);
}

/* The pool 2 goes, and comes with a page, again and again. */
static void churn_pools(struct fake_tmem *fake)
{
	if (pools_pool(&fake->live, 2))
		fake_destroy(fake, 2);
	fake_pool(fake, 2, STILLPOINT_TMEM_POOL_PERSISTENT);
	fake_put(fake, 2, 0, any(INDEXES));
}

static void endless_pools_are_bounded(void **state)
{
	struct save_size size;
	struct stat st;

	(void)state;
	f->on_next = churn_pools;
	opts.image.compress.codec = STILLPOINT_CODEC_NONE;
	assert_works(save_find_size(&m->dom, &opts, &size));
	assert_saved();
	assert_true(f->incarnations > SAVE_TMEM_POOLS / 2);
	/* Two of the three events of a call are about pools. */
	assert_in_range(strchr(f->steps, 'h') - f->steps, SAVE_TMEM_POOLS / 2,
			SAVE_TMEM_POOLS / 2 + 200);
	assert_int_equal(stat("image", &st), 0);
	assert_true((uint64_t)st.st_size <= size.bytes);
}

static void pool_that_comes_late_is_saved(void **state)
{
	(void)state;
	fake_destroy(f, 1);
	fake_destroy(f, 7);
	m->on_harvest = guest_writes;
	f->on_next = guest_runs;
	random_state = 77;
	assert_saved();
}

static void save_that_stops_the_guest_has_pools(void **state)
{
	(void)state;
	f->on_next = guest_runs;
	opts.after = SAVE_STOP;
	m->on_run = NULL;
	opts.image.layout = IMAGE_MAPPED;
	assert_works(save());
	assert_true(m->destroyed);
	assert_image("image");
}

/* Whatever the store does, the guest runs on, and no file is left. */
static void failing_store_fails_the_save(void **state)
{
	static const char steps[] = "onhrR";
	unsigned int i, after;

	(void)state;
	f->on_next = guest_runs;
	for (i = 0; i < sizeof(steps) - 1; i++) {
		f->fail_step = steps[i];
		for (after = 0; after < (steps[i] == 'n' ? 40 : 1); after++) {
			f->fail_after = after;
			assert_failed("the fake store failed");
		}
	}
	f->fail_step = 0;
	assert_saved();
}

static void hold_that_timed_out_fails_the_save(void **state)
{
	(void)state;
	f->expired = true;
	assert_failed("held for too long");
	assert_int_equal(m->total_pauses, 1);
	f->expired = false;
	assert_saved();
}

static void totals_that_do_not_match_fail_the_save(void **state)
{
	(void)state;
	f->wrong = true;
	assert_failed("does not come to what there was");
}

/* A guest that does not park was never held. */
static void guest_that_does_not_park_is_not_held(void **state)
{
	(void)state;
	m->module = MODULE_SILENT;
	assert_failed("does not answer");
	assert_null(strchr(f->steps, 'h'));
}

static void copy_that_fails_ends_the_hold(void **state)
{
	(void)state;
	m->fail_op = OP_TSC;
	assert_failed("time");
	assert_non_null(strchr(f->steps, 'h'));
	assert_null(strchr(f->steps, 'r'));
}

static void pools_that_appear_fail_the_save(void **state)
{
	(void)state;
	f->appears = true;
	assert_failed("began to use tmem");
}

static void xl_has_no_place_for_pages(void **state)
{
	(void)state;
	opts.image.layout = IMAGE_XL;
	assert_failed("--tmem-file");
	assert_int_equal(m->total_pauses, 0);
}

/* Nothing is lost of a guest whose pools are empty, or may be lost. */
static void xl_does_without_pages(void **state)
{
	(void)state;
	opts.image.layout = IMAGE_XL;
	fake_destroy(f, 1);
	fake_pool(f, 1, STILLPOINT_TMEM_POOL_PERSISTENT);
	assert_works(save());
}

static void late_put(struct machine *mach)
{
	(void)mach;
	fake_put(f, 1, 0, 0);
}

static void xl_has_no_place_for_pages_that_come_late(void **state)
{
	(void)state;
	opts.image.layout = IMAGE_XL;
	fake_destroy(f, 1);
	fake_pool(f, 1, STILLPOINT_TMEM_POOL_PERSISTENT);
	m->on_harvest = late_put;
	assert_failed("--tmem-file");
	assert_int_equal(m->total_pauses, 1);
}

static void side_file_takes_the_pools(void **state)
{
	struct source_options sopts = { .threads = 1, .side = true };
	struct stillpoint_tmem_image xl;
	struct recorded *rec = recorded_new();
	struct pools want;
	struct input in;

	(void)state;
	f->on_next = guest_runs;
	opts.image.layout = IMAGE_XL;
	opts.tmem_path = "pools";
	assert_works(save());
	assert_int_equal(tempdir_count("."), 2);
	assert_works(input_open(&in, "image", NULL));
	assert_works(input_read(&in, 1, NULL));
	assert_true(in.src->info.side);
	xl = in.src->info.xl;
	input_close(&in);
	assert_works(input_open(&in, "pools", NULL));
	assert_works(input_recognise(&in, &sopts));
	rec->config = strdup("");
	assert_works(source_pump(in.src, &rec->img));
	assert_true(in.src->info.side);
	assert_memory_equal(&in.src->info.xl, &xl, sizeof(xl));
	exported(&f->mark, &want);
	pools_assert_equal(&want, &rec->tmem);
	pools_free(&want);
	recorded_free(rec);
	input_close(&in);
	/* It is no image. */
	assert_works(input_open(&in, "pools", NULL));
	rec = recorded_new();
	assert_fails(input_read(&in, 1, &rec->img), "side file");
	recorded_free(rec);
	input_close(&in);
}

/* Neither the one of an image that is there, nor what is to be the image. */
static void side_file_replaces_nothing(void **state)
{
	(void)state;
	opts.image.layout = IMAGE_XL;
	opts.tmem_path = "pools";
	assert_works(save());
	opts.replace = true;
	assert_fails(save(), "'pools' exists and may be the side file of another image");
	opts.tmem_path = "image";
	assert_fails(save(), "'image' exists and may be");
	unlink("image");
	assert_fails(save(), "cannot be the image itself");
	assert_int_equal(tempdir_count("."), 1);
}

static void side_file_that_fails_leaves_nothing(void **state)
{
	(void)state;
	opts.image.layout = IMAGE_XL;
	opts.tmem_path = "pools";
	f->expired = true;
	assert_failed("held for too long");
}

static void guest_without_pools_is_saved_as_before(void **state)
{
	struct recorded *rec;

	(void)state;
	m->tmem = NULL;
	assert_works(save());
	assert_false(res.tmem.any);
	rec = recorded_read("image", NULL);
	assert_null(strchr(rec->steps, 'm'));
	recorded_free(rec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pools_are_saved, setup, teardown),
		cmocka_unit_test_setup_teardown(ephemeral_pages_are_saved_if_asked_for, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pools_are_those_at_the_park, setup, teardown),
		cmocka_unit_test_setup_teardown(mark_outlives_what_the_guest_does, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_and_pools_are_of_one_instant, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pools_are_encrypted, setup, teardown),
		cmocka_unit_test_setup_teardown(endless_changes_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(endless_pools_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(pool_that_comes_late_is_saved, setup, teardown),
		cmocka_unit_test_setup_teardown(save_that_stops_the_guest_has_pools, setup,
						teardown),
		cmocka_unit_test_setup_teardown(failing_store_fails_the_save, setup, teardown),
		cmocka_unit_test_setup_teardown(hold_that_timed_out_fails_the_save, setup,
						teardown),
		cmocka_unit_test_setup_teardown(totals_that_do_not_match_fail_the_save, setup,
						teardown),
		cmocka_unit_test_setup_teardown(guest_that_does_not_park_is_not_held, setup,
						teardown),
		cmocka_unit_test_setup_teardown(copy_that_fails_ends_the_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(pools_that_appear_fail_the_save, setup, teardown),
		cmocka_unit_test_setup_teardown(xl_has_no_place_for_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(xl_does_without_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(xl_has_no_place_for_pages_that_come_late, setup,
						teardown),
		cmocka_unit_test_setup_teardown(side_file_takes_the_pools, setup, teardown),
		cmocka_unit_test_setup_teardown(side_file_replaces_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(side_file_that_fails_leaves_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(guest_without_pools_is_saved_as_before, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("save_tmem", tests, NULL, NULL);
}
