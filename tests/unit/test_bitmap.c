// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "bitmap.h"
#include "harvest.h"
#include "page.h"

static void bits_are_set_and_found(void **state)
{
	static const uint64_t bits[] = { 0, 1, 63, 64, 127, 129 };
	struct bitmap b = { 0 };
	uint64_t bit;
	size_t i;

	(void)state;
	assert_works(bitmap_grow(&b, 130));
	assert_int_equal(bitmap_next(&b, 0), 130);
	for (i = 0; i < 6; i++)
		bitmap_set(&b, bits[i]);
	assert_int_equal(bitmap_count(&b), 6);
	for (i = 0, bit = bitmap_next(&b, 0); bit < 130; bit = bitmap_next(&b, bit + 1))
		assert_int_equal(bit, bits[i++]);
	assert_int_equal(i, 6);
	assert_int_equal(bitmap_next(&b, 130), 130);
	assert_int_equal(bitmap_next(&b, UINT64_MAX), 130);
	bitmap_clear(&b, 64);
	assert_false(bitmap_test(&b, 64));
	assert_true(bitmap_test(&b, 63));
	bitmap_zero(&b);
	assert_int_equal(bitmap_count(&b), 0);
	bitmap_free(&b);
}

static void nothing_lies_beyond_the_end(void **state)
{
	static const uint64_t ones[] = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
	struct bitmap b = { 0 }, other = { 0 };
	uint64_t bits;

	(void)state;
	for (bits = 1; bits < 200; bits++) {
		assert_works(bitmap_grow(&b, bits));
		bitmap_fill(&b, 0);
		assert_int_equal(bitmap_count(&b), bits);
		bitmap_zero(&b);
		bitmap_fill(&b, bits);
		assert_int_equal(bitmap_count(&b), 0);
		bitmap_fill(&b, bits - 1);
		assert_int_equal(bitmap_count(&b), 1);
		bitmap_or_words(&b, 1, ones, 3);
		assert_int_equal(bitmap_count(&b), bits > 64 ? bits - 64 : 1);
		bitmap_or_words(&b, 100, ones, 3);
	}
	bitmap_zero(&b);
	assert_works(bitmap_grow(&other, 70));
	bitmap_fill(&other, 0);
	bitmap_or(&b, &other);
	assert_int_equal(bitmap_count(&b), 70);
	/* New bits are 0, though the last word was full. */
	assert_works(bitmap_grow(&other, 300));
	assert_int_equal(bitmap_count(&other), 70);
	bitmap_free(&b);
	bitmap_free(&other);
}

static void bits_of_two_bitmaps_are_told_apart(void **state)
{
	struct bitmap b = { 0 }, other = { 0 };

	(void)state;
	assert_works(bitmap_grow(&b, 200));
	assert_works(bitmap_grow(&other, 200));
	bitmap_fill(&b, 60);
	bitmap_set(&other, 3);
	bitmap_set(&other, 60);
	bitmap_set(&other, 199);
	assert_int_equal(bitmap_count_both(&b, &other), 2);
	bitmap_subtract(&b, &other);
	assert_int_equal(bitmap_count(&b), 138);
	assert_int_equal(bitmap_next(&b, 0), 61);
	assert_false(bitmap_test(&b, 199));
	assert_int_equal(bitmap_count_both(&b, &other), 0);
	assert_int_equal(bitmap_count(&other), 3);
	bitmap_free(&b);
	bitmap_free(&other);
}

static void *no_map(struct domain *dom, const uint64_t *mfns, size_t n, int *err)
{
	(void)dom;
	(void)mfns;
	(void)n;
	(void)err;
	return NULL;
}

/* An array with an entry of @size bytes for each of @n pfns, of which few are touched. */
static void *sparse(uint64_t n, size_t size)
{
	void *array = mmap(NULL, n * size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_true(array != MAP_FAILED);
	return array;
}

/* A guest of so many pfns, of which only pages that a test gives are mapped, or can be. */
static void memory(struct ram *mem, uint64_t size)
{
	static const struct domain_ops ops = { .map = no_map };
	static struct domain dom = { .ops = &ops };

	memset(mem, 0, sizeof(*mem));
	mem->dom = &dom;
	mem->size = size;
	mem->page = sparse(size, sizeof(*mem->page));
	mem->p2m = sparse(size, sizeof(*mem->p2m));
}

static void memory_free(struct ram *mem)
{
	munmap(mem->page, mem->size * sizeof(*mem->page));
	munmap(mem->p2m, mem->size * sizeof(*mem->p2m));
}

static void bitmaps_may_have_several_directories(void **state)
{
	const uint64_t per_dir = (uint64_t)STILLPOINT_DIR_ENTRIES * STILLPOINT_BITMAP_PAGE_BITS;
	static uint64_t dir[2][ENTRIES_PER_PAGE], page[2][ENTRIES_PER_PAGE];
	struct bitmap set = { 0 };
	struct harvest h = { 0 };
	struct ram mem;
	unsigned int i;

	(void)state;
	memory(&mem, per_dir + 40000);
	mem.page[10] = (const uint8_t *)dir[0];
	mem.page[11] = (const uint8_t *)dir[1];
	mem.page[12] = (const uint8_t *)page[0];
	mem.page[per_dir + 3] = (const uint8_t *)page[1];
	for (i = 0; i < ENTRIES_PER_PAGE; i++)
		dir[0][i] = 12;
	dir[1][0] = 12;
	dir[1][1] = per_dir + 3;
	page[1][3] = 1;
	h.mem = &mem;
	h.half.bitmap_dir[0] = 10;
	h.half.bitmap_dir[1] = 11;
	h.half.bitmap_pfns = mem.size;
	assert_works(bitmap_grow(&set, mem.size));
	assert_works(harvest_collect(&h, &set));
	assert_int_equal(bitmap_count(&set), 1);
	assert_int_equal(bitmap_next(&set, 0), per_dir + 32768 + 3 * 64);
	/* The next directory is not the guest's. */
	h.half.bitmap_dir[1] = mem.size;
	assert_fails(harvest_collect(&h, &set), "directory 1 of");
	h.half.bitmap_dir[1] = 11;
	dir[1][1] = 13;
	assert_fails(harvest_collect(&h, &set), "page 513 of");
	/* It is not looked at if the bitmap ends before. */
	h.half.bitmap_pfns = per_dir + 32768;
	assert_works(harvest_collect(&h, &set));
	assert_int_equal(bitmap_count(&set), 40000 - 32768);
	bitmap_free(&set);
	memory_free(&mem);
}

static void bitmaps_have_no_more_directories_than_the_page_has_room_for(void **state)
{
	struct stillpoint_guest_half *half;
	struct bitmap set = { 0 };
	struct harvest h = { 0 };
	struct ram mem;

	(void)state;
	half = &h.half;
	memory(&mem, 10);
	h.mem = &mem;
	half->bitmap_pfns = UINT64_MAX;
	assert_works(bitmap_grow(&set, (uint64_t)STILLPOINT_DIRS * STILLPOINT_DIR_ENTRIES *
						       STILLPOINT_BITMAP_PAGE_BITS +
					       1));
	assert_fails(harvest_collect(&h, &set), "has 8193 pages, at most 8192");
	bitmap_free(&set);
	memory_free(&mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_of_two_bitmaps_are_told_apart),
		cmocka_unit_test(bits_are_set_and_found),
		cmocka_unit_test(nothing_lies_beyond_the_end),
		cmocka_unit_test(bitmaps_may_have_several_directories),
		cmocka_unit_test(bitmaps_have_no_more_directories_than_the_page_has_room_for),
	};

	return cmocka_run_group_tests_name("bitmap", tests, NULL, NULL);
}
