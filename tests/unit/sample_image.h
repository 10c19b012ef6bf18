/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small image with everything that images can have in it, always the same: 600 pfns of
 * every kind and type, some of which come again, a p2m that grows, and three vCPUs.
 */
#ifndef STILLPOINT_SAMPLE_IMAGE_H
#define STILLPOINT_SAMPLE_IMAGE_H

#include "image/image.h"

#define SAMPLE_PFNS 600

/* What it comes to: pages that a restore makes, and those of them with bytes. */
#define SAMPLE_PAGES 74
#define SAMPLE_FREE 10

/* Give it to @img, all but the last bytes. Fails the test if it cannot. */
void sample_image_give(struct image *img);

/* Write it as @path. */
void sample_image_write(const char *path, const struct image_options *opts);

#endif /* STILLPOINT_SAMPLE_IMAGE_H */
