// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <stdlib.h>

#include "image/codec.h"

#define SIZE 262144

static uint8_t *text, *noise, *room, *back;

static int setup(void **state)
{
	size_t i;

	(void)state;
	text = malloc(SIZE);
	noise = malloc(SIZE);
	room = malloc(2 * SIZE);
	back = malloc(SIZE);
	if (!text || !noise || !room || !back)
		return -1;
	for (i = 0; i < SIZE; i++) {
		text[i] = "a page of a guest "[i % 18] + (i >> 12);
		noise[i] = rand() >> 8;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(text);
	free(noise);
	free(room);
	free(back);
	return 0;
}

static void names_are_understood(void **state)
{
	struct codec_choice c;

	(void)state;
	assert_works(codec_parse("none", &c));
	assert_int_equal(c.codec, STILLPOINT_CODEC_NONE);
	assert_works(codec_parse("lz4", &c));
	assert_int_equal(c.codec, STILLPOINT_CODEC_LZ4);
	assert_works(codec_parse("zstd", &c));
	assert_int_equal(c.codec, STILLPOINT_CODEC_ZSTD);
	assert_int_equal(c.level, CODEC_ZSTD_LEVEL);
	assert_works(codec_parse("zstd:19", &c));
	assert_int_equal(c.codec, STILLPOINT_CODEC_ZSTD);
	assert_int_equal(c.level, 19);
	assert_string_equal(codec_name(STILLPOINT_CODEC_NONE), "none");
	assert_string_equal(codec_name(STILLPOINT_CODEC_LZ4), "lz4");
	assert_string_equal(codec_name(STILLPOINT_CODEC_ZSTD), "zstd");
	assert_null(codec_name(3));
	assert_null(codec_name(UINT32_MAX));
}

static void other_names_are_refused(void **state)
{
	static const char *const bad[] = { "", "gzip", "zstd1", "lz4:1", "None", "zst", "none " };
	static const char *const levels[] = {
		"", "0", "23", "-1", "+1", " 1", "1x", "99999999999"
	};
	struct codec_choice c;
	char name[32];
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_fails(codec_parse(bad[i], &c), "there is no compression");
	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		strcpy(name, "zstd:");
		strcat(name, levels[i]);
		assert_fails(codec_parse(name, &c), "zstd has no level");
	}
}

static void check_codec(const char *name)
{
	struct codec_choice c;
	struct codec *codec;
	size_t n, again;

	assert_works(codec_parse(name, &c));
	codec = codec_new(&c);
	assert_non_null(codec);
	assert_true(codec_bound(&c, SIZE) >= SIZE && codec_bound(&c, SIZE) < 2 * SIZE);
	n = codec_compress(codec, text, SIZE, room, codec_bound(&c, SIZE));
	assert_true(n && n < SIZE / 4);
	memset(back, 0, SIZE);
	assert_int_equal(codec_decompress(codec, c.codec, room, n, back, SIZE), 0);
	assert_memory_equal(back, text, SIZE);
	/* The same bytes again: nothing is left of the first. */
	again = codec_compress(codec, text, SIZE, room, codec_bound(&c, SIZE));
	assert_int_equal(again, n);
	assert_int_equal(codec_compress(codec, noise, SIZE, room, codec_bound(&c, SIZE)), 0);
	assert_int_equal(codec_compress(codec, text, SIZE, room, 100), 0);
	codec_free(codec);
}

static void bytes_come_back(void **state)
{
	(void)state;
	check_codec("lz4");
	check_codec("zstd");
	check_codec("zstd:9");
}

static void whoever_reads_takes_all(void **state)
{
	const struct codec_choice lz4 = { .codec = STILLPOINT_CODEC_LZ4 };
	const struct codec_choice zstd = { .codec = STILLPOINT_CODEC_ZSTD, .level = 1 };
	struct codec *one = codec_new(&lz4), *two = codec_new(&zstd);
	size_t n;

	(void)state;
	assert_true(one && two);
	n = codec_compress(one, text, SIZE, room, SIZE);
	assert_int_equal(codec_decompress(two, STILLPOINT_CODEC_LZ4, room, n, back, SIZE), 0);
	assert_memory_equal(back, text, SIZE);
	assert_int_not_equal(codec_decompress(two, STILLPOINT_CODEC_ZSTD, room, n, back, SIZE), 0);
	n = codec_compress(two, text, SIZE, room, SIZE);
	memset(back, 0, SIZE);
	assert_int_equal(codec_decompress(one, STILLPOINT_CODEC_ZSTD, room, n, back, SIZE), 0);
	assert_memory_equal(back, text, SIZE);
	assert_int_not_equal(codec_decompress(one, STILLPOINT_CODEC_LZ4, room, n, back, SIZE), 0);
	memset(back, 0, SIZE);
	assert_int_equal(codec_decompress(one, STILLPOINT_CODEC_NONE, text, 100, back, 100), 0);
	assert_memory_equal(back, text, 100);
	assert_int_not_equal(codec_decompress(one, STILLPOINT_CODEC_NONE, text, 99, back, 100), 0);
	assert_int_not_equal(codec_decompress(one, 3, text, 100, back, 100), 0);
	codec_free(one);
	codec_free(two);
}

/* ASan sees a byte too many, as all buffers here have exactly the size that is told. */
static void check_hostile(uint32_t which)
{
	const struct codec_choice choice = { .codec = which, .level = 1 };
	struct codec *codec = codec_new(&choice);
	uint8_t *packed, *small = malloc(4096);
	size_t n, i;

	assert_true(codec && small);
	n = codec_compress(codec, text, 4096, room, codec_bound(&choice, 4096));
	assert_true(n);
	packed = malloc(n);
	assert_non_null(packed);
	memcpy(packed, room, n);
	assert_int_equal(codec_decompress(codec, which, packed, n, small, 4096), 0);
	assert_int_not_equal(codec_decompress(codec, which, packed, n, small, 4095), 0);
	assert_int_not_equal(codec_decompress(codec, which, packed, n - 1, small, 4096), 0);
	assert_int_not_equal(codec_decompress(codec, which, packed, 0, small, 4096), 0);
	for (i = 0; i < n * 8; i++) {
		packed[i / 8] ^= 1 << i % 8;
		/* Whatever comes of it, it stays in its place. */
		codec_decompress(codec, which, packed, n, small, 4096);
		packed[i / 8] ^= 1 << i % 8;
	}
	free(packed);
	packed = malloc(2 * n);
	assert_non_null(packed);
	memcpy(packed, room, n);
	memcpy(packed + n, room, n);
	assert_int_not_equal(codec_decompress(codec, which, packed, 2 * n, back, 8192), 0);
	free(packed);
	free(small);
	codec_free(codec);
}

/* Whoever asks the library would find decoders for these, if it was built with them. */
static void old_formats_of_zstd_are_refused(void **state)
{
	const struct codec_choice choice = { .codec = STILLPOINT_CODEC_ZSTD, .level = 1 };
	struct codec *codec = codec_new(&choice);
	uint8_t magic;
	size_t n;

	(void)state;
	assert_non_null(codec);
	n = codec_compress(codec, text, 4096, room, codec_bound(&choice, 4096));
	assert_int_equal(codec_decompress(codec, STILLPOINT_CODEC_ZSTD, room, n, back, 4096), 0);
	assert_int_equal(room[0], 0x28);
	for (magic = 0x22; magic < 0x28; magic++) {
		room[0] = magic;
		assert_int_not_equal(
			codec_decompress(codec, STILLPOINT_CODEC_ZSTD, room, n, back, 4096), 0);
	}
	codec_free(codec);
}

static void hostile_bytes_do_no_harm(void **state)
{
	(void)state;
	check_hostile(STILLPOINT_CODEC_LZ4);
	check_hostile(STILLPOINT_CODEC_ZSTD);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_are_understood),	TEST(other_names_are_refused),
		TEST(bytes_come_back),		TEST(whoever_reads_takes_all),
		TEST(hostile_bytes_do_no_harm), TEST(old_formats_of_zstd_are_refused),
	};

	return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
