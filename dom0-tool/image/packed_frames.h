/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages on their way into a packed image. They are gathered in frames, which
 * threads compress, encrypt and checksum, and which are written in order.
 */
#ifndef STILLPOINT_PACKED_FRAMES_H
#define STILLPOINT_PACKED_FRAMES_H

#include <stdint.h>

#include "image.h"
#include "packed_frame.h"
#include "packed_index.h"
#include "section.h"
#include "workers.h"

/**
 * struct packed_frames - the ring
 * @first: slot to be written next
 * @used: slots that threads have; the slot behind them is being filled
 * @borrows: pages were borrowed since packed_frames_settle()
 * @entry: of the index, for the page that was added last
 * @compress: as asked for
 * @codecs: one for each thread
 * @rooms: one for each thread, see packed_frame_copy(); NULL if nothing is compressed
 */
struct packed_frames {
	struct output *out;
	struct sections *sections;
	struct packed_index *index;
	struct workers workers;
	struct codec_choice compress;
	struct codec *codecs[WORKERS_MAX];
	uint8_t *rooms[WORKERS_MAX];
	struct packed_frame *ring;
	unsigned int slots;
	unsigned int first;
	unsigned int used;
	bool borrows;
	size_t entry;
};

/* Returns 0, or -1 with an error recorded. packed_frames_free() is due in both cases. */
int packed_frames_init(struct packed_frames *f, const struct image_options *opts);

void packed_frames_free(struct packed_frames *f);

/*
 * Add a page of @kind and @type (XEN_DOMCTL_PFINFO_* >> 28), whose bytes are copied if
 * it is of kind DATA. Returns 0 or -1, recorded.
 */
int packed_frames_add(struct packed_frames *f, uint64_t pfn, unsigned int kind, unsigned int type,
		      const void *data);

/*
 * Add a page of plain memory, DATA or ZERO, whose bytes a thread copies from @src, which must
 * stay until packed_frames_settle() or packed_frames_free(). Returns 0 or -1, recorded.
 */
int packed_frames_borrow(struct packed_frames *f, uint64_t pfn, const uint8_t *src);

/* Have all that was borrowed copied now. */
void packed_frames_settle(struct packed_frames *f);

/* The entry of the index that the page added last has. */
size_t packed_frames_entry(const struct packed_frames *f);

/* Give all pages so far to the output. Returns 0 or -1, recorded. */
int packed_frames_drain(struct packed_frames *f);

/*
 * An upper bound of the bytes of frames and index for @pages that come as DATA, and @pfns in all.
 */
uint64_t packed_frames_bytes(uint64_t pages, uint64_t pfns);

#endif /* STILLPOINT_PACKED_FRAMES_H */
