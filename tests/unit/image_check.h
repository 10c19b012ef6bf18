/* SPDX-License-Identifier: GPL-2.0 */
/* Reading an image wholly, as `stillpoint verify` does. */
#ifndef STILLPOINT_IMAGE_CHECK_H
#define STILLPOINT_IMAGE_CHECK_H

#include "image/source.h"

/**
 * struct image_info - a checked image
 * @src: what is known of it
 * @marked: it has a digest
 * @config: its configuration; free() it
 * @stream: in xl's layout, offset of the byte behind the configuration
 * @pages: pages that a restore makes
 */
struct image_info {
	struct source_info src;
	bool marked;
	bool hvm;
	char *config;
	uint64_t stream;
	uint64_t pages;
};

/* Returns 0, or -1 with an error recorded. */
int image_check(int fd, struct image_info *info);

#endif /* STILLPOINT_IMAGE_CHECK_H */
