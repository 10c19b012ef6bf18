// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ioqueue.h"
#include "signals.h"
#include "tempdir.h"

#define FILE_BYTES (8u << 20)

static int fd;
static uint8_t *want;

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	fd = open("file", O_RDWR | O_CREAT, 0600);
	want = calloc(1, FILE_BYTES);
	return fd < 0 || !want || ftruncate(fd, FILE_BYTES);
}

static int teardown(void **state)
{
	(void)state;
	close(fd);
	free(want);
	tempdir_leave();
	return 0;
}

/* What the test does to results. */
struct twist {
	int result;
	unsigned int times;
	int most;
};

static int twist_result(void *data, const struct ioqueue_request *req, int result)
{
	struct twist *twist = data;

	(void)req;
	if (twist->times) {
		twist->times--;
		return twist->result;
	}
	return twist->most && result > twist->most ? twist->most : result;
}

static struct ioqueue *queue(bool write, const struct ioqueue_options *opts)
{
	struct ioqueue *q = ioqueue_new(fd, "file", write, opts);

	assert_non_null(q);
	return q;
}

/* Write @size bytes that depend on @seed at @offset. */
static int put(struct ioqueue *q, uint64_t offset, size_t size, unsigned int seed)
{
	struct ioqueue_request *req = ioqueue_room(q);
	size_t i;

	if (!req)
		return -1;
	for (i = 0; i < size; i += 4)
		memcpy(want + offset + i, &(uint32_t){ (offset + i) * 31 + seed * 2654435761u }, 4);
	memcpy(req->data, want + offset, size);
	req->offset = offset;
	req->size = size;
	return ioqueue_start(q, req);
}

/* Requests of all sizes, many of which meet others that are under way. */
static void write_much(struct ioqueue *q)
{
	unsigned int n, seed = 1;
	uint64_t page;
	size_t pages;

	for (n = 0; n < 300; n++) {
		seed = seed * 1103515245 + 12345;
		page = (seed >> 8) % (FILE_BYTES / IOQUEUE_ALIGN);
		pages = n % 50 ? 1 + n % 7 : IOQUEUE_BYTES / IOQUEUE_ALIGN;
		if (page + pages > FILE_BYTES / IOQUEUE_ALIGN)
			page = FILE_BYTES / IOQUEUE_ALIGN - pages;
		assert_works(put(q, page * IOQUEUE_ALIGN, pages * IOQUEUE_ALIGN, n));
	}
	assert_works(ioqueue_drain(q));
	tempdir_assert("file", want, FILE_BYTES);
}

static void read_much(struct ioqueue *q)
{
	struct ioqueue_request *req;
	uint64_t started = 0, given = 0;
	size_t size;

	while (given < FILE_BYTES) {
		while (started < FILE_BYTES && !ioqueue_full(q)) {
			size = (1 + started / IOQUEUE_ALIGN % 97) * IOQUEUE_ALIGN;
			req = ioqueue_room(q);
			assert_non_null(req);
			req->offset = started;
			req->size = started + size > FILE_BYTES ? FILE_BYTES - started : size;
			started += req->size;
			assert_works(ioqueue_start(q, req));
		}
		assert_true(ioqueue_has_next(q));
		req = ioqueue_next(q);
		assert_non_null(req);
		assert_int_equal(req->offset, given);
		assert_memory_equal(req->data, want + given, req->size);
		given += req->size;
		if (!ioqueue_has_next(q) || given % 3 == 0)
			ioqueue_retire(q);
		else if (ioqueue_full(q))
			ioqueue_retire(q);
	}
	assert_false(ioqueue_has_next(q));
}

/* What is written is what is read, with @opts for both; whether it was as is expected. */
static void both_ways(const struct ioqueue_options *opts, bool direct, bool uring)
{
	struct ioqueue *q = queue(true, opts);

	write_much(q);
	assert_int_equal(q->direct, direct);
	assert_int_equal(q->uring, uring);
	ioqueue_free(q);
	q = queue(false, opts);
	read_much(q);
	assert_int_equal(q->direct, direct);
	assert_int_equal(q->uring, uring);
	ioqueue_free(q);
}

/* What this machine can do. */
static bool can_direct(void)
{
	int other = open("file", O_RDWR | O_DIRECT);

	if (other >= 0)
		close(other);
	return other >= 0;
}

static bool can_uring(void)
{
	struct ioqueue *q = queue(false, NULL);
	bool uring = q->uring;

	ioqueue_free(q);
	return uring;
}

static void all_ways_write_and_read(void **state)
{
	const struct ioqueue_options ways[] = {
		{ .fail_direct = 0 },
		{ .fail_direct = EINVAL },
		{ .fail_uring = EPERM },
		{ .fail_uring = EPERM, .fail_direct = EINVAL },
		{ .fail_uring = EPERM, .no_threads = true },
		{ .fail_uring = EPERM, .no_threads = true, .fail_direct = EOPNOTSUPP },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		both_ways(&ways[i], !ways[i].fail_direct && can_direct(),
			  !ways[i].fail_uring && can_uring());
}

/* The file system lets the file be opened with O_DIRECT, and refuses the first request. */
static void refused_requests_go_through_the_cache(void **state)
{
	static const int refusals[] = { -EINVAL, -EOPNOTSUPP };
	unsigned int i;

	(void)state;
	if (!can_direct())
		skip();
	for (i = 0; i < 4; i++) {
		struct twist twist = { .result = refusals[i % 2], .times = 1 };
		struct ioqueue_options opts = {
			.result = twist_result,
			.data = &twist,
			.fail_uring = i / 2 ? EPERM : 0,
		};
		struct ioqueue *q = queue(true, &opts);

		assert_true(q->direct);
		write_much(q);
		assert_false(q->direct);
		ioqueue_free(q);
	}
}

/* Without O_DIRECT, that errno means something else. */
static void other_refusals_are_errors(void **state)
{
	struct twist twist = { .result = -EINVAL, .times = 1 };
	struct ioqueue_options opts = {
		.result = twist_result,
		.data = &twist,
		.fail_direct = EINVAL,
	};
	struct ioqueue *q = queue(true, &opts);

	(void)state;
	assert_works(put(q, 8192, 4096, 1));
	assert_fails(ioqueue_drain(q), "cannot write 'file' at offset 8192: Invalid argument");
	ioqueue_free(q);
}

static void short_results_are_continued(void **state)
{
	static const int most[] = { 4096, 12288, 512, 5000 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		struct twist twist = { .most = most[i % 4] };
		struct ioqueue_options opts = {
			.result = twist_result,
			.data = &twist,
			.fail_uring = i / 4 ? EPERM : 0,
		};
		struct ioqueue *q = queue(true, &opts);
		bool direct = q->direct;

		assert_works(put(q, 4096, 65536, i));
		assert_works(put(q, 0, 8192, i + 100));
		assert_works(put(q, FILE_BYTES - 20480, 20480, i));
		assert_works(ioqueue_drain(q));
		tempdir_assert("file", want, FILE_BYTES);
		assert_int_equal(q->direct, direct);
		ioqueue_free(q);
		q = queue(false, &opts);
		read_much(q);
		ioqueue_free(q);
	}
}

static void busy_kernel_is_asked_again(void **state)
{
	static const int busy[] = { -EAGAIN, -EINTR };
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct twist twist = { .result = busy[i], .times = 20 };
		struct ioqueue_options opts = { .result = twist_result, .data = &twist };
		struct ioqueue *q = queue(true, &opts);

		write_much(q);
		assert_int_equal(twist.times, 0);
		ioqueue_free(q);
	}
}

static void busy_kernel_is_not_asked_for_ever(void **state)
{
	struct twist twist = { .result = -EAGAIN, .times = 1000000 };
	struct ioqueue_options opts = { .result = twist_result, .data = &twist };
	struct ioqueue *q = queue(true, &opts);

	(void)state;
	assert_works(put(q, 0, 4096, 1));
	assert_fails(ioqueue_drain(q), "Resource temporarily unavailable");
	ioqueue_free(q);
}

static void error_ends_the_queue(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct twist twist = { .result = -ENOSPC, .times = 1 };
		struct ioqueue_options opts = {
			.result = twist_result,
			.data = &twist,
			.fail_uring = i ? EPERM : 0,
		};
		struct ioqueue *q = queue(true, &opts);
		int ret = 0;

		msg_error_clear();
		assert_works(put(q, 12288, 4096, 1));
		assert_works(put(q, 20480, 4096, 1));
		ret = ioqueue_drain(q);
		assert_int_equal(ret, -1);
		assert_non_null(strstr(msg_error_text(), "cannot write 'file' at offset"));
		assert_non_null(strstr(msg_error_text(), "No space left on device"));
		assert_null(ioqueue_room(q));
		assert_int_equal(ioqueue_drain(q), -1);
		assert_int_equal(ioqueue_clear(q, 0, 4096), -1);
		ioqueue_free(q);
	}
}

/*
 * The last write to a place counts, however many are under way, and even if an earlier one
 * has to be tried again.
 */
static void writes_to_one_place_keep_their_order(void **state)
{
	unsigned int i, n;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct twist twist = { .result = -EAGAIN };
		struct ioqueue_options opts = {
			.result = twist_result,
			.data = &twist,
			.fail_uring = i ? EPERM : 0,
			.fail_direct = i == 2 ? EINVAL : 0,
		};
		struct ioqueue *q = queue(true, &opts);

		for (n = 0; n < 100; n++) {
			twist.times = n % 2;
			assert_works(put(q, 0, 4096 * (n % 3 + 1), n));
			assert_works(put(q, 1 << 20, IOQUEUE_BYTES, n));
			assert_works(put(q, (1 << 20) + 4096 * (n % 200), 8192, n + 1));
		}
		assert_works(ioqueue_drain(q));
		tempdir_assert("file", want, FILE_BYTES);
		ioqueue_free(q);
	}
}

static uint64_t blocks(void)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_blocks * 512;
}

static void cleared_bytes_are_zeroes(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct ioqueue_options opts = {
			.fail_punch = i % 2 ? EOPNOTSUPP : 0,
			.fail_uring = i / 2 ? EPERM : 0,
		};
		struct ioqueue *q = queue(true, &opts);
		uint64_t full;

		assert_works(put(q, 0, IOQUEUE_BYTES, i));
		assert_works(put(q, 1 << 20, IOQUEUE_BYTES, i));
		assert_works(put(q, 2 << 20, IOQUEUE_BYTES, i));
		assert_works(ioqueue_drain(q));
		assert_int_equal(fsync(fd), 0);
		full = blocks();
		assert_works(put(q, 8192, 65536, i + 9));
		assert_works(ioqueue_clear(q, 4096, 2 << 20));
		memset(want + 4096, 0, 2 << 20);
		assert_works(put(q, 1 << 20, 4096, i + 7));
		assert_works(ioqueue_drain(q));
		tempdir_assert("file", want, FILE_BYTES);
		if (q->punch) {
			assert_int_equal(fsync(fd), 0);
			assert_true(blocks() + IOQUEUE_BYTES < full);
		}
		assert_int_equal(q->punch, !(i % 2));
		ioqueue_free(q);
	}
}

static void end_of_the_file_is_an_error(void **state)
{
	unsigned int i;

	(void)state;
	assert_int_equal(ftruncate(fd, 10000), 0);
	for (i = 0; i < 4; i++) {
		struct ioqueue_options opts = {
			.fail_uring = i % 2 ? EPERM : 0,
			.fail_direct = i / 2 ? EINVAL : 0,
		};
		struct ioqueue *q = queue(false, &opts);
		struct ioqueue_request *req = ioqueue_room(q);

		assert_non_null(req);
		req->offset = 8192;
		req->size = 4096;
		assert_works(ioqueue_start(q, req));
		assert_fails(!ioqueue_next(q),
			     "cannot read 'file' at offset 10000: it is cut short");
		ioqueue_free(q);
	}
}

/* free() waits for what is under way: its memory is the kernel's until then. */
static void signal_stops_the_queue(void **state)
{
	unsigned int i, n;

	(void)state;
	signals_catch();
	for (i = 0; i < 2; i++) {
		struct ioqueue_options opts = { .fail_uring = i ? EPERM : 0 };
		struct ioqueue *q = queue(true, &opts);

		for (n = 0; n < 4; n++)
			assert_works(put(q, (uint64_t)n << 20, IOQUEUE_BYTES, n));
		raise(SIGTERM);
		assert_fails(!ioqueue_room(q), "signal 15");
		assert_fails(ioqueue_drain(q), "signal 15");
		ioqueue_free(q);
		signals_reset();
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_ways_write_and_read),	  TEST(refused_requests_go_through_the_cache),
		TEST(other_refusals_are_errors),  TEST(short_results_are_continued),
		TEST(busy_kernel_is_asked_again), TEST(busy_kernel_is_not_asked_for_ever),
		TEST(error_ends_the_queue),	  TEST(writes_to_one_place_keep_their_order),
		TEST(cleared_bytes_are_zeroes),	  TEST(end_of_the_file_is_an_error),
		TEST(signal_stops_the_queue),
	};

	return cmocka_run_group_tests_name("ioqueue", tests, NULL, NULL);
}
