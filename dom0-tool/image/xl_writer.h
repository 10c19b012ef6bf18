/* SPDX-License-Identifier: GPL-2.0 */
/* xl's layout, which stock `xl restore` reads; with a trailer (trailer.h). */
#ifndef STILLPOINT_XL_WRITER_H
#define STILLPOINT_XL_WRITER_H

#include "image.h"
#include "page.h"
#include "xl_format.h"

/**
 * struct image_xl - a writer
 * @n: pages in the batch that becomes the next PAGE_DATA record
 */
struct image_xl {
	struct image img;
	unsigned int n;
	struct image_page batch[PAGE_DATA_MAX];
};

/* Prepare @xl to write to @out. The writer is &xl->img; nothing is to be freed. */
void image_xl_init(struct image_xl *xl, struct output *out);

/* An upper bound of the image's bytes without its configuration and vCPUs. */
uint64_t image_xl_bytes(uint64_t pages, uint64_t max_pfn);

#endif /* STILLPOINT_XL_WRITER_H */
