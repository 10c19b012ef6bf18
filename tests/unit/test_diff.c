// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* memmem */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"
#include "diff.h"
#include "page.h"
#include "sample_image.h"
#include "tempdir.h"
#include "tiny_image.h"

static struct diff *d;
static struct diff_result res;

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	d = diff_new();
	return !d;
}

static int teardown(void **state)
{
	(void)state;
	diff_free(d);
	tempdir_leave();
	return 0;
}

static void give(struct image *img, uint64_t pfn, uint32_t type, enum stillpoint_page_kind kind,
		 uint8_t byte)
{
	uint8_t data[PAGE_BYTES];
	struct image_page page = { .pfn = pfn, .type = type, .kind = kind, .data = data };

	memset(data, byte, sizeof(data));
	assert_works(img->ops->page(img, &page));
}

static void first(uint64_t pfn, uint32_t type, enum stillpoint_page_kind kind, uint8_t byte)
{
	give(diff_first(d), pfn, type, kind, byte);
}

static void second(uint64_t pfn, uint32_t type, enum stillpoint_page_kind kind, uint8_t byte)
{
	give(diff_second(d), pfn, type, kind, byte);
}

#define PLAIN XEN_DOMCTL_PFINFO_NOTAB
#define MISSING XEN_DOMCTL_PFINFO_XTAB
#define DATA STILLPOINT_PAGE_DATA
#define NONE STILLPOINT_PAGE_NONE
#define ZERO STILLPOINT_PAGE_ZERO
#define FREE STILLPOINT_PAGE_FREE

static void assert_range(uint64_t from, uint64_t want_first, uint64_t want_last)
{
	uint64_t last;

	assert_true(diff_range(d, &from, &last));
	assert_int_equal(from, want_first);
	assert_int_equal(last, want_last);
}

static void assert_no_range(uint64_t from)
{
	uint64_t last;

	assert_false(diff_range(d, &from, &last));
}

static void zeroes_are_the_same_however_they_are_told(void **state)
{
	static const enum stillpoint_page_kind kinds[] = { DATA, ZERO, FREE };
	unsigned int i, j;

	(void)state;
	for (i = 0; i < 3; i++)
		for (j = 0; j < 3; j++) {
			first(3 * i + j, PLAIN, kinds[i], 0);
			second(3 * i + j, PLAIN, kinds[j], 0);
		}
	diff_finish(d, &res);
	assert_true(diff_same(&res));
	assert_int_equal(res.same, 9);
	assert_int_equal(res.pages[0], 9);
	assert_int_equal(res.pages[1], 9);
	assert_no_range(0);
}

static void missing_pages_are_the_same_if_listed_or_not(void **state)
{
	(void)state;
	first(1, MISSING, NONE, 0);
	second(2, MISSING, NONE, 0);
	diff_finish(d, &res);
	assert_true(diff_same(&res));
	assert_int_equal(res.pages[0] + res.pages[1] + res.same, 0);
}

static void every_difference_is_counted_as_what_it_is(void **state)
{
	(void)state;
	first(1, PLAIN, DATA, 7);
	second(1, PLAIN, DATA, 7);
	first(2, PLAIN, DATA, 7);
	second(2, PLAIN, DATA, 8);
	first(3, PLAIN, DATA, 7);
	second(3, XEN_DOMCTL_PFINFO_L1TAB, DATA, 7);
	first(4, PLAIN, DATA, 7);
	first(5, PLAIN, ZERO, 0);
	second(5, MISSING, NONE, 0);
	second(6, PLAIN, DATA, 7);
	first(8, PLAIN, FREE, 0);
	second(8, PLAIN, DATA, 7);
	first(10, XEN_DOMCTL_PFINFO_XALLOC, NONE, 0);
	first(5000, XEN_DOMCTL_PFINFO_BROKEN, NONE, 0);
	second(5000, XEN_DOMCTL_PFINFO_XALLOC, NONE, 0);
	second(70000, PLAIN, DATA, 1);
	diff_finish(d, &res);
	assert_false(diff_same(&res));
	assert_int_equal(res.pages[0], 6);
	assert_int_equal(res.pages[1], 6);
	assert_int_equal(res.same, 1);
	assert_int_equal(res.content, 2);
	assert_int_equal(res.type, 3);
	assert_int_equal(res.only[0], 2);
	assert_int_equal(res.only[1], 2);
	assert_range(0, 2, 6);
	assert_range(3, 3, 6);
	assert_range(7, 8, 8);
	assert_range(9, 10, 10);
	assert_range(11, 5000, 5000);
	assert_range(5001, 70000, 70000);
	assert_no_range(70001);
}

static void last_of_a_page_counts(void **state)
{
	(void)state;
	first(1, PLAIN, DATA, 1);
	first(1, PLAIN, DATA, 2);
	second(1, PLAIN, DATA, 3);
	second(1, PLAIN, DATA, 2);
	first(2, PLAIN, DATA, 2);
	second(2, PLAIN, DATA, 2);
	second(2, PLAIN, DATA, 3);
	diff_finish(d, &res);
	assert_int_equal(res.same, 1);
	assert_int_equal(res.content, 1);
	assert_range(0, 2, 2);
}

static void absurd_pfn_is_refused(void **state)
{
	struct image_page page = { .pfn = STILLPOINT_PFN_LIMIT, .type = MISSING };

	(void)state;
	assert_fails(diff_first(d)->ops->page(diff_first(d), &page), "too high");
}

/* An image without pages, of which one thing is different. */
static void give_state(struct image *img, int what)
{
	uint64_t frames[] = { what == 3 };
	struct image_p2m p2m = { .max_pfn = what == 2 ? 8 : 9, .frames = frames, .nframes = 1 };
	uint8_t shared_info[PAGE_BYTES] = { what == 5 };
	struct image_head head = {
		.config = what == 0 ? "{}" : "{ }",
		.xen_major = 4,
		.xen_minor = what == 1 ? 18 : 17,
		.cpuid = { .data = what == 8 ? "1" : "2", .size = 1 },
	};
	struct vcpu_state vcpus[2] = {
		{ .id = 0, .xsave = { .data = what == 6 ? "1" : "2", .size = 1 } },
		{ .id = what == 7 ? 2 : 1 },
	};
	struct image_tail tail = {
		.tsc = { .incarnation = what == 4 },
		.shared_info = shared_info,
		.vcpus = vcpus,
		.nvcpus = 2,
	};

	assert_works(img->ops->head(img, &head));
	assert_works(img->ops->p2m(img, &p2m));
	assert_works(img->ops->tail(img, &tail));
}

static void all_else_is_compared(void **state)
{
	int what;

	(void)state;
	for (what = 0; what < 10; what++) {
		diff_free(d);
		d = diff_new();
		give_state(diff_first(d), -1);
		give_state(diff_second(d), what);
		diff_finish(d, &res);
		assert_int_equal(res.config, what == 0);
		assert_int_equal(res.platform, what == 1 || what == 8);
		assert_int_equal(res.p2m, what == 2 || what == 3);
		assert_int_equal(res.time, what == 4);
		assert_int_equal(res.shared_info, what == 5);
		assert_int_equal(res.vcpus, what == 6 || what == 7);
		assert_int_equal(diff_same(&res), what == 9);
	}
}

static int command(const char *const *argv, const char *in)
{
	int status, argc, fd;
	pid_t pid;

	for (argc = 0; argv[argc]; argc++)
		;
	pid = fork();
	if (!pid) {
		fd = open(in, O_RDONLY);
		dup2(fd, 0);
		fd = open("stdout", O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, 1);
		fd = open("stderr", O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, 2);
		_exit(cmd_diff(argc, (char **)argv));
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void assert_stdout(const char *text)
{
	size_t size;
	char *data = (char *)tempdir_read("stdout", &size);

	assert_int_equal(size, strlen(text));
	assert_memory_equal(data, text, size);
	free(data);
}

static void exit_status_is_that_of_diff(void **state)
{
	static const char *const same[] = { "diff", "sample", "-", NULL };
	static const char *const other[] = { "diff", "sample", "tiny", NULL };
	static const char *const none[] = { "diff", "sample", "none", NULL };
	static const char *const broken[] = { "diff", "stdout", "sample", NULL };
	static const char *const twice[] = { "diff", "-", "-", NULL };
	struct image_options opts = { .layout = IMAGE_XL, .threads = 1 };

	(void)state;
	sample_image_write("sample", &opts);
	opts.layout = IMAGE_PACKED;
	sample_image_write("packed", &opts);
	tiny_image_write("tiny");
	assert_int_equal(command(same, "packed"), 0);
	assert_stdout("");
	assert_int_equal(command(other, "/dev/null"), 1);
	assert_int_equal(command(none, "/dev/null"), 2);
	assert_int_equal(command(broken, "/dev/null"), 2);
	assert_int_equal(command(twice, "/dev/null"), CMD_USAGE);
}

/* What differs in those is not known. */
static void images_with_side_files_are_trouble(void **state)
{
	static const char *const argv[] = { "diff", "a", "b", NULL };
	struct image_options opts = { .layout = IMAGE_XL, .threads = 1 };
	size_t size;
	char *text;

	(void)state;
	sample_image_write("a", &opts);
	opts.side = true;
	sample_image_write("b", &opts);
	assert_int_equal(command(argv, "/dev/null"), 2);
	text = (char *)tempdir_read("stderr", &size);
	assert_non_null(memmem(text, size, "convert it first", 16));
	free(text);
	sample_image_write("a", &opts);
	assert_int_equal(command(argv, "/dev/null"), 2);
	assert_stdout("");
}

static void differences_are_shown(void **state)
{
	static const char *const argv[] = { "diff", "a", "b", NULL };
	size_t size;
	uint8_t *image = tiny_image_bytes(0, &size), *page;

	(void)state;
	tempdir_write("a", image, size);
	page = memchr(image, 0x5a, size);
	page[100] ^= 1;
	tempdir_write("b", image, size);
	assert_int_equal(command(argv, "/dev/null"), 1);
	assert_stdout(
		"0 pages are the same, 1 have other bytes, 0 another type, 0 are in A only, 0 in B only\n"
		"pfn 0x1\n");
	free(image);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(zeroes_are_the_same_however_they_are_told),
		TEST(missing_pages_are_the_same_if_listed_or_not),
		TEST(every_difference_is_counted_as_what_it_is),
		TEST(last_of_a_page_counts),
		TEST(absurd_pfn_is_refused),
		TEST(all_else_is_compared),
		TEST(exit_status_is_that_of_diff),
		TEST(images_with_side_files_are_trouble),
		TEST(differences_are_shown),
	};

	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
