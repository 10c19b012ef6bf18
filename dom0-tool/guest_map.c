// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include <stillpoint/control.h>

#include "guest_map.h"
#include "msg.h"
#include "page.h"

/**
 * struct guest_map - the part of a bitmap that one directory names
 * @first: its first page
 * @end: the bitmap's pages end before this one
 */
struct guest_map {
	struct ram *mem;
	const char *what;
	uint64_t first;
	uint64_t end;
};

/* Where @pfn is mapped, NULL if it has no frame or cannot be. */
static const uint8_t *guest_map_find(const struct guest_map *map, uint64_t pfn)
{
	struct ram *mem = map->mem;
	const uint8_t *page = ram_page(mem, pfn);

	return page || pfn >= mem->size || mem->p2m[pfn] > MFN_MAX ? page : ram_map(mem, pfn);
}

/* Page @index of the bitmap, of which the directory entry is @pfn. */
static int guest_map_page(const struct guest_map *map, uint64_t index, uint64_t pfn,
			  struct bitmap *to)
{
	const uint64_t words = STILLPOINT_BITMAP_PAGE_BITS / 64;
	const uint8_t *page = guest_map_find(map, pfn);

	if (!page)
		return msg_error(
			"page %llu of the guest's bitmap of %s pages has the bad pfn %#llx",
			(unsigned long long)index, map->what, (unsigned long long)pfn);
	bitmap_or_words(to, index * words, (const uint64_t *)page, words);
	return 0;
}

static int guest_map_directory(const struct guest_map *map, uint64_t pfn, struct bitmap *to)
{
	const uint8_t *page = guest_map_find(map, pfn);
	uint64_t entries[STILLPOINT_DIR_ENTRIES];
	uint64_t i;

	if (!page)
		return msg_error(
			"directory %llu of the guest's bitmap of %s pages has the bad pfn %#llx",
			(unsigned long long)(map->first / STILLPOINT_DIR_ENTRIES), map->what,
			(unsigned long long)pfn);
	memcpy(entries, page, sizeof(entries));
	for (i = 0; i < STILLPOINT_DIR_ENTRIES && map->first + i < map->end; i++)
		if (guest_map_page(map, map->first + i, entries[i], to))
			return -1;
	return 0;
}

int guest_map_read(struct ram *mem, const char *what, uint64_t pfns, const __u64 *dir,
		   struct bitmap *to)
{
	struct guest_map map = { .mem = mem, .what = what };

	if (pfns > to->bits)
		pfns = to->bits;
	map.end = (pfns + STILLPOINT_BITMAP_PAGE_BITS - 1) / STILLPOINT_BITMAP_PAGE_BITS;
	if (map.end > (uint64_t)STILLPOINT_DIRS * STILLPOINT_DIR_ENTRIES)
		return msg_error(
			"the guest's bitmap of %s pages has %llu pages, at most %u are possible",
			what, (unsigned long long)map.end,
			STILLPOINT_DIRS * STILLPOINT_DIR_ENTRIES);
	for (; map.first < map.end; map.first += STILLPOINT_DIR_ENTRIES)
		if (guest_map_directory(&map, dir[map.first / STILLPOINT_DIR_ENTRIES], to))
			return -1;
	return 0;
}
