/* SPDX-License-Identifier: GPL-2.0 */
/* The body of a PAGES section, as it is read. */
#ifndef STILLPOINT_FRAME_H
#define STILLPOINT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stillpoint/image.h>

#include "codec.h"

/**
 * struct frame - a checked frame; points into the body
 * @runs: head.runs of them
 * @stored: head.stored bytes
 * @offset: of the section in the file, for messages
 * @lowest: lowest pfn
 * @highest: highest pfn
 */
struct frame {
	struct stillpoint_frame head;
	const struct stillpoint_run *runs;
	const void *stored;
	uint64_t offset;
	uint64_t lowest;
	uint64_t highest;
};

/* Bytes that a body may have, where frames have @frame_bytes of pages at most. */
static inline size_t frame_body_max(uint32_t frame_bytes)
{
	return sizeof(struct stillpoint_frame) +
	       STILLPOINT_FRAME_RUNS_MAX * sizeof(struct stillpoint_run) + frame_bytes;
}

/* True if a page of @type, XEN_DOMCTL_PFINFO_* >> 28, can be of @kind. */
bool frame_kind_fits(unsigned int kind, unsigned int type);

/*
 * Check a body, aligned to 8 bytes, of an image with frames of @frame_bytes, for a guest
 * of @pfns pfns. Returns 0 or -1, recorded.
 */
int frame_parse(struct frame *frame, const void *body, size_t size, uint32_t frame_bytes,
		uint64_t pfns, uint64_t offset);

/*
 * Decompress into @room, which has head.raw bytes. Returns where the pages are, which is
 * @room, or in the body if they were not compressed; NULL with an error recorded.
 */
const uint8_t *frame_unpack(const struct frame *frame, struct codec *codec, void *room);

#endif /* STILLPOINT_FRAME_H */
