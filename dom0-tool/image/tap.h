/* SPDX-License-Identifier: GPL-2.0 */
/* Something that passes what it is given on to an image, and may change it. */
#ifndef STILLPOINT_TAP_H
#define STILLPOINT_TAP_H

#include "image.h"

/**
 * struct tap - between a source and an image
 * @to: the image; the caller's
 * @config: takes the place of the configuration, unless it is NULL
 * @p2m: called before the p2m is passed on; not 0 is an error, recorded. Or NULL
 * @tmem: takes the place of passing on what belongs to tmem; the same
 * @tail: called before the tail is passed on; the same
 * @data: for all of these
 * @failed: it was the image that failed
 */
struct tap {
	struct image img;
	struct image *to;
	const char *config;
	int (*p2m)(void *data, const struct image_p2m *p2m);
	int (*tmem)(void *data, const struct image_tmem *part);
	int (*tail)(void *data);
	void *data;
	bool failed;
};

/* Prepare, with nothing to change. There is nothing to free. */
void tap_init(struct tap *tap, struct image *to);

#endif /* STILLPOINT_TAP_H */
