/* SPDX-License-Identifier: GPL-2.0 */
/* Whether an image fits where it is to be written. */
#ifndef STILLPOINT_SPACE_H
#define STILLPOINT_SPACE_H

#include "image/image.h"

/* True if an upper bound is near what an image takes: nothing in it is compressed. */
bool space_is_known(const struct image_options *opts);

/*
 * An image with @opts may take @bytes, an upper bound. If there is less space, that is an
 * error, or only warned about if the image probably is far smaller: if it is not
 * space_is_known(), or if the bound is @loose. 0 or -1, recorded.
 */
int space_check(const struct output *out, const struct image_options *opts, uint64_t bytes,
		bool loose);

#endif /* STILLPOINT_SPACE_H */
