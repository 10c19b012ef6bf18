// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "image/packed_frame.h"
#include "image/packed_writer.h"
#include "pump.h"
#include "signals.h"
#include "sink.h"
#include "small_guest.h"
#include "tempdir.h"

#define NOTAB XEN_DOMCTL_PFINFO_NOTAB
#define PAGES 1500u

static const struct crypt_secret secret = { .data = (uint8_t *)"open sesame", .size = 11 };

/* How images are written, and the memory that they are copied from. */
static const struct {
	const char *compress;
	const struct crypt_secret *key;
} ways[] = { { "none", NULL }, { "lz4", NULL }, { "zstd", NULL }, { "zstd", &secret } };

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static uint8_t *memory;
static struct output out;
static struct image *img;
static struct sink got;
static size_t size;

static uint8_t *at(uint64_t pfn)
{
	return memory + pfn * PAGE_BYTES;
}

static int setup(void **state)
{
	memory = malloc((size_t)PAGES * PAGE_BYTES);
	assert_non_null(memory);
	signals_catch();
	signals_reset();
	return tempdir_setup(state);
}

static int teardown(void **state)
{
	free(memory);
	return tempdir_teardown(state);
}

/* Every fifth page is zero. */
static void fill(unsigned int seed)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		small_page(at(i), seed + i);
		if (i % 5 == 2)
			memset(at(i), 0, PAGE_BYTES);
	}
}

static void begin(size_t way, bool readable)
{
	struct image_options opts = {
		.layout = IMAGE_PACKED, .secret = ways[way].key, .threads = 2, .readable = readable
	};

	assert_works(codec_parse(ways[way].compress, &opts.compress));
	assert_works(output_open(&out, "image", true));
	img = image_new(&out, &opts);
	if (!img)
		fail_msg("no image: %s", msg_error_text());
	small_head(img);
	small_p2m(img, PAGES - 1);
}

/* Copy @n pages from @pfn on, @step pfns apart. */
static int try_copy(uint64_t pfn, int step, size_t n)
{
	static uint32_t pfns[PAGES];
	static const uint8_t *src[PAGES];
	size_t i;

	for (i = 0; i < n; i++, pfn += step) {
		pfns[i] = pfn;
		src[i] = at(pfn);
	}
	return img->ops->copy(img, pfns, src, n);
}

static void copy(uint64_t pfn, int step, size_t n)
{
	assert_works(try_copy(pfn, step, n));
}

/* Complete the image and read it, with what is told of it. */
static void finish(size_t way, struct source_info *info)
{
	struct source_options how = pump_options(ways[way].key);
	uint8_t *bytes;

	small_tail(img, 1);
	img->ops->free(img);
	assert_works(output_sync(&out));
	assert_works(output_publish(&out));
	output_close(&out);
	bytes = tempdir_read("image", &size);
	sink_init(&got);
	assert_works(pump_bytes(bytes, size, &how, &got.img, info));
	free(bytes);
}

static void assert_page(uint64_t pfn, const uint8_t *bytes)
{
	assert_true(got.came[pfn]);
	assert_int_equal(got.type[pfn], NOTAB);
	if (page_is_zero(bytes)) {
		assert_int_equal(got.kind[pfn], STILLPOINT_PAGE_ZERO);
		return;
	}
	assert_int_equal(got.kind[pfn], STILLPOINT_PAGE_DATA);
	assert_memory_equal(got.data[pfn], bytes, PAGE_BYTES);
}

static void assert_memory(void)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		assert_page(i, at(i));
}

static void copied_pages_come_back(void **state)
{
	struct source_info info;
	size_t way;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		fill(way);
		begin(way, false);
		copy(0, 1, PAGES);
		assert_works(img->ops->flush(img));
		finish(way, &info);
		assert_memory();
		/* A frame has as many pages as it could have with data. */
		assert_int_equal(info.frames,
				 (PAGES + PACKED_FRAME_PAGES - 1) / PACKED_FRAME_PAGES);
		assert_int_equal(info.pages[STILLPOINT_PAGE_ZERO], PAGES / 5);
		assert_int_equal(info.raw_bytes, (uint64_t)(PAGES - PAGES / 5) * PAGE_BYTES);
		sink_free(&got);
	}
}

/* Their owner may do as it likes afterwards. */
static void check_flush(size_t way, size_t n)
{
	uint8_t *before = malloc(n * PAGE_BYTES);
	size_t i;

	assert_non_null(before);
	fill(n);
	memcpy(before, memory, n * PAGE_BYTES);
	begin(way, false);
	copy(0, 1, n);
	assert_works(img->ops->flush(img));
	memset(memory, 0xee, n * PAGE_BYTES);
	finish(way, NULL);
	for (i = 0; i < n; i++)
		assert_page(i, before + i * PAGE_BYTES);
	sink_free(&got);
	free(before);
}

static void flush_waits_until_pages_are_copied(void **state)
{
	size_t way;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		/* The p2m's page is among them. */
		check_flush(way, 3);
		check_flush(way, PACKED_FRAME_PAGES);
		check_flush(way, PAGES);
	}
}

/* What comes last counts, in whatever way it came. */
static void ways_to_add_pages_go_together(void **state)
{
	size_t way;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		fill(7 * way);
		begin(way, false);
		small_data(img, 3, NOTAB, 9000);
		small_data(img, 4, NOTAB, 9001);
		copy(3, 1, 1);
		copy(0, 1, 2);
		small_data(img, 1, NOTAB, 9002);
		copy(1, 1, 1);
		copy(1, 1, 1);
		copy(2, 2, 700);
		copy(5, 2, 700);
		small_other(img, 5, NOTAB, STILLPOINT_PAGE_FREE);
		copy(5, 1, 1);
		copy(0, 1, PAGES);
		assert_works(img->ops->flush(img));
		small_data(img, 8, NOTAB, 9003);
		small_page(at(8), 9003);
		finish(way, NULL);
		assert_memory();
		sink_free(&got);
	}
}

static void bytes_that_do_not_compress_are_stored(void **state)
{
	struct source_info info;
	size_t way, i;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		for (i = 0; i < PAGES; i++)
			assert_int_equal(getrandom(at(i), PAGE_BYTES, 0), PAGE_BYTES);
		begin(way, false);
		copy(0, 1, PAGES);
		finish(way, &info);
		assert_memory();
		assert_int_equal(info.codecs, 1 << STILLPOINT_CODEC_NONE);
		sink_free(&got);
	}
}

static void assert_reads(uint64_t pfn)
{
	uint8_t page[PAGE_BYTES];

	memset(page, 1, sizeof(page));
	assert_works(img->ops->read(img, pfn, page));
	assert_memory_equal(page, at(pfn), PAGE_BYTES);
}

static void copied_pages_can_be_read_back(void **state)
{
	size_t way;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		fill(way);
		begin(way, true);
		copy(0, 1, PAGES);
		assert_reads(0);
		assert_reads(2);
		assert_reads(1);
		assert_reads(PAGES - 1);
		/* A zero page that gets bytes, and another that loses them. */
		small_page(at(2), 1);
		memset(at(1), 0, PAGE_BYTES);
		copy(1, 1, 2);
		assert_reads(1);
		assert_reads(2);
		assert_reads(700);
		finish(way, NULL);
		assert_memory();
		sink_free(&got);
	}
}

static atomic_bool writing;

/* A guest that writes all the time, so that pages are zero, or not, or in between. */
static void *write_pages(void *arg)
{
	unsigned int i = 0;

	while (writing) {
		memset(at(i), i % 3 ? 0 : 0x5a, PAGE_BYTES);
		i = (i * 7 + 1) % PAGES;
	}
	return arg;
}

static void pages_that_change_make_a_sound_image(void **state)
{
	pthread_t guest;
	unsigned int i;
	size_t way;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		fill(way);
		begin(way, false);
		writing = true;
		assert_int_equal(pthread_create(&guest, NULL, write_pages, NULL), 0);
		for (i = 0; i < 20; i++)
			copy(0, 1, PAGES);
		assert_works(img->ops->flush(img));
		writing = false;
		pthread_join(guest, NULL);
		copy(0, 1, PAGES);
		finish(way, NULL);
		assert_memory();
		sink_free(&got);
	}
}

static void pages_that_are_none_are_refused(void **state)
{
	const uint32_t pfns[] = { 0, PAGES };
	const uint8_t *const src[] = { memory, memory };

	(void)state;
	fill(0);
	begin(2, false);
	assert_fails(img->ops->copy(img, pfns, src, 2), "not one of the guest's");
	assert_fails(try_copy(7, -1, 2), "page 0x6 was given after page 0x7");
	assert_fails(try_copy(7, 0, 2), "page 0x7 was given after page 0x7");
	img->ops->free(img);
	output_close(&out);
}

/* What comes after an error is for nothing, and does no harm. */
static void image_is_freed_at_any_time(void **state)
{
	unsigned int pages;
	size_t way;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		for (pages = 100; pages <= PAGES; pages += 350) {
			fill(way);
			begin(way, false);
			copy(0, 1, pages);
			if (pages % 200) {
				raise(SIGTERM);
				while (!try_copy(0, 1, PAGES))
					;
				msg_error_clear();
				img->ops->flush(img);
				signals_reset();
			}
			img->ops->free(img);
			/* A thread that copies still would be found to. */
			free(memory);
			memory = malloc((size_t)PAGES * PAGE_BYTES);
			assert_non_null(memory);
			output_close(&out);
		}
	}
}

/* Rounds of few pages make frames of few pages. */
static void bound_holds_for_short_rounds(void **state)
{
	struct image_options opts = { .layout = IMAGE_PACKED };
	unsigned int i;

	(void)state;
	fill(0);
	begin(0, false);
	for (i = 0; i < 200; i++) {
		copy(i, 2, 2);
		assert_works(img->ops->flush(img));
		copy(i, 1, 1);
	}
	copy(0, 1, PAGES);
	finish(0, NULL);
	assert_memory();
	assert_true(size <= image_bytes(&opts, PAGES + 600, PAGES, 1, 27));
	sink_free(&got);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(copied_pages_come_back),	       TEST(flush_waits_until_pages_are_copied),
		TEST(ways_to_add_pages_go_together),   TEST(bytes_that_do_not_compress_are_stored),
		TEST(copied_pages_can_be_read_back),   TEST(pages_that_change_make_a_sound_image),
		TEST(pages_that_are_none_are_refused), TEST(image_is_freed_at_any_time),
		TEST(bound_holds_for_short_rounds),
	};

	return cmocka_run_group_tests_name("packed_copy", tests, NULL, NULL);
}
