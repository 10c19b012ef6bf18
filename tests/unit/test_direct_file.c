// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "direct_file.h"
#include "signals.h"
#include "tempdir.h"

/* More than the ring of the queue holds, so that its memory is used again. */
#define FILE_BYTES (IOQUEUE_RING + (5u << 20))

static int fd;
static uint8_t *want;

static int setup(void **state)
{
	size_t i;

	(void)state;
	tempdir_enter();
	fd = open("file", O_RDWR | O_CREAT, 0600);
	want = malloc(FILE_BYTES);
	for (i = 0; want && i < FILE_BYTES; i += 4)
		memcpy(want + i, &(uint32_t){ i * 2654435761u + 1 }, 4);
	return fd < 0 || !want;
}

static int teardown(void **state)
{
	(void)state;
	close(fd);
	free(want);
	tempdir_leave();
	return 0;
}

static struct direct_file *file(const struct ioqueue_options *opts)
{
	struct direct_file *d;

	assert_int_equal(ftruncate(fd, 0), 0);
	d = direct_file_new(fd, "file", opts);
	assert_non_null(d);
	return d;
}

/* Pieces of all sizes; every so many of them the file is looked at. */
static void append_all(struct direct_file *d, size_t most, unsigned int settle)
{
	unsigned int seed = most, n;
	size_t at = 0, size;

	for (n = 1; at < FILE_BYTES; n++, at += size) {
		seed = seed * 1103515245 + 12345;
		size = (seed >> 8) % most + 1;
		if (size > FILE_BYTES - at)
			size = FILE_BYTES - at;
		assert_works(direct_file_append(d, want + at, size));
		if (n % settle)
			continue;
		assert_works(direct_file_settle(d));
		tempdir_assert("file", want, at + size);
	}
	assert_works(direct_file_settle(d));
	assert_works(direct_file_settle(d));
	tempdir_assert("file", want, FILE_BYTES);
}

static void bytes_are_in_order_whatever_works(void **state)
{
	const struct ioqueue_options ways[] = {
		{ .fail_direct = 0 },
		{ .fail_direct = EINVAL },
		{ .fail_uring = EPERM },
		{ .fail_direct = EINVAL, .fail_uring = EPERM },
		{ .fail_uring = EPERM, .no_threads = true },
	};
	struct direct_file *d;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		d = file(&ways[i]);
		append_all(d, 3 * IOQUEUE_BYTES, 1000);
		direct_file_free(d);
	}
}

static void file_has_all_when_it_is_settled(void **state)
{
	/* Less than a block, a block and more, and more than a request. */
	const size_t most[] = { 3000, 9000, 2 * IOQUEUE_BYTES };
	const unsigned int settle[] = { 701, 401, 1 };
	struct direct_file *d;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		d = file(NULL);
		append_all(d, most[i], settle[i]);
		direct_file_free(d);
	}
}

static void whole_blocks_are_settled_too(void **state)
{
	struct direct_file *d = file(NULL);

	(void)state;
	assert_works(direct_file_append(d, want, 2 * IOQUEUE_ALIGN));
	assert_works(direct_file_settle(d));
	tempdir_assert("file", want, 2 * IOQUEUE_ALIGN);
	assert_works(direct_file_append(d, want + 2 * IOQUEUE_ALIGN, 1));
	assert_works(direct_file_settle(d));
	tempdir_assert("file", want, 2 * IOQUEUE_ALIGN + 1);
	assert_works(direct_file_append(d, want + 2 * IOQUEUE_ALIGN + 1, IOQUEUE_BYTES));
	assert_works(direct_file_settle(d));
	tempdir_assert("file", want, 2 * IOQUEUE_ALIGN + 1 + IOQUEUE_BYTES);
	direct_file_free(d);
}

/* Whatever goes to the second MiB fails. */
static int fail_later(void *data, const struct ioqueue_request *req, int result)
{
	(void)data;
	return req->offset >= 1u << 20 ? -ENOSPC : result;
}

static void error_of_a_write_is_not_lost(void **state)
{
	const struct ioqueue_options opts = { .result = fail_later };
	struct direct_file *d = file(&opts);

	(void)state;
	assert_works(direct_file_append(d, want, 1000));
	assert_works(direct_file_settle(d));
	assert_works(direct_file_append(d, want + 1000, 1u << 20));
	assert_fails(direct_file_settle(d), "cannot write 'file' at offset 1048576: No space left");
	assert_int_equal(direct_file_settle(d), -1);
	direct_file_free(d);
	d = file(&opts);
	/* Some of it, before all is appended. */
	assert_fails(direct_file_append(d, want, FILE_BYTES), "No space left");
	assert_int_equal(direct_file_append(d, want, FILE_BYTES), -1);
	assert_int_equal(direct_file_settle(d), -1);
	direct_file_free(d);
}

static void signal_ends_it(void **state)
{
	struct direct_file *d = file(NULL);

	(void)state;
	signals_catch();
	assert_works(direct_file_append(d, want, 1000));
	raise(SIGTERM);
	assert_fails(direct_file_append(d, want, FILE_BYTES), "signal 15");
	signals_reset();
	direct_file_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bytes_are_in_order_whatever_works, setup, teardown),
		cmocka_unit_test_setup_teardown(file_has_all_when_it_is_settled, setup, teardown),
		cmocka_unit_test_setup_teardown(whole_blocks_are_settled_too, setup, teardown),
		cmocka_unit_test_setup_teardown(error_of_a_write_is_not_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(signal_ends_it, setup, teardown),
	};

	return cmocka_run_group_tests_name("direct_file", tests, NULL, NULL);
}
