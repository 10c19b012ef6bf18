// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tempdir.h"
#include "volumes.h"

#define MIB (UINT64_C(1) << 20)

static int fd;

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	msg_error_clear();
	fd = open("disk", O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 8 * MIB), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(fd);
	tempdir_leave();
	return 0;
}

static void put(uint64_t at, const void *data, size_t size)
{
	assert_int_equal(pwrite(fd, data, size, at), size);
}

/* As much of an ext2 superblock at @at as libblkid looks at; ext4's with @features. */
static void put_ext(uint64_t at, const uint8_t features[12])
{
	uint32_t blocks = 1024;

	put(at + 1024 + 4, &blocks, 4);
	put(at + 1024 + 0x38, "\x53\xef", 2);
	put(at + 1024 + 0x4c, "\1", 1);
	put(at + 1024 + 0x5c, features, 12);
}

/* An entry of an MBR, in sectors. */
static void put_partition(unsigned int n, uint8_t type, uint32_t start, uint32_t size)
{
	uint8_t entry[16] = { [4] = type };

	memcpy(entry + 8, &start, 4);
	memcpy(entry + 12, &size, 4);
	put(446 + n * 16, entry, sizeof(entry));
	put(510, "\x55\xaa", 2);
}

static const uint8_t ext2[12] = { 0 };
/* With a journal, and extents. */
static const uint8_t ext4[12] = { 4, 0, 0, 0, 0x40 };

static void test_nothing(void **state)
{
	struct volumes v;

	(void)state;
	assert_works(volumes_find(&v, fd, "disk"));
	assert_int_equal(v.n, 1);
	assert_string_equal(v.volume[0].type, "");
	assert_null(volumes_options(v.volume[0].type));
	volumes_free(&v);
}

static void test_whole(void **state)
{
	struct volumes v;

	(void)state;
	put_ext(0, ext4);
	assert_works(volumes_find(&v, fd, "disk"));
	assert_int_equal(v.n, 1);
	assert_int_equal(v.volume[0].partition, 0);
	assert_int_equal(v.volume[0].offset, 0);
	assert_int_equal(v.volume[0].bytes, 8 * MIB);
	assert_string_equal(v.volume[0].type, "ext4");
	/* Its journal is not replayed. */
	assert_string_equal(volumes_options("ext4"), ",noload");
	volumes_free(&v);
}

static void test_partitions(void **state)
{
	struct volumes v;

	(void)state;
	put_partition(0, 0x83, 2048, 2048);
	put_partition(1, 0x82, 4096, 2048);
	put_partition(2, 0x83, 6144, 4096);
	put_ext(1 * MIB, ext2);
	put_ext(3 * MIB, ext4);
	assert_works(volumes_find(&v, fd, "disk"));
	assert_int_equal(v.n, 3);
	assert_string_equal(v.volume[0].type, "ext2");
	assert_int_equal(v.volume[0].partition, 1);
	assert_int_equal(v.volume[0].offset, 1 * MIB);
	assert_int_equal(v.volume[0].bytes, 1 * MIB);
	assert_string_equal(v.volume[1].type, "");
	assert_string_equal(v.volume[2].type, "ext4");
	assert_int_equal(v.volume[2].partition, 3);
	assert_int_equal(v.volume[2].bytes, 2 * MIB);
	volumes_free(&v);
}

/* A guest may write any table: nothing beyond the file is believed. */
static void test_hostile_table(void **state)
{
	struct volumes v;
	size_t i;

	(void)state;
	put_partition(0, 0x83, 2048, 0xffffffff);
	put_partition(1, 0x83, 0xffffffff, 0xffffffff);
	put_partition(2, 0x83, 16383, 2);
	put_partition(3, 0x83, 16383, 1);
	assert_works(volumes_find(&v, fd, "disk"));
	for (i = 0; i < v.n; i++)
		assert_true(v.volume[i].offset + v.volume[i].bytes <= 8 * MIB);
	volumes_free(&v);
}

static void test_types(void **state)
{
	(void)state;
	assert_non_null(volumes_options("xfs"));
	assert_null(volumes_options("swap"));
	assert_null(volumes_options("LVM2_member"));
	assert_null(volumes_options("nfs"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_partitions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_table, setup, teardown),
		cmocka_unit_test(test_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
