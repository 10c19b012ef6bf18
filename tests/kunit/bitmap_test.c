// SPDX-License-Identifier: GPL-2.0
/* The bitmap of pfns: its edges, and that moving bits loses and invents none. */
#include <kunit/test.h>
#include <linux/limits.h>

#include <stillpoint/control.h>

#include "bitmap.h"

#define PAGE_BITS STILLPOINT_BITMAP_PAGE_BITS

static struct sp_bitmap *make(struct kunit *test, unsigned long bits)
{
	struct sp_bitmap *map = kunit_kzalloc(test, sizeof(*map), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, map);
	KUNIT_ASSERT_EQ(test, sp_bitmap_init(map, bits), 0);
	return map;
}

static void begins_clear(struct kunit *test)
{
	struct sp_bitmap *map = make(test, 3 * PAGE_BITS);

	KUNIT_EXPECT_EQ(test, map->pages, 3ul);
	KUNIT_EXPECT_EQ(test, sp_bitmap_weight(map), 0ul);
	sp_bitmap_free(map);
}

static void has_no_page_too_many(struct kunit *test)
{
	static const unsigned long bits[] = { 1, 64, PAGE_BITS - 1, PAGE_BITS, PAGE_BITS + 1 };
	struct sp_bitmap *map;
	int i;

	for (i = 0; i < ARRAY_SIZE(bits); i++) {
		map = make(test, bits[i]);
		KUNIT_EXPECT_EQ(test, map->pages, bits[i] > PAGE_BITS ? 2ul : 1ul);
		KUNIT_EXPECT_EQ(test, map->bits, bits[i]);
		sp_bitmap_free(map);
	}
}

static void sets_what_it_covers(struct kunit *test)
{
	static const unsigned long pfns[] = {
		0, 1, 63, 64, PAGE_BITS - 1, PAGE_BITS, PAGE_BITS + 9
	};
	struct sp_bitmap *map = make(test, PAGE_BITS + 10);
	int i;

	for (i = 0; i < ARRAY_SIZE(pfns); i++) {
		KUNIT_EXPECT_FALSE(test, sp_bitmap_test(map, pfns[i]));
		sp_bitmap_set(map, pfns[i]);
		KUNIT_EXPECT_TRUE(test, sp_bitmap_test(map, pfns[i]));
		KUNIT_EXPECT_EQ(test, sp_bitmap_weight(map), i + 1ul);
		sp_bitmap_set(map, pfns[i]);
		KUNIT_EXPECT_EQ(test, sp_bitmap_weight(map), i + 1ul);
	}
	sp_bitmap_free(map);
}

/* Where control.h says that dom0 finds a bit. */
static void bits_are_where_dom0_looks(struct kunit *test)
{
	struct sp_bitmap *map = make(test, 2 * PAGE_BITS);

	sp_bitmap_set(map, PAGE_BITS + 64 * 5 + 7);
	KUNIT_EXPECT_EQ(test, ((u64 *)map->page[1])[5], 1ULL << 7);
	sp_bitmap_free(map);
}

static void ignores_what_it_does_not_cover(struct kunit *test)
{
	static const unsigned long pfns[] = { 100, 101, PAGE_BITS, ULONG_MAX };
	struct sp_bitmap *map = make(test, 100);
	int i;

	for (i = 0; i < ARRAY_SIZE(pfns); i++) {
		sp_bitmap_set(map, pfns[i]);
		KUNIT_EXPECT_FALSE(test, sp_bitmap_test(map, pfns[i]));
	}
	KUNIT_EXPECT_EQ(test, sp_bitmap_weight(map), 0ul);
	sp_bitmap_free(map);
}

static void one_that_is_not_there_ignores_all(struct kunit *test)
{
	struct sp_bitmap map = {};

	sp_bitmap_set(&map, 0);
	KUNIT_EXPECT_FALSE(test, sp_bitmap_test(&map, 0));
	KUNIT_EXPECT_EQ(test, sp_bitmap_weight(&map), 0ul);
	sp_bitmap_clear(&map);
	sp_bitmap_free(&map);
}

static void clear_clears_all(struct kunit *test)
{
	struct sp_bitmap *map = make(test, 2 * PAGE_BITS);

	sp_bitmap_set(map, 0);
	sp_bitmap_set(map, 2 * PAGE_BITS - 1);
	sp_bitmap_clear(map);
	KUNIT_EXPECT_EQ(test, sp_bitmap_weight(map), 0ul);
	sp_bitmap_free(map);
}

static void move_adds_and_takes(struct kunit *test)
{
	struct sp_bitmap *from = make(test, 2 * PAGE_BITS), *to = make(test, 2 * PAGE_BITS);

	sp_bitmap_set(to, 1);
	sp_bitmap_set(from, 1);
	sp_bitmap_set(from, 2);
	sp_bitmap_set(from, 2 * PAGE_BITS - 1);
	sp_bitmap_move(to, from);
	KUNIT_EXPECT_EQ(test, sp_bitmap_weight(from), 0ul);
	KUNIT_EXPECT_EQ(test, sp_bitmap_weight(to), 3ul);
	KUNIT_EXPECT_TRUE(test, sp_bitmap_test(to, 1));
	KUNIT_EXPECT_TRUE(test, sp_bitmap_test(to, 2));
	KUNIT_EXPECT_TRUE(test, sp_bitmap_test(to, 2 * PAGE_BITS - 1));
	sp_bitmap_move(to, from);
	KUNIT_EXPECT_EQ(test, sp_bitmap_weight(to), 3ul);
	sp_bitmap_free(from);
	sp_bitmap_free(to);
}

static void add_adds_and_leaves(struct kunit *test)
{
	struct sp_bitmap *from = make(test, 2 * PAGE_BITS), *to = make(test, 2 * PAGE_BITS);

	sp_bitmap_set(to, 1);
	sp_bitmap_set(from, 2);
	sp_bitmap_set(from, 2 * PAGE_BITS - 1);
	sp_bitmap_add(to, from);
	KUNIT_EXPECT_EQ(test, sp_bitmap_weight(from), 2ul);
	KUNIT_EXPECT_EQ(test, sp_bitmap_weight(to), 3ul);
	KUNIT_EXPECT_TRUE(test, sp_bitmap_test(to, 1));
	KUNIT_EXPECT_TRUE(test, sp_bitmap_test(to, 2));
	KUNIT_EXPECT_TRUE(test, sp_bitmap_test(to, 2 * PAGE_BITS - 1));
	sp_bitmap_free(from);
	sp_bitmap_free(to);
}

/* Filled from @first on for @count; then these bits are set, and no other. */
static void expect_filled(struct kunit *test, unsigned long first, unsigned long count,
			  unsigned long filled)
{
	struct sp_bitmap *map = make(test, 3 * PAGE_BITS - 7);
	unsigned long pfn;

	sp_bitmap_fill(map, first, count);
	KUNIT_EXPECT_EQ(test, sp_bitmap_weight(map), filled);
	for (pfn = first; pfn < first + filled; pfn++)
		if (!sp_bitmap_test(map, pfn))
			KUNIT_FAIL(test, "bit %lu is clear", pfn);
	sp_bitmap_free(map);
}

static void fill_fills_what_is_covered(struct kunit *test)
{
	static const unsigned long bits = 3 * PAGE_BITS - 7;

	expect_filled(test, 0, 0, 0);
	expect_filled(test, 0, 1, 1);
	expect_filled(test, 63, 2, 2);
	expect_filled(test, 1024, 1024, 1024);
	expect_filled(test, PAGE_BITS - 1, 2, 2);
	expect_filled(test, 5, 2 * PAGE_BITS, 2 * PAGE_BITS);
	expect_filled(test, 0, bits, bits);
	expect_filled(test, bits - 1, 1024, 1);
	expect_filled(test, bits, 1, 0);
	expect_filled(test, PAGE_BITS, ULONG_MAX, bits - PAGE_BITS);
	expect_filled(test, ULONG_MAX, ULONG_MAX, 0);
}

static void fill_of_none_does_nothing(struct kunit *test)
{
	struct sp_bitmap map = {};

	sp_bitmap_fill(&map, 0, 1);
	KUNIT_EXPECT_EQ(test, sp_bitmap_weight(&map), 0ul);
}

static void subtract_takes_and_leaves(struct kunit *test)
{
	struct sp_bitmap *map = make(test, 2 * PAGE_BITS), *other = make(test, 2 * PAGE_BITS);

	sp_bitmap_fill(map, PAGE_BITS - 2, 4);
	sp_bitmap_set(other, PAGE_BITS - 1);
	sp_bitmap_set(other, PAGE_BITS);
	sp_bitmap_set(other, 7);
	sp_bitmap_subtract(map, other);
	KUNIT_EXPECT_EQ(test, sp_bitmap_weight(map), 2ul);
	KUNIT_EXPECT_TRUE(test, sp_bitmap_test(map, PAGE_BITS - 2));
	KUNIT_EXPECT_TRUE(test, sp_bitmap_test(map, PAGE_BITS + 1));
	KUNIT_EXPECT_EQ(test, sp_bitmap_weight(other), 3ul);
	sp_bitmap_free(map);
	sp_bitmap_free(other);
}

static void take_takes_once(struct kunit *test)
{
	struct sp_bitmap *map = make(test, PAGE_BITS + 10);

	sp_bitmap_set(map, PAGE_BITS + 1);
	sp_bitmap_set(map, PAGE_BITS + 2);
	KUNIT_EXPECT_TRUE(test, sp_bitmap_take(map, PAGE_BITS + 1));
	KUNIT_EXPECT_FALSE(test, sp_bitmap_take(map, PAGE_BITS + 1));
	KUNIT_EXPECT_TRUE(test, sp_bitmap_test(map, PAGE_BITS + 2));
	KUNIT_EXPECT_FALSE(test, sp_bitmap_take(map, PAGE_BITS + 10));
	KUNIT_EXPECT_FALSE(test, sp_bitmap_take(map, ULONG_MAX));
	sp_bitmap_free(map);
}

static void free_leaves_nothing(struct kunit *test)
{
	struct sp_bitmap *map = make(test, PAGE_BITS);

	sp_bitmap_free(map);
	KUNIT_EXPECT_EQ(test, map->bits, 0ul);
	KUNIT_EXPECT_EQ(test, map->pages, 0ul);
	sp_bitmap_free(map);
}

static struct kunit_case bitmap_cases[] = {
	KUNIT_CASE(begins_clear),
	KUNIT_CASE(has_no_page_too_many),
	KUNIT_CASE(sets_what_it_covers),
	KUNIT_CASE(bits_are_where_dom0_looks),
	KUNIT_CASE(ignores_what_it_does_not_cover),
	KUNIT_CASE(one_that_is_not_there_ignores_all),
	KUNIT_CASE(clear_clears_all),
	KUNIT_CASE(move_adds_and_takes),
	KUNIT_CASE(add_adds_and_leaves),
	KUNIT_CASE(fill_fills_what_is_covered),
	KUNIT_CASE(fill_of_none_does_nothing),
	KUNIT_CASE(subtract_takes_and_leaves),
	KUNIT_CASE(take_takes_once),
	KUNIT_CASE(free_leaves_nothing),
	{},
};

static struct kunit_suite bitmap_suite = {
	.name = "stillpoint-bitmap",
	.test_cases = bitmap_cases,
};

kunit_test_suite(bitmap_suite);
