/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A bit for each of the guest's pfns, in single pages. Bits are set and taken
 * atomically, in any context; a pfn that the bitmap does not cover is ignored.
 */
#ifndef SP_BITMAP_H
#define SP_BITMAP_H

#include <linux/types.h>

/**
 * struct sp_bitmap - the bitmap
 * @bits: it covers the pfns below; 0 if it is not there
 * @pages: how many pages
 * @page: the pages, STILLPOINT_BITMAP_PAGE_BITS bits each
 */
struct sp_bitmap {
	unsigned long bits;
	unsigned long pages;
	unsigned long **page;
};

/* All bits clear. -ENOMEM. */
int sp_bitmap_init(struct sp_bitmap *map, unsigned long bits);
/* Also of a zeroed struct sp_bitmap. */
void sp_bitmap_free(struct sp_bitmap *map);

void sp_bitmap_clear(struct sp_bitmap *map);
void sp_bitmap_set(struct sp_bitmap *map, unsigned long pfn);
bool sp_bitmap_test(const struct sp_bitmap *map, unsigned long pfn);

/* Sets @count bits from @first on; nobody else may change the bitmap meanwhile. */
void sp_bitmap_fill(struct sp_bitmap *map, unsigned long first, unsigned long count);

/* Clears the bit of @pfn; true if it was set. */
bool sp_bitmap_take(struct sp_bitmap *map, unsigned long pfn);

/* Adds the bits of @from, of the same size, to @to. */
void sp_bitmap_add(struct sp_bitmap *to, const struct sp_bitmap *from);

/* Clears those bits of @map that are set in @other, of the same size. */
void sp_bitmap_subtract(struct sp_bitmap *map, const struct sp_bitmap *other);

/* Moves the bits of @from, of the same size, to @to: they are clear in @from after. */
void sp_bitmap_move(struct sp_bitmap *to, struct sp_bitmap *from);

unsigned long sp_bitmap_weight(const struct sp_bitmap *map);

#endif /* SP_BITMAP_H */
