/* SPDX-License-Identifier: GPL-2.0 */
/* Making an image of another. */
#ifndef STILLPOINT_CONVERT_H
#define STILLPOINT_CONVERT_H

#include "image/source.h"

/**
 * struct convert_options - how
 * @path: of the image that is made; "-" for standard output
 * @replace: an existing file may be replaced
 * @image: its layout
 * @tmem_path: of a side file for tmem pools that is made, with xl's layout; NULL for none
 * @side_path: of the side file of the image that is read, if that is in xl's layout; NULL for
 *	none
 */
struct convert_options {
	const char *path;
	bool replace;
	struct image_options image;
	const char *tmem_path;
	const char *side_path;
};

/*
 * Write @src, which was not pumped yet, as @opts say; *bytes becomes the length of what
 * was written. The file has its name only if all of @src was right and it is on disk.
 * 0 or -1, recorded.
 */
int convert_run(struct source *src, const struct convert_options *opts, uint64_t *bytes);

#endif /* STILLPOINT_CONVERT_H */
