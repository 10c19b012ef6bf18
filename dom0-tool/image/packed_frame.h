/* SPDX-License-Identifier: GPL-2.0 */
/* Pages that become one PAGES section of a packed image. */
#ifndef STILLPOINT_PACKED_FRAME_H
#define STILLPOINT_PACKED_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stillpoint/image.h>

#include "codec.h"
#include "page.h"
#include "section.h"
#include "workers.h"

/* Runs in a frame that is written. */
#define PACKED_RUNS 1024

/* Raw bytes of pages in a frame: the more, the better they compress. */
#define PACKED_FRAME_BYTES STILLPOINT_FRAME_MAX

#define PACKED_FRAME_PAGES (PACKED_FRAME_BYTES / PAGE_BYTES)

struct packed_frames;

/**
 * struct packed_frame - a slot of the ring of @frames
 * @nruns: of @runs, in the order of their pages
 * @raw: bytes of pages of kind DATA
 * @lowest: lowest pfn
 * @highest: highest pfn
 * @number: of the section
 * @entry: of the index
 * @pfns: of borrowed pages, ascending
 * @src: where they are
 * @borrowed: their number. A frame that has any has no runs until they are copied
 * @copied: no page is borrowed, or all of them are copied
 * @bytes: where the pages of kind DATA are, until packed_frame_make()
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
	uint64_t pfns[PACKED_FRAME_PAGES];
	const uint8_t *src[PACKED_FRAME_PAGES];
	unsigned int borrowed;
	bool copied;
	uint8_t *bytes;
	uint8_t *pages;
	uint8_t *packed;
	uint8_t *section;
	size_t size;
};

/*
 * An empty frame. Returns 0, or -1 with an error recorded. packed_frame_free() is due in both
 * cases.
 */
int packed_frame_init(struct packed_frame *frame, const struct codec_choice *compress);

void packed_frame_free(struct packed_frame *frame);

/* Make it empty. */
void packed_frame_reset(struct packed_frame *frame);

bool packed_frame_is_empty(const struct packed_frame *frame);

/* Whether a page can be added: its pfn is not there, there is room, and nothing is borrowed. */
bool packed_frame_takes(const struct packed_frame *frame, uint64_t pfn, unsigned int kind);

/* Add a page of @kind and @type (XEN_DOMCTL_PFINFO_* >> 28); bytes of the kind DATA are copied. */
void packed_frame_add(struct packed_frame *frame, uint64_t pfn, unsigned int kind,
		      unsigned int type, const void *data);

/* Whether a page can be borrowed: its pfn is the highest, there is room, and nothing was added. */
bool packed_frame_lends(const struct packed_frame *frame, uint64_t pfn);

/* Borrow a page of plain memory, which somebody may write until it is copied, and then. */
void packed_frame_borrow(struct packed_frame *frame, uint64_t pfn, const uint8_t *src);

bool packed_frame_is_full(const struct packed_frame *frame);

/*
 * Copy what is borrowed, to the frame, or to @room of PACKED_FRAME_BYTES, which then has to stay
 * until packed_frame_make() is done. @copied is for the caller to set.
 */
void packed_frame_copy(struct packed_frame *frame, uint8_t *room);

/* Compress and make the section; without one, an error is recorded. @codec is for @compress. */
void packed_frame_make(struct packed_frame *frame, const struct sections *sections,
		       const struct codec_choice *compress, struct codec *codec);

#endif /* STILLPOINT_PACKED_FRAME_H */
