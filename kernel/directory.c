// SPDX-License-Identifier: GPL-2.0
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/string.h>

#include "directory.h"

int sp_directory_init(struct sp_directory *dir, const struct sp_bitmap *map)
{
	unsigned long i;
	u64 **page;

	memset(dir, 0, sizeof(*dir));
	if (map->pages > STILLPOINT_DIRS * STILLPOINT_DIR_ENTRIES)
		return -EFBIG;
	for (i = 0; i < map->pages; i++) {
		page = &dir->page[i / STILLPOINT_DIR_ENTRIES];
		if (!*page)
			*page = (u64 *)get_zeroed_page(GFP_KERNEL);
		if (!*page) {
			sp_directory_free(dir);
			return -ENOMEM;
		}
		(*page)[i % STILLPOINT_DIR_ENTRIES] = PFN_DOWN(__pa(map->page[i]));
		dir->pfn[i / STILLPOINT_DIR_ENTRIES] = PFN_DOWN(__pa(*page));
	}
	return 0;
}

void sp_directory_free(struct sp_directory *dir)
{
	unsigned int i;

	for (i = 0; i < STILLPOINT_DIRS; i++)
		free_page((unsigned long)dir->page[i]);
	memset(dir, 0, sizeof(*dir));
}
