/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages on their way into a packed image. They are copied into frames, which
 * threads compress, encrypt and checksum, and which are written in order.
 */
#ifndef STILLPOINT_PACKED_FRAMES_H
#define STILLPOINT_PACKED_FRAMES_H

#include <stdint.h>

#include "image.h"
#include "packed_index.h"
#include "section.h"
#include "workers.h"

/* Runs in a frame that is written. */
#define PACKED_RUNS 1024

struct packed_frames;

/**
 * struct packed_frame - a slot of the ring
 * @nruns: of @runs, in the order of their pages
 * @raw: bytes of pages of kind DATA
 * @highest: highest pfn
 * @entry: of the index
 * @pages: room for runs, the pages, and a tag
 * @packed: the same for the compressed pages; NULL if nothing is compressed
 * @section: in one of them, @size bytes to be written; NULL if that could not be made
 */
struct packed_frame {
	struct workers_job job;
	struct packed_frames *frames;
	struct stillpoint_run runs[PACKED_RUNS];
	unsigned int nruns;
	uint32_t raw;
	uint64_t lowest;
	uint64_t highest;
	uint32_t number;
	size_t entry;
	uint8_t *pages;
	uint8_t *packed;
	uint8_t *section;
	size_t size;
};

/**
 * struct packed_frames - the ring
 * @first: slot to be written next
 * @used: slots that threads have; the slot behind them is being filled
 * @compress: as asked for
 * @codecs: one for each thread
 */
struct packed_frames {
	struct output *out;
	struct sections *sections;
	struct packed_index *index;
	struct workers workers;
	struct codec_choice compress;
	struct codec *codecs[WORKERS_MAX];
	struct packed_frame *ring;
	unsigned int slots;
	unsigned int first;
	unsigned int used;
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

/* The entry of the index that the next page added will have. */
size_t packed_frames_entry(const struct packed_frames *f);

/* Give all pages so far to the output. Returns 0 or -1, recorded. */
int packed_frames_drain(struct packed_frames *f);

/* An upper bound of the bytes of frames and index for @pages with data, and @pfns in all. */
uint64_t packed_frames_bytes(uint64_t pages, uint64_t pfns);

#endif /* STILLPOINT_PACKED_FRAMES_H */
