// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "allocated.h"
#include "craft.h"
#include "image/packed_writer.h"
#include "pump.h"
#include "signals.h"
#include "sink.h"
#include "small_guest.h"
#include "tempdir.h"

#define NOTAB XEN_DOMCTL_PFINFO_NOTAB
#define MANDATORY STILLPOINT_SECTION_MANDATORY

static const struct crypt_secret secret = { .data = (uint8_t *)"open sesame", .size = 11 };

/* The smallest image that has all there is: two p2ms, pages of all kinds, one twice. */
static uint8_t *tiny(const char *compress, size_t *size)
{
	struct image_options opts = { .layout = IMAGE_PACKED, .threads = 1 };
	struct output out;
	struct image *img;

	assert_works(codec_parse(compress, &opts.compress));
	assert_works(output_open(&out, "image", true));
	img = image_new(&out, &opts);
	assert_non_null(img);
	small_head(img);
	small_p2m(img, 5);
	small_other(img, 1, XEN_DOMCTL_PFINFO_XTAB, STILLPOINT_PAGE_NONE);
	small_data(img, 2, NOTAB, 2);
	small_other(img, 3, NOTAB, STILLPOINT_PAGE_ZERO);
	small_other(img, 4, NOTAB, STILLPOINT_PAGE_FREE);
	small_p2m(img, 6);
	small_other(img, 4, NOTAB, STILLPOINT_PAGE_ZERO);
	small_tail(img, 1);
	img->ops->free(img);
	assert_works(output_sync(&out));
	assert_works(output_publish(&out));
	output_close(&out);
	return tempdir_read("image", size);
}

/* Much the same, encrypted by a key that is soon derived. */
static void craft_whole(struct craft *c, const struct crypt_secret *key)
{
	craft_begin(c, key);
	craft_header(c);
	craft_head(c);
	craft_p2m(c, 9);
	craft_page(c);
	craft_state(c);
	craft_index(c);
	craft_end(c, 1);
	craft_footer(c);
}

/* Every bit of the file matters, and what is wrong is never taken for right. */
static void flip_all(uint8_t *bytes, size_t size, const struct crypt_secret *key)
{
	const struct source_options how = pump_options(key);
	int fd = pump_file(bytes, size);
	unsigned int bit;
	uint8_t byte;
	size_t i;

	msg_error_clear();
	assert_works(pump_fd(fd, &how, NULL, NULL));
	for (i = 0; i < size; i++) {
		for (bit = 0; bit < 8; bit++) {
			byte = bytes[i] ^ 1 << bit;
			assert_int_equal(pwrite(fd, &byte, 1, i), 1);
			if (!pump_fd(fd, &how, NULL, NULL))
				fail_msg("bit %u of byte %zu can be changed", bit, i);
			assert_true(msg_error_text()[0]);
			msg_error_clear();
		}
		assert_int_equal(pwrite(fd, &bytes[i], 1, i), 1);
	}
	assert_works(pump_fd(fd, &how, NULL, NULL));
	close(fd);
}

/* No image that was cut short is taken for a whole one, and none has a tail. */
static void truncate_all(uint8_t *bytes, size_t size, const struct crypt_secret *key)
{
	const struct source_options how = pump_options(key);
	int fd = pump_file(bytes, size);
	struct sink sink;
	size_t i;

	sink_init(&sink);
	for (i = size; i-- > 0;) {
		assert_int_equal(ftruncate(fd, i), 0);
		if (!pump_fd(fd, &how, i % 512 ? NULL : &sink.img, NULL))
			fail_msg("the first %zu of %zu bytes are taken for all", i, size);
		assert_true(msg_error_text()[0]);
		msg_error_clear();
		assert_int_equal(sink.tails, 0);
		if (i % 512)
			continue;
		sink_free(&sink);
		sink_init(&sink);
	}
	sink_free(&sink);
	close(fd);
}

static void every_bit_matters_uncompressed(void **state)
{
	size_t size;
	uint8_t *bytes = tiny("none", &size);

	(void)state;
	flip_all(bytes, size, NULL);
	free(bytes);
}

static void every_bit_matters_compressed(void **state)
{
	size_t size;
	uint8_t *bytes = tiny("zstd", &size);

	(void)state;
	flip_all(bytes, size, NULL);
	free(bytes);
}

static void every_bit_matters_encrypted(void **state)
{
	struct craft c;

	(void)state;
	craft_whole(&c, &secret);
	flip_all(c.bytes, c.size, &secret);
	craft_free(&c);
}

static void every_byte_is_missed(void **state)
{
	struct craft c;
	uint8_t *bytes;
	size_t size;

	(void)state;
	bytes = tiny("none", &size);
	truncate_all(bytes, size, NULL);
	free(bytes);
	bytes = tiny("zstd", &size);
	truncate_all(bytes, size, NULL);
	free(bytes);
	craft_whole(&c, &secret);
	truncate_all(c.bytes, c.size, &secret);
	craft_free(&c);
}

/* The same through a pipe, at the places where something ends. */
static void cut_pipe_is_noticed(void **state)
{
	static const size_t cuts[] = { 1, 9, 31, 32, 33, 255, 256, 257, 303, 304 };
	const struct source_options how = pump_options(NULL);
	uint8_t *bytes;
	unsigned int i;
	size_t size;

	(void)state;
	bytes = tiny("none", &size);
	for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		assert_int_not_equal(pump_pipe(bytes, cuts[i], &how, NULL, NULL), 0);
		msg_error_clear();
		assert_fails(pump_pipe(bytes, size - cuts[i], &how, NULL, NULL), "cut short");
	}
	assert_works(pump_pipe(bytes, size, &how, NULL, NULL));
	free(bytes);
}

static void nothing_may_follow(void **state)
{
	const struct source_options how = pump_options(NULL);
	struct craft c;

	(void)state;
	craft_whole(&c, NULL);
	c.bytes = realloc(c.bytes, c.size + 1);
	assert_non_null(c.bytes);
	c.bytes[c.size++] = 0;
	assert_fails(pump_bytes(c.bytes, c.size, &how, NULL, NULL), "bytes follow its end");
	assert_fails(pump_pipe(c.bytes, c.size, &how, NULL, NULL), "bytes follow its end");
	craft_free(&c);
}

/* What is wrong with an image whose checksums are all right, in these words. */
static void assert_refused(struct craft *c, const struct crypt_secret *key, const char *text)
{
	struct source_options how = pump_options(key);
	struct sink sink;

	for (how.threads = 1; how.threads <= 2; how.threads++) {
		sink_init(&sink);
		assert_fails(pump_bytes(c->bytes, c->size, &how, &sink.img, NULL), text);
		assert_int_equal(sink.tails, 0);
		sink_free(&sink);
	}
	craft_free(c);
}

static void assert_accepted(struct craft *c)
{
	const struct source_options how = pump_options(NULL);

	assert_works(pump_bytes(c->bytes, c->size, &how, NULL, NULL));
	craft_free(c);
}

static void unknown_sections_are_skipped_or_named(void **state)
{
	struct craft c;

	(void)state;
	craft_begin(&c, NULL);
	craft_header(&c);
	craft_section(&c, 0x00040009, 0, "tmem", 4);
	craft_head(&c);
	craft_section(&c, 0x00057777, 0, NULL, 0);
	craft_p2m(&c, 9);
	craft_page(&c);
	craft_section(&c, 0x00010063, 0, "pages of another kind", 21);
	craft_state(&c);
	craft_index(&c);
	craft_section(&c, 0x00057778, 0, "late", 4);
	craft_end(&c, 1);
	craft_footer(&c);
	assert_accepted(&c);
	craft_begin(&c, NULL);
	craft_header(&c);
	craft_head(&c);
	craft_section(&c, 0x00040009, MANDATORY, "tmem", 4);
	assert_refused(&c, NULL, "mandatory section of the unknown type 0x40009 at offset");
}

static void section_with_flags(uint32_t flags, const char *text)
{
	struct craft c;

	craft_begin(&c, NULL);
	craft_header(&c);
	craft_section(&c, 0x00050001, flags, "x", 1);
	assert_refused(&c, NULL, text);
}

static void unknown_flags_are_refused(void **state)
{
	(void)state;
	section_with_flags(2, "an unknown flag");
	section_with_flags(1u << 31, "an unknown flag");
}

/* An image that is whole but for @field of its header, of @size bytes, being @value. */
static void header_with(size_t offset, size_t size, uint64_t value, const char *text)
{
	struct craft c;

	craft_begin(&c, NULL);
	memcpy((uint8_t *)&c.s.header + offset, &value, size);
	craft_header(&c);
	craft_head(&c);
	craft_p2m(&c, 9);
	craft_page(&c);
	craft_state(&c);
	craft_index(&c);
	craft_end(&c, 1);
	craft_footer(&c);
	assert_refused(&c, NULL, text);
}

#define HEADER(field, value, text)                                                   \
	header_with(offsetof(struct stillpoint_image_header, field),                 \
		    sizeof(((struct stillpoint_image_header *)NULL)->field) > 8 ?    \
			    1 :                                                      \
			    sizeof(((struct stillpoint_image_header *)NULL)->field), \
		    value, text)

static void other_headers_are_refused(void **state)
{
	(void)state;
	HEADER(version, 2, "version 2");
	HEADER(byteorder, 0x04030201, "byte order");
	HEADER(byteorder, 0x01020305, "damaged: byte order");
	HEADER(layout, 3, "unknown layout 3; a newer tool is needed");
	HEADER(mandatory, 4, "unknown mandatory feature 0x4");
	HEADER(mandatory, 1ull << 63, "unknown mandatory feature 0x8000000000000000");
	HEADER(page_bytes, 8192, "size of pages");
	HEADER(frame_bytes, 65535, "size of frames");
	HEADER(frame_bytes, 60 << 10, "size of frames");
	HEADER(frame_bytes, 2 << 20, "size of frames");
	HEADER(frame_bytes, 0xfffff000, "size of frames");
	HEADER(places, 1, "places");
	HEADER(data, 4096, "places");
	HEADER(reserved0, 1, "reserved");
	HEADER(reserved1, 1, "reserved");
	HEADER(kdf, 1, "not encrypted");
	HEADER(kdf_log_n, 1, "not encrypted");
	HEADER(kdf_r, 1, "not encrypted");
	HEADER(kdf_p, 1, "not encrypted");
	HEADER(salt, 1, "not encrypted");
}

static void optional_features_are_ignored(void **state)
{
	struct craft c;

	(void)state;
	craft_begin(&c, NULL);
	c.s.header.optional = UINT64_MAX;
	craft_header(&c);
	craft_head(&c);
	craft_p2m(&c, 9);
	craft_page(&c);
	craft_state(&c);
	craft_index(&c);
	craft_end(&c, UINT64_MAX);
	craft_footer(&c);
	assert_accepted(&c);
}

/* A frame with these fields and runs, after a p2m up to pfn 9. */
static void frame_with(const struct stillpoint_frame *head, const struct stillpoint_run *runs,
		       const char *text)
{
	struct craft c;

	craft_begin(&c, NULL);
	craft_header(&c);
	craft_head(&c);
	craft_p2m(&c, 9);
	craft_page(&c);
	craft_frame(&c, head, runs);
	craft_state(&c);
	craft_index(&c);
	craft_end(&c, UINT64_MAX);
	craft_footer(&c);
	if (text)
		assert_refused(&c, NULL, text);
	else
		assert_accepted(&c);
}

static void one_run(uint64_t pfn, uint32_t count, uint8_t kind, uint8_t type, const char *text)
{
	struct stillpoint_run run = { .pfn = pfn, .count = count, .kind = kind, .type = type };
	struct stillpoint_frame head = { .runs = 1 };

	if (kind == STILLPOINT_PAGE_DATA && count <= 16)
		head.raw = count * PAGE_BYTES;
	head.stored = head.raw;
	frame_with(&head, &run, text);
}

static void hostile_runs_are_refused(void **state)
{
	struct stillpoint_run reserved = { .pfn = 1, .count = 1, .kind = 2, .reserved = 1 };
	const struct stillpoint_frame head = { .runs = 1 };

	(void)state;
	one_run(0, 10, STILLPOINT_PAGE_ZERO, 0, NULL);
	one_run(9, 1, STILLPOINT_PAGE_FREE, 0, NULL);
	one_run(0, 2, STILLPOINT_PAGE_NONE, 15, NULL);
	one_run(8, 2, STILLPOINT_PAGE_DATA, 9, NULL);
	one_run(0, 0, STILLPOINT_PAGE_ZERO, 0, "an impossible run");
	one_run(10, 1, STILLPOINT_PAGE_ZERO, 0, "outside of the guest");
	one_run(9, 2, STILLPOINT_PAGE_ZERO, 0, "outside of the guest");
	one_run(0, 11, STILLPOINT_PAGE_DATA, 0, "outside of the guest");
	one_run(1, UINT32_MAX, STILLPOINT_PAGE_ZERO, 0, "outside of the guest");
	one_run(UINT64_MAX, 2, STILLPOINT_PAGE_ZERO, 0, "outside of the guest");
	one_run(UINT64_MAX - 1, UINT32_MAX, STILLPOINT_PAGE_NONE, 15, "outside of the guest");
	one_run(0, 1, 4, 0, "unknown type");
	one_run(0, 1, 255, 0, "unknown type");
	one_run(0, 1, STILLPOINT_PAGE_DATA, 5, "unknown type");
	one_run(0, 1, STILLPOINT_PAGE_DATA, 8, "unknown type");
	one_run(0, 1, STILLPOINT_PAGE_DATA, 15, "unknown type");
	one_run(0, 1, STILLPOINT_PAGE_DATA, 16, "unknown type");
	one_run(0, 1, STILLPOINT_PAGE_DATA, 255, "unknown type");
	one_run(0, 1, STILLPOINT_PAGE_ZERO, 1, "unknown type");
	one_run(0, 1, STILLPOINT_PAGE_FREE, 4, "unknown type");
	one_run(0, 1, STILLPOINT_PAGE_NONE, 0, "unknown type");
	frame_with(&head, &reserved, "an impossible run");
}

/* @n frames of @run, in a guest of four pfns of which one came before. */
static void runs_again(const struct stillpoint_run *run, unsigned int n, const char *text)
{
	static const struct stillpoint_frame head = { .runs = 1 };
	struct craft c;
	unsigned int i;

	craft_begin(&c, NULL);
	craft_header(&c);
	craft_head(&c);
	craft_p2m(&c, 3);
	craft_page(&c);
	for (i = 0; i < n; i++)
		craft_frame(&c, &head, run);
	craft_state(&c);
	craft_index(&c);
	craft_end(&c, UINT64_MAX);
	craft_footer(&c);
	if (text)
		assert_refused(&c, NULL, text);
	else
		assert_accepted(&c);
}

/* A few bytes could tell of all pages again and again. */
static void pages_that_come_too_often_are_refused(void **state)
{
	const struct stillpoint_run zero = { .count = 4, .kind = STILLPOINT_PAGE_ZERO };
	const struct stillpoint_run none = { .count = 1, .type = 15 };

	(void)state;
	runs_again(&zero, 63, NULL);
	runs_again(&zero, 64, "pages come again too often in PAGES at offset");
	runs_again(&none, 255, NULL);
	runs_again(&none, 256, "pages come again too often in PAGES at offset");
}

static uint64_t interrupted_pages;

/* A signal comes with pfn 5. */
static int interrupted_page(struct image *img, const struct image_page *given)
{
	(void)img;
	interrupted_pages++;
	return given->pfn == 5 ? raise(SIGTERM) : 0;
}

static int interrupted_head(struct image *img, const struct image_head *given)
{
	(void)img;
	(void)given;
	return 0;
}

static int interrupted_p2m(struct image *img, const struct image_p2m *given)
{
	(void)img;
	(void)given;
	return 0;
}

static int interrupted_flush(struct image *img)
{
	(void)img;
	return 0;
}

static void signal_ends_the_longest_run(void **state)
{
	static const struct image_ops ops = {
		.head = interrupted_head,
		.p2m = interrupted_p2m,
		.page = interrupted_page,
		.flush = interrupted_flush,
	};
	static const struct stillpoint_frame head = { .runs = 1 };
	const struct stillpoint_run all = { .count = 200000, .kind = STILLPOINT_PAGE_ZERO };
	const struct source_options how = pump_options(NULL);
	struct image img = { .ops = &ops };
	struct craft c;

	(void)state;
	craft_begin(&c, NULL);
	craft_header(&c);
	craft_head(&c);
	craft_p2m(&c, all.count - 1);
	craft_frame(&c, &head, &all);
	craft_state(&c);
	signals_catch();
	interrupted_pages = 0;
	assert_fails(pump_bytes(c.bytes, c.size, &how, &img, NULL), "interrupted by signal 15");
	assert_true(interrupted_pages < 70000);
	signals_reset();
	craft_free(&c);
}

/* What came before is not copied each time. */
static void p2m_that_comes_again_costs_nothing(void **state)
{
	const struct source_options how = pump_options(NULL);
	struct craft c;
	unsigned int i;

	(void)state;
	craft_begin(&c, NULL);
	craft_header(&c);
	craft_head(&c);
	for (i = 0; i < 200; i++)
		craft_p2m(&c, (1 << 20) - 1);
	craft_page(&c);
	craft_state(&c);
	craft_index(&c);
	craft_end(&c, 1);
	craft_footer(&c);
	allocated_begin();
	assert_works(pump_bytes(c.bytes, c.size, &how, NULL, NULL));
	assert_true(allocated_sum() < 64 << 20);
	craft_free(&c);
}

static void only_pages_with_data_are_records(void **state)
{
	static const struct stillpoint_frame head = { .runs = 2 };
	const struct stillpoint_run runs[] = {
		{ .pfn = 3, .count = 4, .kind = STILLPOINT_PAGE_ZERO },
		{ .pfn = 7, .count = 2, .kind = STILLPOINT_PAGE_FREE },
	};
	const struct source_options how = pump_options(NULL);
	struct source_info info;
	struct craft c;

	(void)state;
	craft_begin(&c, NULL);
	craft_header(&c);
	craft_head(&c);
	craft_p2m(&c, 9);
	craft_page(&c);
	craft_frame(&c, &head, runs);
	craft_page(&c);
	craft_state(&c);
	craft_index(&c);
	craft_end(&c, 7);
	craft_footer(&c);
	assert_works(pump_bytes(c.bytes, c.size, &how, NULL, &info));
	assert_int_equal(info.records, 2);
	assert_int_equal(info.pages[STILLPOINT_PAGE_ZERO], 4);
	craft_free(&c);
}

static void two_runs(uint64_t pfn1, uint32_t count1, uint64_t pfn2, uint32_t count2,
		     const char *text)
{
	const struct stillpoint_run runs[] = {
		{ .pfn = pfn1, .count = count1, .kind = STILLPOINT_PAGE_ZERO },
		{ .pfn = pfn2, .count = count2, .kind = STILLPOINT_PAGE_FREE },
	};
	const struct stillpoint_frame head = { .runs = 2 };

	frame_with(&head, runs, text);
}

static void pages_that_are_there_twice_are_refused(void **state)
{
	(void)state;
	two_runs(0, 5, 5, 5, NULL);
	two_runs(5, 5, 0, 5, NULL);
	two_runs(0, 5, 4, 5, "there twice");
	two_runs(5, 5, 0, 6, "there twice");
	two_runs(3, 1, 3, 1, "there twice");
	two_runs(0, 10, 3, 1, "there twice");
	two_runs(3, 1, 0, 10, "there twice");
}

/* A frame of one run with @count pages of data, and these sizes. */
static void sizes(uint32_t codec, uint32_t count, uint32_t raw, uint32_t stored, const char *text)
{
	const struct stillpoint_run run = { .count = count, .kind = STILLPOINT_PAGE_DATA };
	const struct stillpoint_frame head = {
		.codec = codec,
		.runs = 1,
		.raw = raw,
		.stored = stored,
	};

	frame_with(&head, &run, text);
}

static void hostile_sizes_are_refused(void **state)
{
	(void)state;
	sizes(0, 1, 4096, 4096, NULL);
	sizes(0, 1, 4096, 4095, "size of what is stored");
	sizes(0, 1, 4096, 4097, "size of what is stored");
	sizes(0, 1, 4095, 4095, "size of pages");
	sizes(0, 1, 0xfffff000, 1, "size of pages");
	sizes(0, 9, 65536 + 4096, 65536 + 4096, "size of pages");
	sizes(0, 1, 8192, 8192, "another number of pages");
	sizes(0, 2, 4096, 4096, "another number of pages");
	sizes(0, 1, 0, 0, "another number of pages");
	sizes(1, 1, 4096, 4096, "size of what is stored");
	sizes(2, 1, 4096, 5000, "size of what is stored");
	sizes(1, 1, 4096, 0, "does not decompress");
	sizes(2, 1, 4096, 0, "does not decompress");
	sizes(1, 1, 4096, 100, "does not decompress");
	sizes(2, 1, 4096, 100, "does not decompress");
	sizes(3, 1, 4096, 100, "compressed in the unknown way 3");
	sizes(UINT32_MAX, 1, 4096, 100, "compressed in the unknown way 4294967295");
}

/* A PAGES section with any body. */
static void body_with(const void *body, size_t size, const char *text)
{
	struct craft c;

	craft_begin(&c, NULL);
	craft_header(&c);
	craft_head(&c);
	craft_p2m(&c, 9);
	craft_section(&c, STILLPOINT_SECTION_PAGES, MANDATORY, body, size);
	craft_state(&c);
	craft_index(&c);
	craft_end(&c, UINT64_MAX);
	craft_footer(&c);
	assert_refused(&c, NULL, text);
}

static void frames_of_wrong_length_are_refused(void **state)
{
	static uint32_t words[64 << 10];

	(void)state;
	body_with(NULL, 0, "a wrong size");
	body_with(words, 15, "a wrong size");
	body_with(words, 16, "number of runs");
	words[1] = 1;
	body_with(words, 16, "a wrong size");
	body_with(words, 40, "a wrong size");
	words[1] = STILLPOINT_FRAME_RUNS_MAX + 1;
	body_with(words, 16 + 16 * words[1], "number of runs");
	words[1] = 0x10000001;
	body_with(words, 32, "number of runs");
	body_with(words, 16 + 65536 + 65537, "an impossible length");
}

/* Few bytes that would become many, in a frame that says it has one page. */
static void compressed(uint32_t codec, const uint8_t *bytes, size_t size)
{
	struct stillpoint_frame head = { .codec = codec, .runs = 1, .raw = PAGE_BYTES };
	const struct stillpoint_run run = { .pfn = 1, .count = 1, .kind = STILLPOINT_PAGE_DATA };
	uint8_t body[sizeof(head) + sizeof(run) + PAGE_BYTES];

	head.stored = size;
	memcpy(body, &head, sizeof(head));
	memcpy(body + sizeof(head), &run, sizeof(run));
	memcpy(body + sizeof(head) + sizeof(run), bytes, size);
	body_with(body, sizeof(head) + sizeof(run) + size, "does not decompress");
}

static void bombs_are_refused(void **state)
{
	const size_t size = 1 << 20;
	uint8_t *zeroes = calloc(1, size), *packed = malloc(size);
	struct codec_choice choice = { .level = 1 };
	struct codec *codec;
	size_t n;

	(void)state;
	assert_true(zeroes && packed);
	for (choice.codec = 1; choice.codec <= 2; choice.codec++) {
		codec = codec_new(&choice);
		assert_non_null(codec);
		/* Far more; one byte more; one byte less. */
		n = codec_compress(codec, zeroes, 500000, packed, size);
		assert_true(n && n < PAGE_BYTES);
		compressed(choice.codec, packed, n);
		n = codec_compress(codec, zeroes, PAGE_BYTES + 1, packed, size);
		compressed(choice.codec, packed, n);
		n = codec_compress(codec, zeroes, PAGE_BYTES - 1, packed, size);
		compressed(choice.codec, packed, n);
		/* With something behind it. */
		n = codec_compress(codec, zeroes, PAGE_BYTES, packed, size);
		memset(packed + n, 0, 8);
		compressed(choice.codec, packed, n + 8);
		codec_free(codec);
	}
	free(zeroes);
	free(packed);
}

/* What stands where, wrongly: each letter is a section, see below. */
static void order(const char *sections, const char *text)
{
	struct section_body body;
	struct craft c;

	craft_begin(&c, NULL);
	craft_header(&c);
	for (; *sections; sections++) {
		switch (*sections) {
		case 'H':
			craft_head(&c);
			break;
		case 'C':
			craft_section(&c, STILLPOINT_SECTION_CONFIG, MANDATORY, "{}", 2);
			break;
		case '2':
			craft_p2m(&c, 9);
			break;
		case 'P':
			craft_page(&c);
			break;
		case 'S':
			craft_state(&c);
			break;
		case 'v':
			craft_vcpu(&body, 3);
			craft_section(&c, STILLPOINT_SECTION_VCPU, MANDATORY, body.data, body.size);
			section_body_free(&body);
			break;
		case 'L':
			craft_section(&c, STILLPOINT_SECTION_PLACES, MANDATORY, "0123456789abcdef",
				      16);
			break;
		case 'I':
			craft_index(&c);
			break;
		case 'E':
			craft_end(&c, UINT64_MAX);
			craft_footer(&c);
			break;
		}
	}
	if (text)
		assert_refused(&c, NULL, text);
	else
		assert_accepted(&c);
}

static void order_is_kept(void **state)
{
	(void)state;
	order("H2PSIE", NULL);
	order("H2P2PSvIE", NULL);
	order("C2PSIE", "CONFIG or PLATFORM is missing");
	order("2PSIE", "CONFIG or PLATFORM is missing");
	order("HPSIE", "pages before any P2M");
	order("HSE", "no P2M");
	order("H2CPSIE", "CONFIG at offset");
	order("H2SPIE", "PAGES at offset");
	order("H2PS2IE", "P2M at offset");
	order("H2PISE", "TSC at offset");
	order("H2PLSIE", "PLACES at offset");
	order("H2PIE", "no TSC");
	order("H2PvIE", "no TSC");
	order("H2PSvvIE", "a vCPU that was there before");
	order("H2PSE", "INDEX tells of 0 sections, there are 2");
	order("H2PSIIE", "a wrong size in INDEX");
	order("H2SIE", "pfn 0x2, is not plain memory");
	order("H2PSIEE", "bytes follow its end");
	order("E", "CONFIG or PLATFORM is missing");
	order("H2PSI", "cut short");
	order("", "cut short");
}

/* Change what END, the footer or the index say. */
static void end_with(uint64_t pages, int field, const char *text)
{
	struct craft c;

	craft_begin(&c, NULL);
	craft_header(&c);
	craft_head(&c);
	craft_p2m(&c, 9);
	craft_page(&c);
	craft_state(&c);
	if (field == 1)
		c.index.entries[1].offset++;
	if (field == 2)
		c.index.entries[1].highest = 0;
	if (field == 3)
		c.index.entries[0].number++;
	craft_index(&c);
	if (field == 4)
		c.s.next++;
	craft_end(&c, pages);
	c.footer.length += field == 5;
	c.footer.index += field == 6;
	c.footer.end -= field == 7;
	c.footer.sections += field == 8;
	craft_footer(&c);
	if (text)
		assert_refused(&c, NULL, text);
	else
		assert_accepted(&c);
}

static void ends_that_do_not_fit_are_refused(void **state)
{
	(void)state;
	end_with(1, 0, NULL);
	end_with(UINT64_MAX, 0, NULL);
	end_with(2, 0, "it has 1 pages, its END says 2");
	end_with(0, 0, "it has 1 pages, its END says 0");
	end_with(1, 1, "does not tell what is in the image");
	end_with(1, 2, "does not tell what is in the image");
	end_with(1, 3, "does not tell what is in the image");
	end_with(1, 4, "stands at offset");
	end_with(1, 5, "its footer says");
	end_with(1, 6, "wrong offsets");
	end_with(1, 7, "wrong offsets");
	end_with(1, 8, "wrong offsets");
}

/* Sections of another image do not fit into this one, nor do they at another place. */
static void sections_of_other_images_do_not_fit(void **state)
{
	const struct source_options how = pump_options(NULL);
	struct craft one, two;
	size_t n;

	(void)state;
	craft_whole(&one, NULL);
	craft_whole(&two, NULL);
	assert_int_equal(one.size, two.size);
	n = one.index.entries[1].offset;
	memcpy(one.bytes + n, two.bytes + n, sizeof(struct stillpoint_section));
	assert_fails(pump_bytes(one.bytes, one.size, &how, NULL, NULL), "a wrong checksum");
	craft_free(&one);
	craft_free(&two);
}

/* An encrypted section does not decrypt as another, even if all checksums are made new. */
static void encrypted_sections_stay_where_they_are(void **state)
{
	struct source_options how = pump_options(&secret);
	struct stillpoint_section h;
	struct craft one, two;
	uint8_t *body;

	(void)state;
	craft_whole(&one, &secret);
	assert_works(pump_bytes(one.bytes, one.size, &how, NULL, NULL));
	craft_begin(&two, &secret);
	craft_header(&two);
	/* The stored body of the first section, which two's own key would not make. */
	body = one.bytes + sizeof(two.s.header) + sizeof(h);
	memcpy(&h, body - sizeof(h), sizeof(h));
	crypt_free(two.s.crypt);
	two.s.crypt = NULL;
	craft_section(&two, h.type, h.flags, body, h.length);
	assert_refused(&two, &secret, "the key does not fit, or someone changed the image");
	craft_free(&one);
}

static void hostile_scrypt_is_refused(void **state)
{
	static const uint32_t bad[][4] = {
		{ 2, 1, 1, 1 },	 { 0, 1, 1, 1 },  { 1, 0, 1, 1 },  { 1, 21, 1, 1 },
		{ 1, 64, 1, 1 }, { 1, 1, 0, 1 },  { 1, 1, 17, 1 }, { 1, 1, UINT32_MAX, 1 },
		{ 1, 1, 1, 0 },	 { 1, 1, 1, 17 },
	};
	struct craft c;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		craft_begin(&c, &secret);
		c.s.header.kdf = bad[i][0];
		c.s.header.kdf_log_n = bad[i][1];
		c.s.header.kdf_r = bad[i][2];
		c.s.header.kdf_p = bad[i][3];
		craft_header(&c);
		assert_refused(&c, &secret, bad[i][0] == 1 ? "asks for scrypt" : "unknown way");
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, tempdir_setup, tempdir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_bit_matters_uncompressed),
		TEST(every_bit_matters_compressed),
		TEST(every_bit_matters_encrypted),
		TEST(every_byte_is_missed),
		TEST(cut_pipe_is_noticed),
		TEST(nothing_may_follow),
		TEST(unknown_sections_are_skipped_or_named),
		TEST(unknown_flags_are_refused),
		TEST(other_headers_are_refused),
		TEST(optional_features_are_ignored),
		TEST(hostile_runs_are_refused),
		TEST(pages_that_come_too_often_are_refused),
		TEST(signal_ends_the_longest_run),
		TEST(p2m_that_comes_again_costs_nothing),
		TEST(only_pages_with_data_are_records),
		TEST(pages_that_are_there_twice_are_refused),
		TEST(hostile_sizes_are_refused),
		TEST(frames_of_wrong_length_are_refused),
		TEST(bombs_are_refused),
		TEST(order_is_kept),
		TEST(ends_that_do_not_fit_are_refused),
		TEST(sections_of_other_images_do_not_fit),
		TEST(encrypted_sections_stay_where_they_are),
		TEST(hostile_scrypt_is_refused),
	};

	return cmocka_run_group_tests_name("packed_damage", tests, NULL, NULL);
}
