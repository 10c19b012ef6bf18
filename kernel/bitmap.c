// SPDX-License-Identifier: GPL-2.0
#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <stillpoint/control.h>

#include "bitmap.h"

#define PAGE_BITS STILLPOINT_BITMAP_PAGE_BITS

static_assert(PAGE_SIZE * BITS_PER_BYTE == PAGE_BITS);

int sp_bitmap_init(struct sp_bitmap *map, unsigned long bits)
{
	unsigned long pages = DIV_ROUND_UP(bits, PAGE_BITS);

	map->page = kvcalloc(pages, sizeof(*map->page), GFP_KERNEL);
	if (!map->page)
		return -ENOMEM;
	for (map->pages = 0; map->pages < pages; map->pages++) {
		map->page[map->pages] = (unsigned long *)get_zeroed_page(GFP_KERNEL);
		if (!map->page[map->pages]) {
			sp_bitmap_free(map);
			return -ENOMEM;
		}
	}
	map->bits = bits;
	return 0;
}

void sp_bitmap_free(struct sp_bitmap *map)
{
	unsigned long i;

	for (i = 0; i < map->pages; i++)
		free_page((unsigned long)map->page[i]);
	kvfree(map->page);
	memset(map, 0, sizeof(*map));
}

void sp_bitmap_clear(struct sp_bitmap *map)
{
	unsigned long i;

	for (i = 0; i < map->pages; i++)
		clear_page(map->page[i]);
}

void sp_bitmap_set(struct sp_bitmap *map, unsigned long pfn)
{
	unsigned long *page;

	if (pfn >= map->bits)
		return;
	page = map->page[pfn / PAGE_BITS];
	/* A look first, as a locked operation costs more. */
	if (!test_bit(pfn % PAGE_BITS, page))
		set_bit(pfn % PAGE_BITS, page);
}

void sp_bitmap_fill(struct sp_bitmap *map, unsigned long first, unsigned long count)
{
	unsigned long n;

	if (first >= map->bits)
		return;
	count = min(count, map->bits - first);
	for (; count; count -= n, first += n) {
		n = min(count, PAGE_BITS - first % PAGE_BITS);
		bitmap_set(map->page[first / PAGE_BITS], first % PAGE_BITS, n);
	}
}

bool sp_bitmap_test(const struct sp_bitmap *map, unsigned long pfn)
{
	return pfn < map->bits && test_bit(pfn % PAGE_BITS, map->page[pfn / PAGE_BITS]);
}

bool sp_bitmap_take(struct sp_bitmap *map, unsigned long pfn)
{
	return pfn < map->bits && test_and_clear_bit(pfn % PAGE_BITS, map->page[pfn / PAGE_BITS]);
}

void sp_bitmap_add(struct sp_bitmap *to, const struct sp_bitmap *from)
{
	unsigned long i;

	for (i = 0; i < from->pages; i++)
		bitmap_or(to->page[i], to->page[i], from->page[i], PAGE_BITS);
}

void sp_bitmap_subtract(struct sp_bitmap *map, const struct sp_bitmap *other)
{
	unsigned long i;

	for (i = 0; i < other->pages; i++)
		bitmap_andnot(map->page[i], map->page[i], other->page[i], PAGE_BITS);
}

void sp_bitmap_move(struct sp_bitmap *to, struct sp_bitmap *from)
{
	unsigned long i, word;

	for (i = 0; i < from->pages; i++)
		for (word = 0; word < PAGE_BITS / BITS_PER_LONG; word++)
			if (READ_ONCE(from->page[i][word]))
				to->page[i][word] |= xchg(&from->page[i][word], 0);
}

unsigned long sp_bitmap_weight(const struct sp_bitmap *map)
{
	unsigned long i, weight = 0;

	for (i = 0; i < map->pages; i++)
		weight += bitmap_weight(map->page[i], PAGE_BITS);
	return weight;
}
