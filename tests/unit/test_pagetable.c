// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <stdlib.h>

#include "inverse.h"
#include "page.h"
#include "pagetable.h"

#define PFNS 64

/* pfn i is at machine frame 1000 - i; 60 and above are missing or marked by Linux. */
static struct inverse inv;
static uint64_t p2m[PFNS];

static int setup(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 60; i++)
		p2m[i] = 1000 - i;
	p2m[60] = UINT64_MAX;
	p2m[61] = 1 | UINT64_C(1) << 62;
	p2m[62] = 2 | UINT64_C(1) << 63;
	p2m[63] = MFN_MAX + 1;
	return inverse_build(&inv, p2m, PFNS);
}

static int teardown(void **state)
{
	(void)state;
	inverse_free(&inv);
	return 0;
}

static void inverse_finds_each_frame(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 60; i++)
		assert_int_equal(inverse_pfn(&inv, 1000 - i), i);
	assert_true(inverse_pfn(&inv, 0) == INVALID_FRAME);
	assert_true(inverse_pfn(&inv, 1) == INVALID_FRAME);
	assert_true(inverse_pfn(&inv, 1001) == INVALID_FRAME);
	assert_true(inverse_pfn(&inv, UINT64_MAX) == INVALID_FRAME);
	assert_true(inverse_pfn(&inv, 1 | UINT64_C(1) << 62) == INVALID_FRAME);
	assert_true(inverse_pfn(&inv, MFN_MAX + 1) == INVALID_FRAME);
}

static void inverse_of_many_frames(void **state)
{
	const size_t n = 300000;
	uint64_t *big = malloc(n * sizeof(*big));
	struct inverse big_inv;
	size_t i;

	(void)state;
	assert_non_null(big);
	for (i = 0; i < n; i++)
		big[i] = i * 0x10001 % (MFN_MAX + 1);
	assert_works(inverse_build(&big_inv, big, n));
	for (i = 0; i < n; i++)
		assert_int_equal(inverse_pfn(&big_inv, big[i]), i);
	inverse_free(&big_inv);
	free(big);
}

static void inverse_refuses_a_frame_under_two_pfns(void **state)
{
	uint64_t twice[] = { 5, 6, UINT64_MAX, UINT64_MAX, 5 };
	struct inverse bad;

	(void)state;
	assert_fails(inverse_build(&bad, twice, 5), "0x5 under both pfn 0 and pfn 0x4");
	assert_works(inverse_build(&bad, twice, 4));
	inverse_free(&bad);
}

static void inverse_of_nothing(void **state)
{
	struct inverse none;

	(void)state;
	assert_works(inverse_build(&none, p2m + 60, 4));
	assert_true(inverse_pfn(&none, 1000) == INVALID_FRAME);
	inverse_free(&none);
}

static void entries_become_pfns_at_each_level(void **state)
{
	uint64_t src[ENTRIES_PER_PAGE], dst[ENTRIES_PER_PAGE];
	/* All flags that may stand in an entry: low bits but PSE, bits 52 to 63. */
	const uint64_t flags = UINT64_C(0xfff0000000000f7f);
	unsigned int level, i;

	(void)state;
	for (level = 1; level <= 4; level++) {
		for (i = 0; i < ENTRIES_PER_PAGE; i++)
			src[i] = (UINT64_C(1000) - i % 60) << 12 | flags;
		assert_works(pagetable_normalise(&inv, level, 3, src, dst));
		for (i = 0; i < ENTRIES_PER_PAGE; i++) {
			uint64_t want = (uint64_t)(i % 60) << 12 | flags;

			if (level == 4 && i >= 256 && i <= 271)
				want = 0;
			assert_true(dst[i] == want);
		}
	}
}

static void bit_7_is_pat_in_level_1(void **state)
{
	uint64_t src[ENTRIES_PER_PAGE] = { UINT64_C(1000) << 12 | 0x81 };
	uint64_t dst[ENTRIES_PER_PAGE];

	(void)state;
	assert_works(pagetable_normalise(&inv, 1, 0, src, dst));
	assert_true(dst[0] == 0x81);
}

static void superpages_are_refused(void **state)
{
	uint64_t src[ENTRIES_PER_PAGE] = { 0 }, dst[ENTRIES_PER_PAGE];

	(void)state;
	src[9] = UINT64_C(1000) << 12 | 0x81;
	assert_fails(pagetable_normalise(&inv, 2, 0x21, src, dst),
		     "level 2 table at pfn 0x21 has a superpage in slot 9");
	assert_fails(pagetable_normalise(&inv, 3, 0, src, dst), "superpage");
	assert_fails(pagetable_normalise(&inv, 4, 0, src, dst), "superpage");
}

static void foreign_frames_are_refused(void **state)
{
	static const uint64_t bad[] = { 0, 1, 2, 940, 1001, MFN_MAX };
	uint64_t src[ENTRIES_PER_PAGE] = { 0 }, dst[ENTRIES_PER_PAGE];
	unsigned int i, level;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (level = 1; level <= 4; level++) {
			src[511] = bad[i] << 12 | 1;
			assert_fails(pagetable_normalise(&inv, level, 0x1f, src, dst),
				     "in slot 511, which is not in the guest's p2m");
		}
	src[511] = UINT64_C(0x3ac) << 12 | 1;
	assert_fails(pagetable_normalise(&inv, 1, 0x1f, src, dst),
		     "level 1 table at pfn 0x1f has machine frame 0x3ac");
}

static void absent_entries_stay(void **state)
{
	uint64_t src[ENTRIES_PER_PAGE], dst[ENTRIES_PER_PAGE];
	unsigned int i;

	(void)state;
	for (i = 0; i < ENTRIES_PER_PAGE; i++)
		src[i] = UINT64_C(0xfedcba9876543210) + i * 2;
	assert_works(pagetable_normalise(&inv, 1, 0, src, dst));
	assert_memory_equal(src, dst, sizeof(src));
}

static void xen_slots_are_emptied_whatever_they_hold(void **state)
{
	uint64_t src[ENTRIES_PER_PAGE] = { 0 }, dst[ENTRIES_PER_PAGE];
	unsigned int i;

	(void)state;
	for (i = 256; i <= 271; i++)
		src[i] = MFN_MAX << 12 | 0x81 | i;
	assert_works(pagetable_normalise(&inv, 4, 0, src, dst));
	for (i = 0; i < ENTRIES_PER_PAGE; i++)
		assert_true(dst[i] == 0);
	/* The slots beside them are the guest's. */
	src[255] = 1;
	assert_fails(pagetable_normalise(&inv, 4, 0, src, dst), "slot 255");
	src[255] = 0;
	src[272] = 1;
	assert_fails(pagetable_normalise(&inv, 4, 0, src, dst), "slot 272");
	src[272] = 0;
	/* Only level 4 has them. */
	assert_fails(pagetable_normalise(&inv, 3, 0, src, dst), "slot 256");
}

static void a_table_can_be_rewritten_in_place(void **state)
{
	uint64_t table[ENTRIES_PER_PAGE] = { UINT64_C(999) << 12 | 1, 0, UINT64_C(998) << 12 | 3 };

	(void)state;
	assert_works(pagetable_normalise(&inv, 1, 0, table, table));
	assert_true(table[0] == (1 << 12 | 1));
	assert_true(table[2] == (2 << 12 | 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inverse_finds_each_frame),
		cmocka_unit_test(inverse_of_many_frames),
		cmocka_unit_test(inverse_refuses_a_frame_under_two_pfns),
		cmocka_unit_test(inverse_of_nothing),
		cmocka_unit_test(entries_become_pfns_at_each_level),
		cmocka_unit_test(bit_7_is_pat_in_level_1),
		cmocka_unit_test(superpages_are_refused),
		cmocka_unit_test(foreign_frames_are_refused),
		cmocka_unit_test(absent_entries_stay),
		cmocka_unit_test(xen_slots_are_emptied_whatever_they_hold),
		cmocka_unit_test(a_table_can_be_rewritten_in_place),
	};

	return cmocka_run_group_tests_name("pagetable", tests, setup, teardown);
}
