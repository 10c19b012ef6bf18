// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <stdlib.h>

#include "image_check.h"
#include "image/xl_source.h"

int image_check(int fd, struct image_info *info)
{
	static const struct source_options opts = { .threads = 1 };
	struct source *src = source_open(fd, &opts);
	int ret;

	memset(info, 0, sizeof(*info));
	if (!src)
		return -1;
	ret = source_pump(src, NULL);
	if (!ret) {
		info->src = src->info;
		info->marked = src->info.digest;
		info->hvm = src->info.hvm;
		info->pages = src->info.pages[STILLPOINT_PAGE_DATA] +
			      src->info.pages[STILLPOINT_PAGE_ZERO] +
			      src->info.pages[STILLPOINT_PAGE_FREE];
		info->config = src->info.config ? strdup(src->info.config) : NULL;
		if (src->info.layout == IMAGE_XL)
			info->stream = xl_source_stream(src);
	}
	source_free(src);
	return ret;
}
