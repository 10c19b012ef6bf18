// SPDX-License-Identifier: GPL-2.0
/* What was kept of tmem pools is read as it was written, or it is told that it is not. */
#include "unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "image/tmem_spool.h"
#include "tempdir.h"

#define PARTS 3
#define PART_BYTES 100000

/* Of what stands before a part: the type, whether it is mandatory, the size. */
#define HEAD_BYTES 16
#define HEAD_SIZE_AT 8

static struct output out;
static struct tmem_spool spool;
static uint8_t body[PART_BYTES];

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	assert_works(output_open(&out, "image", false));
	tmem_spool_init(&spool);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tmem_spool_free(&spool);
	output_close(&out);
	tempdir_leave();
	msg_error_clear();
	return 0;
}

static struct image_tmem part_of(unsigned int i)
{
	size_t n;

	for (n = 0; n < sizeof(body); n++)
		body[n] = n * 7 + i;
	return (struct image_tmem){
		.type = STILLPOINT_SECTION_TMEM_PAGES + i,
		.mandatory = i & 1,
		.body = body,
		.size = i == 1 ? 0 : sizeof(body),
	};
}

static void add_parts(void)
{
	struct image_tmem part;
	unsigned int i;

	for (i = 0; i < PARTS; i++) {
		part = part_of(i);
		assert_works(tmem_spool_add(&spool, &out, &part));
	}
}

/* Take all parts, whatever is in them; returns what the last call did. */
static int take_parts(void)
{
	struct image_tmem part;
	int ret;

	while ((ret = tmem_spool_next(&spool, &part)) > 0)
		free((void *)part.body);
	return ret;
}

static void parts_come_back_in_order(void **state)
{
	struct image_tmem part, want;
	unsigned int i;

	(void)state;
	add_parts();
	for (i = 0; i < PARTS; i++) {
		assert_int_equal(tmem_spool_next(&spool, &part), 1);
		want = part_of(i);
		assert_int_equal(part.type, want.type);
		assert_int_equal(part.mandatory, want.mandatory);
		assert_int_equal(part.size, want.size);
		assert_memory_equal(part.body, want.body, want.size);
		free((void *)part.body);
	}
	assert_int_equal(tmem_spool_next(&spool, &part), 0);
	assert_int_equal(tempdir_count("."), 0);
}

static void no_part_is_none(void **state)
{
	struct image_tmem part;

	(void)state;
	assert_int_equal(tmem_spool_next(&spool, &part), 0);
}

/* As after an error of the disk, which takes the bytes out of the page cache. */
static void bytes_that_were_lost_are_found(void **state)
{
	const uint8_t zeroes[4096] = { 0 };

	(void)state;
	add_parts();
	assert_int_equal(pwrite(spool.fd, zeroes, sizeof(zeroes), 8192), sizeof(zeroes));
	assert_fails(take_parts(), "does not read back as it was written");
}

static void one_bit_is_found(void **state)
{
	uint8_t byte;

	(void)state;
	add_parts();
	assert_int_equal(pread(spool.fd, &byte, 1, spool.size - 1), 1);
	byte ^= 1;
	assert_int_equal(pwrite(spool.fd, &byte, 1, spool.size - 1), 1);
	assert_fails(take_parts(), "does not read back as it was written");
}

static void file_that_is_cut_short_is_found(void **state)
{
	(void)state;
	add_parts();
	assert_int_equal(ftruncate(spool.fd, spool.size - 1), 0);
	assert_fails(take_parts(), "too short");
}

/* No memory is asked for, and nothing behind the part is read. */
static void impossible_size_is_refused(void **state)
{
	const uint64_t sizes[] = { STILLPOINT_SECTION_MAX + 1, UINT64_MAX };
	struct image_tmem part;
	unsigned int i;

	(void)state;
	add_parts();
	for (i = 0; i < 2; i++) {
		spool.at = 0;
		assert_int_equal(pwrite(spool.fd, &sizes[i], sizeof(sizes[i]), HEAD_SIZE_AT),
				 sizeof(sizes[i]));
		assert_fails(tmem_spool_next(&spool, &part),
			     "does not read back as it was written");
		assert_int_equal(spool.at, HEAD_BYTES);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(parts_come_back_in_order),	       TEST(no_part_is_none),
		TEST(bytes_that_were_lost_are_found),  TEST(one_bit_is_found),
		TEST(file_that_is_cut_short_is_found), TEST(impossible_size_is_refused),
	};

	return cmocka_run_group_tests_name("tmem_spool", tests, NULL, NULL);
}
