/* SPDX-License-Identifier: GPL-2.0 */
/* A side file: the tmem pools of an image whose layout has no place for them. */
#ifndef STILLPOINT_SIDE_WRITER_H
#define STILLPOINT_SIDE_WRITER_H

#include "image.h"

/*
 * A side file that is written to @out. Of its operations there are tmem() and free().
 * Returns NULL with an error recorded.
 */
struct image *side_writer_new(struct output *out);

/*
 * Complete it: it belongs to @of, an image in xl's layout whose tail() was called. All is given
 * to the output, not yet on disk. 0 or -1, recorded.
 */
int side_writer_end(struct image *img, struct image *of);

#endif /* STILLPOINT_SIDE_WRITER_H */
