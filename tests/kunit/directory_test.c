// SPDX-License-Identifier: GPL-2.0
/* That dom0 finds each page of a bitmap where control.h says. */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/pfn.h>

#include "directory.h"

/* Covers @pages pages of bits, without memory for them: none is looked at. */
static struct sp_bitmap make(struct kunit *test, unsigned long pages)
{
	struct sp_bitmap map = { .bits = pages * STILLPOINT_BITMAP_PAGE_BITS, .pages = pages };
	unsigned long i;

	map.page = kunit_kcalloc(test, pages, sizeof(*map.page), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, map.page);
	for (i = 0; i < pages; i++)
		map.page[i] = __va((i + 1) << PAGE_SHIFT);
	return map;
}

static void expect_found(struct kunit *test, unsigned long pages, unsigned int dirs)
{
	struct sp_bitmap map = make(test, pages);
	struct sp_directory dir;
	unsigned long i, pfn;

	KUNIT_ASSERT_EQ(test, sp_directory_init(&dir, &map), 0);
	for (i = 0; i < STILLPOINT_DIRS; i++)
		KUNIT_EXPECT_EQ(test, dir.pfn[i] != 0, i < dirs);
	for (i = 0; i < pages; i++) {
		u64 *page = __va(dir.pfn[i / STILLPOINT_DIR_ENTRIES] << PAGE_SHIFT);

		pfn = PFN_DOWN(__pa(map.page[i]));
		if (page[i % STILLPOINT_DIR_ENTRIES] != pfn)
			KUNIT_FAIL(test, "page %lu is not found", i);
	}
	sp_directory_free(&dir);
	KUNIT_EXPECT_EQ(test, dir.pfn[0], 0ULL);
	KUNIT_EXPECT_NULL(test, dir.page[0]);
}

static void each_page_is_found(struct kunit *test)
{
	expect_found(test, 1, 1);
	expect_found(test, STILLPOINT_DIR_ENTRIES, 1);
	expect_found(test, STILLPOINT_DIR_ENTRIES + 1, 2);
	expect_found(test, STILLPOINT_DIRS * STILLPOINT_DIR_ENTRIES, STILLPOINT_DIRS);
}

static void too_many_pages_are_refused(struct kunit *test)
{
	struct sp_bitmap map = make(test, STILLPOINT_DIRS * STILLPOINT_DIR_ENTRIES + 1);
	struct sp_directory dir;

	KUNIT_EXPECT_EQ(test, sp_directory_init(&dir, &map), -EFBIG);
	KUNIT_EXPECT_EQ(test, dir.pfn[0], 0ULL);
}

static void free_frees_twice(struct kunit *test)
{
	struct sp_directory dir = {};

	sp_directory_free(&dir);
	sp_directory_free(&dir);
	KUNIT_EXPECT_NULL(test, dir.page[0]);
}

static struct kunit_case directory_cases[] = {
	KUNIT_CASE(each_page_is_found),
	KUNIT_CASE(too_many_pages_are_refused),
	KUNIT_CASE(free_frees_twice),
	{},
};

static struct kunit_suite directory_suite = {
	.name = "stillpoint-directory",
	.test_cases = directory_cases,
};

kunit_test_suite(directory_suite);
