// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "allocated.h"
#include "image/packed_frame.h"
#include "pump.h"
#include "sink.h"
#include "small_guest.h"
#include "tempdir.h"

#define NOTAB XEN_DOMCTL_PFINFO_NOTAB
#define PAGES 700

static const struct crypt_secret secret = { .data = (uint8_t *)"open sesame", .size = 11 };
static const struct crypt_secret other = { .data = (uint8_t *)"open barley", .size = 11 };

static struct image_options options(const char *compress, const struct crypt_secret *key)
{
	struct image_options opts = { .layout = IMAGE_PACKED, .secret = key, .threads = 2 };

	assert_works(codec_parse(compress, &opts.compress));
	return opts;
}

static struct image *begin(struct output *out, const struct image_options *opts)
{
	struct image *img;

	assert_works(output_open(out, "image", true));
	img = image_new(out, opts);
	if (!img)
		fail_msg("no image: %s", msg_error_text());
	return img;
}

static uint8_t *finish(struct output *out, struct image *img, size_t *size)
{
	img->ops->free(img);
	assert_works(output_sync(out));
	assert_works(output_publish(out));
	assert_int_equal(out->length, lseek(out->fd, 0, SEEK_END));
	output_close(out);
	return tempdir_read("image", size);
}

/* The whole small guest as an image. free() it. */
static uint8_t *small_image(const struct image_options *opts, unsigned int pages, size_t *size)
{
	struct output out;
	struct image *img = begin(&out, opts);

	small_guest(img, pages);
	return finish(&out, img, size);
}

static struct sink want, got;

static void sinks_init(unsigned int pages)
{
	sink_init(&want);
	small_guest(&want.img, pages);
	sink_init(&got);
}

static void sinks_free(void)
{
	sink_free(&want);
	sink_free(&got);
}

static void assert_counts(const struct source_info *info, size_t size)
{
	uint64_t counts[4] = { 0 };
	unsigned int i;

	for (i = 0; i < SINK_PFNS; i++)
		if (want.came[i])
			counts[want.kind[i]]++;
	for (i = 0; i < 4; i++)
		assert_int_equal(info->pages[i], counts[i]);
	assert_int_equal(info->layout, IMAGE_PACKED);
	assert_true(info->digest);
	assert_false(info->hvm);
	assert_int_equal(info->xen_major, 4);
	assert_int_equal(info->xen_minor, 17);
	assert_int_equal(info->pfns, want.max_pfn + 1);
	assert_int_equal(info->vcpus, 3);
	assert_int_equal(info->bytes, size);
	assert_int_equal(info->records, want.with_data);
	assert_int_equal(info->raw_bytes % PAGE_BYTES, 0);
	assert_true(info->raw_bytes >= counts[STILLPOINT_PAGE_DATA] * PAGE_BYTES);
}

static void check_round_trip(const char *compress, const struct crypt_secret *key,
			     uint32_t codec_bits)
{
	struct image_options opts = options(compress, key);
	struct source_options how = pump_options(key);
	struct source_info info;
	uint8_t *bytes;
	size_t size;

	bytes = small_image(&opts, PAGES, &size);
	sinks_init(PAGES);
	assert_works(pump_bytes(bytes, size, &how, &got.img, &info));
	sink_assert_same(&want, &got);
	assert_counts(&info, size);
	assert_int_equal(info.codecs, codec_bits);
	assert_int_equal(info.encrypted, !!key);
	if (codec_bits == 1 << STILLPOINT_CODEC_NONE)
		assert_int_equal(info.raw_bytes, info.stored_bytes);
	else
		assert_true(info.stored_bytes < info.raw_bytes * 6 / 10);
	assert_true(size <= image_bytes(&opts, want.pages, info.pfns, 3, 27));
	sinks_free();
	free(bytes);
}

static void pages_come_back_uncompressed(void **state)
{
	(void)state;
	check_round_trip("none", NULL, 1 << STILLPOINT_CODEC_NONE);
}

static void pages_come_back_from_lz4(void **state)
{
	(void)state;
	check_round_trip("lz4", NULL, 1 << STILLPOINT_CODEC_LZ4);
}

static void pages_come_back_from_zstd(void **state)
{
	(void)state;
	check_round_trip("zstd", NULL, 1 << STILLPOINT_CODEC_ZSTD);
	check_round_trip("zstd:19", NULL, 1 << STILLPOINT_CODEC_ZSTD);
}

static void pages_come_back_encrypted(void **state)
{
	(void)state;
	check_round_trip("none", &secret, 1 << STILLPOINT_CODEC_NONE);
	check_round_trip("zstd", &secret, 1 << STILLPOINT_CODEC_ZSTD);
}

static void image_comes_out_of_a_pipe(void **state)
{
	const struct image_options opts = options("lz4", NULL);
	struct source_options how = pump_options(NULL);
	struct source_info info;
	uint8_t *bytes;
	size_t size;

	(void)state;
	bytes = small_image(&opts, PAGES, &size);
	for (how.threads = 1; how.threads <= 3; how.threads++) {
		sinks_init(PAGES);
		assert_works(pump_pipe(bytes, size, &how, &got.img, &info));
		sink_assert_same(&want, &got);
		assert_counts(&info, size);
		sinks_free();
	}
	free(bytes);
}

static void image_goes_into_a_pipe(void **state)
{
	const struct image_options opts = options("zstd", NULL);
	const struct source_options how = pump_options(NULL);
	struct output out;
	struct image *img;
	int fds[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		if (output_open(&out, "-", false))
			_exit(1);
		img = image_new(&out, &opts);
		if (!img)
			_exit(2);
		small_guest(img, PAGES);
		img->ops->free(img);
		_exit(output_sync(&out) || output_publish(&out) ? 3 : 0);
	}
	close(fds[1]);
	sinks_init(PAGES);
	assert_works(pump_fd(fds[0], &how, &got.img, NULL));
	sink_assert_same(&want, &got);
	sinks_free();
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void threads_change_nothing(void **state)
{
	static const unsigned int numbers[] = { 1, 2, 3, 8, 1000 };
	struct image_options opts = options("zstd", NULL);
	struct source_options how = pump_options(NULL);
	size_t size, first = 0;
	uint8_t *bytes;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		opts.threads = numbers[i];
		how.threads = numbers[i];
		bytes = small_image(&opts, PAGES, &size);
		sinks_init(PAGES);
		assert_works(pump_bytes(bytes, size, &how, &got.img, NULL));
		sink_assert_same(&want, &got);
		sinks_free();
		free(bytes);
		if (!first)
			first = size;
		assert_int_equal(size, first);
	}
}

/* What is not smaller in the end is stored as it is, frame by frame. */
static void bytes_that_do_not_compress_are_stored(void **state)
{
	static const char *const codecs[] = { "lz4", "zstd" };
	const unsigned int pages = 256;
	uint8_t page[PAGE_BYTES], *bytes;
	struct image_page p = { .kind = STILLPOINT_PAGE_DATA, .data = page };
	const struct source_options how = pump_options(NULL);
	struct image_options opts;
	struct source_info info;
	struct output out;
	struct image *img;
	unsigned int i, j;
	size_t size;

	(void)state;
	for (i = 0; i < 2; i++) {
		opts = options(codecs[i], NULL);
		img = begin(&out, &opts);
		small_head(img);
		small_p2m(img, pages - 1);
		for (p.pfn = 0; p.pfn < pages; p.pfn++) {
			for (j = 0; j < sizeof(page); j++)
				page[j] = rand() >> 8;
			assert_works(img->ops->page(img, &p));
		}
		small_tail(img, 1);
		bytes = finish(&out, img, &size);
		assert_true(size > pages * PAGE_BYTES);
		assert_true(size <= image_bytes(&opts, pages, pages, 1, 27));
		assert_works(pump_bytes(bytes, size, &how, NULL, &info));
		assert_int_equal(info.codecs, 1 << STILLPOINT_CODEC_NONE);
		assert_int_equal(info.stored_bytes, pages * PAGE_BYTES);
		free(bytes);
	}
}

/* The bound holds for the worst there is: no two pages are alike in type or kind. */
static void bound_holds_for_the_worst_order(void **state)
{
	const struct image_options opts = options("none", NULL);
	const struct source_options how = pump_options(NULL);
	const unsigned int pfns = 4000;
	struct source_info info;
	unsigned int i, data = 0;
	struct output out;
	struct image *img;
	uint8_t *bytes;
	size_t size;

	(void)state;
	img = begin(&out, &opts);
	small_head(img);
	small_p2m(img, pfns - 1);
	for (i = 0; i < pfns; i++) {
		if (i < 3 || i % 4 == 1)
			small_data(img, i, i % 8 == 1 ? XEN_DOMCTL_PFINFO_L1TAB : NOTAB, i);
		else
			small_other(img, i, i % 4 ? NOTAB : XEN_DOMCTL_PFINFO_XTAB,
				    i % 4 ? i % 4 : STILLPOINT_PAGE_NONE);
		data += i < 3 || i % 4 == 1;
	}
	small_tail(img, 1);
	bytes = finish(&out, img, &size);
	assert_works(pump_bytes(bytes, size, &how, NULL, &info));
	assert_int_equal(info.pages[STILLPOINT_PAGE_DATA], data);
	assert_true(size <= image_bytes(&opts, data, pfns, 1, 27));
	/* And it is not far from the truth. */
	assert_true(image_bytes(&opts, data, pfns, 1, 27) < size + (2u << 20));
	free(bytes);
}

static void zeroes_are_found(void **state)
{
	static const uint8_t zeroes[PAGE_BYTES];
	struct image_page page = { .kind = STILLPOINT_PAGE_DATA, .data = zeroes };
	const struct image_options opts = options("none", NULL);
	const struct source_options how = pump_options(NULL);
	uint8_t last[PAGE_BYTES] = { 0 }, *bytes;
	struct source_info info;
	struct output out;
	struct image *img;
	size_t size;

	(void)state;
	last[PAGE_BYTES - 1] = 1;
	img = begin(&out, &opts);
	small_head(img);
	small_p2m(img, 99);
	for (page.pfn = 0; page.pfn < 50; page.pfn++)
		assert_works(img->ops->page(img, &page));
	page.type = XEN_DOMCTL_PFINFO_L2TAB;
	assert_works(img->ops->page(img, &page));
	page.pfn = 51;
	page.kind = STILLPOINT_PAGE_FREE;
	assert_works(img->ops->page(img, &page));
	page.pfn = 52;
	page.kind = STILLPOINT_PAGE_DATA;
	page.type = NOTAB;
	page.data = last;
	assert_works(img->ops->page(img, &page));
	small_tail(img, 1);
	bytes = finish(&out, img, &size);
	sink_init(&got);
	assert_works(pump_bytes(bytes, size, &how, &got.img, &info));
	assert_int_equal(info.pages[STILLPOINT_PAGE_ZERO], 50);
	assert_int_equal(info.pages[STILLPOINT_PAGE_DATA], 3);
	assert_int_equal(info.raw_bytes, 3 * PAGE_BYTES);
	assert_int_equal(info.frames, 1);
	assert_int_equal(got.kind[49], STILLPOINT_PAGE_ZERO);
	/* Tables have bytes, even if they are zeroes. */
	assert_memory_equal(got.data[50], zeroes, PAGE_BYTES);
	assert_memory_equal(got.data[51], zeroes, PAGE_BYTES);
	assert_int_equal(got.type[51], XEN_DOMCTL_PFINFO_L2TAB);
	assert_memory_equal(got.data[52], last, PAGE_BYTES);
	sink_free(&got);
	free(bytes);
}

/* No order of pages makes frames of few pages but one in which they are the same. */
static void frames_are_full_in_any_order(void **state)
{
	const struct image_options opts = options("none", NULL);
	const struct source_options how = pump_options(NULL);
	const unsigned int per_frame = PACKED_FRAME_BYTES / PAGE_BYTES;
	struct source_info info;
	struct output out;
	struct image *img;
	uint8_t *bytes;
	unsigned int i;
	size_t size;

	(void)state;
	img = begin(&out, &opts);
	small_head(img);
	small_p2m(img, 4000);
	for (i = 0; i < 4 * per_frame; i++)
		small_data(img, 4000 - i, NOTAB, i);
	for (i = 0; i < 4 * per_frame; i++)
		small_data(img, 2 + i * 37 % 1999, NOTAB, i);
	small_tail(img, 1);
	bytes = finish(&out, img, &size);
	assert_works(pump_bytes(bytes, size, &how, NULL, &info));
	assert_int_equal(info.frames, 8);
	free(bytes);
}

static void assert_reads(struct image *img, uint64_t pfn, int seed)
{
	uint8_t page[PAGE_BYTES], expected[PAGE_BYTES] = { 0 };

	memset(page, 0x77, sizeof(page));
	if (seed >= 0)
		small_page(expected, seed);
	assert_works(img->ops->read(img, pfn, page));
	if (memcmp(page, expected, PAGE_BYTES))
		fail_msg("pfn %llu does not read as seed %d", (unsigned long long)pfn, seed);
}

static void check_read_back(const char *compress, const struct crypt_secret *key)
{
	struct image_options opts = options(compress, key);
	const struct source_options how = pump_options(key);
	struct output out;
	struct image *img;
	uint8_t *bytes, page[PAGE_BYTES];
	unsigned int i;
	size_t size;

	opts.readable = true;
	img = begin(&out, &opts);
	small_head(img);
	small_p2m(img, 299);
	for (i = 0; i < 200; i++)
		small_data(img, i, NOTAB, i);
	small_other(img, 200, NOTAB, STILLPOINT_PAGE_ZERO);
	small_other(img, 201, NOTAB, STILLPOINT_PAGE_FREE);
	assert_reads(img, 199, 199);
	assert_reads(img, 0, 0);
	assert_reads(img, 100, 100);
	assert_reads(img, 200, -1);
	assert_reads(img, 201, -1);
	small_data(img, 0, NOTAB, 1000);
	small_data(img, 200, NOTAB, 1001);
	small_other(img, 100, NOTAB, STILLPOINT_PAGE_ZERO);
	small_p2m(img, 999);
	assert_reads(img, 0, 1000);
	assert_reads(img, 1, 1);
	small_data(img, 0, NOTAB, 1002);
	small_data(img, 999, NOTAB, 1003);
	assert_reads(img, 0, 1002);
	assert_reads(img, 100, -1);
	assert_reads(img, 200, 1001);
	assert_reads(img, 999, 1003);
	assert_fails(img->ops->read(img, 1000, page), "cannot be read back");
	small_tail(img, 1);
	assert_reads(img, 999, 1003);
	assert_reads(img, 0, 1002);
	bytes = finish(&out, img, &size);
	assert_works(pump_bytes(bytes, size, &how, NULL, NULL));
	free(bytes);
}

static void pages_can_be_read_back(void **state)
{
	(void)state;
	check_read_back("none", NULL);
	check_read_back("lz4", NULL);
	check_read_back("zstd", NULL);
	check_read_back("zstd", &secret);
}

/* Write @pages pages, and read them again; what memory either needs. */
static void memory_of(unsigned int pages, size_t *writing, size_t *reading)
{
	const struct image_options opts = options("none", NULL);
	struct source_options how = pump_options(NULL);
	struct output out;
	struct image *img;
	unsigned int i;
	int fd;

	allocated_begin();
	img = begin(&out, &opts);
	small_head(img);
	small_p2m(img, 16383);
	for (i = 0; i < pages; i++)
		small_data(img, i, NOTAB, i);
	small_tail(img, 1);
	*writing = allocated_most();
	img->ops->free(img);
	assert_works(output_flush(&out));
	fd = dup(out.fd);
	output_close(&out);
	allocated_begin();
	how.threads = 2;
	assert_works(pump_fd(fd, &how, NULL, NULL));
	*reading = allocated_most();
	assert_int_equal(allocated_now(), 0);
	close(fd);
}

static void memory_does_not_grow_with_the_guest(void **state)
{
	size_t writing[2], reading[2];

	(void)state;
	memory_of(6000, &writing[0], &reading[0]);
	memory_of(16384, &writing[1], &reading[1]);
	assert_true(writing[0] > 1u << 20 && reading[0] > 1u << 20);
	/* 41 frames more, of 32 bytes each in the index, which is there twice. */
	assert_true(writing[1] < writing[0] + 32768);
	assert_true(reading[1] < reading[0] + 32768);
	assert_true(writing[1] < 8u << 20);
	assert_true(reading[1] < 16u << 20);
}

static int told_config(void *data, const char *config)
{
	assert_int_equal(got.heads, 0);
	assert_string_equal(config, "{\"c_info\":{\"name\":\"small\"}}");
	++*(int *)data;
	return 0;
}

static int refuse_config(void *data, const char *config)
{
	(void)data;
	(void)config;
	return msg_error("this domain is not wanted");
}

static uint64_t told_done, told_total;

static void told_progress(uint64_t done, uint64_t total)
{
	assert_true(done > told_done);
	told_done = done;
	told_total = total;
}

static void caller_is_told(void **state)
{
	const struct image_options opts = options("none", NULL);
	struct source_options how = pump_options(NULL);
	uint8_t *bytes;
	size_t size;
	int told = 0;

	(void)state;
	bytes = small_image(&opts, PAGES, &size);
	how.config = told_config;
	how.data = &told;
	how.progress = told_progress;
	sinks_init(PAGES);
	assert_works(pump_bytes(bytes, size, &how, &got.img, NULL));
	assert_int_equal(told, 1);
	assert_int_equal(told_done, size);
	assert_int_equal(told_total, size);
	sinks_free();
	told_done = 0;
	sink_init(&got);
	assert_works(pump_pipe(bytes, size, &how, NULL, NULL));
	assert_int_equal(told_done, size);
	assert_int_equal(told_total, 0);
	how.config = refuse_config;
	assert_fails(pump_bytes(bytes, size, &how, &got.img, NULL), "not wanted");
	assert_int_equal(got.heads + got.p2ms + got.tails, 0);
	sink_free(&got);
	free(bytes);
}

static void key_is_needed_and_must_fit(void **state)
{
	const struct image_options opts = options("lz4", &secret);
	struct source_options how = pump_options(NULL);
	struct source_info info;
	uint8_t *bytes;
	size_t size;

	(void)state;
	bytes = small_image(&opts, 10, &size);
	assert_null(memmem(bytes, size, "c_info", 6));
	assert_fails(pump_bytes(bytes, size, &how, NULL, &info), "encrypted; name its key");
	assert_true(info.encrypted);
	how.secret = &other;
	assert_fails(pump_bytes(bytes, size, &how, NULL, NULL), "the key does not fit");
	how.secret = &secret;
	assert_works(pump_bytes(bytes, size, &how, NULL, NULL));
	/* Damage is told as such, with any key. */
	bytes[500] ^= 1;
	assert_fails(pump_bytes(bytes, size, &how, NULL, NULL), "damaged");
	how.secret = &other;
	bytes[500] ^= 1;
	bytes[330] ^= 1;
	assert_fails(pump_bytes(bytes, size, &how, NULL, NULL), "damaged");
	free(bytes);
}

static void images_are_never_alike(void **state)
{
	const struct image_options opts = options("none", NULL);
	uint8_t *one, *two;
	size_t size;

	(void)state;
	one = small_image(&opts, 10, &size);
	two = small_image(&opts, 10, &size);
	assert_memory_not_equal(one + offsetof(struct stillpoint_image_header, id),
				two + offsetof(struct stillpoint_image_header, id), 16);
	free(one);
	free(two);
}

static void stream_cannot_be_read_back(void **state)
{
	struct image_options opts = options("none", NULL);
	struct output out = { .stream = true };

	(void)state;
	opts.readable = true;
	msg_error_clear();
	assert_null(image_new(&out, &opts));
	assert_non_null(strstr(msg_error_text(), "cannot be read back"));
	msg_error_clear();
}

static void pages_that_are_none_are_refused(void **state)
{
	const struct image_options opts = options("none", NULL);
	uint8_t bytes[PAGE_BYTES] = { 1 };
	struct image_page page = { .pfn = 10, .kind = STILLPOINT_PAGE_DATA, .data = bytes };
	struct output out;
	struct image *img;

	(void)state;
	img = begin(&out, &opts);
	small_head(img);
	small_p2m(img, 9);
	assert_fails(img->ops->page(img, &page), "not one of the guest's");
	page.pfn = 1;
	page.type = XEN_DOMCTL_PFINFO_XTAB;
	assert_fails(img->ops->page(img, &page), "not one of the guest's");
	page.kind = STILLPOINT_PAGE_NONE;
	page.type = NOTAB;
	assert_fails(img->ops->page(img, &page), "not one of the guest's");
	img->ops->free(img);
	output_close(&out);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, tempdir_setup, tempdir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages_come_back_uncompressed),
		TEST(pages_come_back_from_lz4),
		TEST(pages_come_back_from_zstd),
		TEST(pages_come_back_encrypted),
		TEST(image_comes_out_of_a_pipe),
		TEST(image_goes_into_a_pipe),
		TEST(threads_change_nothing),
		TEST(bytes_that_do_not_compress_are_stored),
		TEST(bound_holds_for_the_worst_order),
		TEST(zeroes_are_found),
		TEST(frames_are_full_in_any_order),
		TEST(pages_can_be_read_back),
		TEST(memory_does_not_grow_with_the_guest),
		TEST(caller_is_told),
		TEST(key_is_needed_and_must_fit),
		TEST(images_are_never_alike),
		TEST(stream_cannot_be_read_back),
		TEST(pages_that_are_none_are_refused),
	};

	return cmocka_run_group_tests_name("packed", tests, NULL, NULL);
}
