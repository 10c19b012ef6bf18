/* SPDX-License-Identifier: GPL-2.0 */
/* Reading pages of a packed image that is still being written. */
#ifndef STILLPOINT_PACKED_READBACK_H
#define STILLPOINT_PACKED_READBACK_H

#include "frame.h"
#include "image.h"
#include "packed_index.h"
#include "section.h"

/**
 * struct packed_readback - where pages are, and the frame that was looked at last
 * @where: entry of the index and one more, for each pfn; 0 if it is zeroes
 * @pfns: of @where
 * @cached: the entry and one more of the frame that is in memory
 * @body: its section's body
 * @room: its pages, if they were compressed
 * @pages: its pages
 */
struct packed_readback {
	uint32_t *where;
	uint64_t pfns;
	uint32_t cached;
	uint8_t *body;
	uint8_t *room;
	const uint8_t *pages;
	struct frame frame;
	struct codec *codec;
};

/* Returns 0, or -1 with an error recorded. packed_readback_free() is due in both cases. */
int packed_readback_init(struct packed_readback *rb, uint32_t frame_bytes);

void packed_readback_free(struct packed_readback *rb);

/* There are @pfns pfns now. Returns 0 or -1, recorded. */
int packed_readback_grow(struct packed_readback *rb, uint64_t pfns);

/* Copy the newest bytes of @pfn to @data. Its frame is in the file. 0 or -1, recorded. */
int packed_readback_page(struct packed_readback *rb, const struct sections *sections,
			 const struct packed_index *index, const struct output *out, uint64_t pfn,
			 void *data);

#endif /* STILLPOINT_PACKED_READBACK_H */
