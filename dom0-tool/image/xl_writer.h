/* SPDX-License-Identifier: GPL-2.0 */
/* xl's layout, which stock `xl restore` reads; with a trailer (trailer.h). */
#ifndef STILLPOINT_XL_WRITER_H
#define STILLPOINT_XL_WRITER_H

#include "image.h"

/* Returns NULL with an error recorded. */
struct image *xl_writer_new(struct output *out, const struct image_options *opts);

/* What a side file is told of a complete one. It is the image's. */
const struct stillpoint_tmem_image *xl_writer_identity(struct image *img);

/* An upper bound of the image's bytes without its configuration and vCPUs. */
uint64_t xl_writer_bytes(uint64_t pages, uint64_t pfns);

#endif /* STILLPOINT_XL_WRITER_H */
