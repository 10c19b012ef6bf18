/* SPDX-License-Identifier: GPL-2.0 */
/* How dom0 finds the pages of a bitmap; see stillpoint/control.h. */
#ifndef SP_DIRECTORY_H
#define SP_DIRECTORY_H

#include <linux/types.h>

#include <stillpoint/control.h>

#include "bitmap.h"

/**
 * struct sp_directory - the directories of one bitmap
 * @page: what they are made of, NULL from the first that is not used
 * @pfn: of @page, 0 from the first that is not used
 */
struct sp_directory {
	u64 *page[STILLPOINT_DIRS];
	u64 pfn[STILLPOINT_DIRS];
};

/* For @map, which must live as long. -ENOMEM, or -EFBIG if it has too many pages. */
int sp_directory_init(struct sp_directory *dir, const struct sp_bitmap *map);
/* Also of a zeroed struct sp_directory. */
void sp_directory_free(struct sp_directory *dir);

#endif /* SP_DIRECTORY_H */
