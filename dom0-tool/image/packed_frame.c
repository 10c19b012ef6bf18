// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "copier.h"
#include "crypt.h"
#include "msg.h"
#include "packed_frame.h"

/* Before the data of a frame stand its runs, its header and that of the section. */
#define FRAME_HEADROOM                                                         \
	(sizeof(struct stillpoint_section) + sizeof(struct stillpoint_frame) + \
	 PACKED_RUNS * sizeof(struct stillpoint_run))

_Static_assert(PACKED_FRAME_PAGES <= PACKED_RUNS, "each borrowed page may be a run");

int packed_frame_init(struct packed_frame *frame, const struct codec_choice *compress)
{
	const size_t more = FRAME_HEADROOM + CRYPT_TAG_BYTES;

	frame->pages = malloc(PACKED_FRAME_BYTES + more);
	if (compress->codec != STILLPOINT_CODEC_NONE)
		frame->packed = malloc(codec_bound(compress, PACKED_FRAME_BYTES) + more);
	if (!frame->pages || (compress->codec != STILLPOINT_CODEC_NONE && !frame->packed))
		return msg_error("out of memory for the frames of the image");
	packed_frame_reset(frame);
	return 0;
}

void packed_frame_free(struct packed_frame *frame)
{
	free(frame->pages);
	free(frame->packed);
}

void packed_frame_reset(struct packed_frame *frame)
{
	frame->nruns = 0;
	frame->borrowed = 0;
	frame->copied = true;
	frame->bytes = frame->pages + FRAME_HEADROOM;
	frame->raw = 0;
	frame->lowest = UINT64_MAX;
	frame->highest = 0;
	frame->section = NULL;
}

bool packed_frame_is_empty(const struct packed_frame *frame)
{
	return !frame->nruns && !frame->borrowed;
}

/* Pages mostly ascend, and then nothing is looked for. */
static bool frame_has(const struct packed_frame *frame, uint64_t pfn)
{
	unsigned int i;

	if (!frame->nruns || pfn > frame->highest || pfn < frame->lowest)
		return false;
	for (i = 0; i < frame->nruns; i++)
		if (pfn - frame->runs[i].pfn < frame->runs[i].count)
			return true;
	return false;
}

bool packed_frame_takes(const struct packed_frame *frame, uint64_t pfn, unsigned int kind)
{
	return !frame->borrowed && frame->nruns < PACKED_RUNS &&
	       !(kind == STILLPOINT_PAGE_DATA && frame->raw == PACKED_FRAME_BYTES) &&
	       !frame_has(frame, pfn);
}

static void frame_count(struct packed_frame *frame, uint64_t pfn)
{
	if (pfn < frame->lowest)
		frame->lowest = pfn;
	if (pfn > frame->highest)
		frame->highest = pfn;
}

static void frame_add_run(struct packed_frame *frame, uint64_t pfn, unsigned int kind,
			  unsigned int type)
{
	struct stillpoint_run *run = frame->nruns ? &frame->runs[frame->nruns - 1] : NULL;

	if (run && run->kind == kind && run->type == type && run->pfn + run->count == pfn &&
	    run->count < UINT32_MAX) {
		run->count++;
		return;
	}
	frame->runs[frame->nruns++] = (struct stillpoint_run){
		.pfn = pfn,
		.count = 1,
		.kind = kind,
		.type = type,
	};
}

void packed_frame_add(struct packed_frame *frame, uint64_t pfn, unsigned int kind,
		      unsigned int type, const void *data)
{
	frame_count(frame, pfn);
	frame_add_run(frame, pfn, kind, type);
	if (kind != STILLPOINT_PAGE_DATA)
		return;
	memcpy(frame->bytes + frame->raw, data, PAGE_BYTES);
	frame->raw += PAGE_BYTES;
}

bool packed_frame_lends(const struct packed_frame *frame, uint64_t pfn)
{
	return !frame->nruns && frame->borrowed < PACKED_FRAME_PAGES &&
	       (!frame->borrowed || pfn > frame->highest);
}

void packed_frame_borrow(struct packed_frame *frame, uint64_t pfn, const uint8_t *src)
{
	frame_count(frame, pfn);
	frame->pfns[frame->borrowed] = pfn;
	frame->src[frame->borrowed++] = src;
	frame->copied = false;
}

bool packed_frame_is_full(const struct packed_frame *frame)
{
	return frame->borrowed == PACKED_FRAME_PAGES;
}

void packed_frame_copy(struct packed_frame *frame, uint8_t *room)
{
	unsigned int i, kind;
	uint8_t *to;

	if (room)
		frame->bytes = room;
	for (i = 0; i < frame->borrowed; i++) {
		if (i + 1 < frame->borrowed)
			copier_fetch(frame->src[i + 1]);
		/* The page is looked at where it was copied to: its owner may write it. */
		to = frame->bytes + frame->raw;
		memcpy(to, frame->src[i], PAGE_BYTES);
		kind = page_is_zero(to) ? STILLPOINT_PAGE_ZERO : STILLPOINT_PAGE_DATA;
		frame_add_run(frame, frame->pfns[i], kind, 0);
		frame->raw += kind == STILLPOINT_PAGE_DATA ? PAGE_BYTES : 0;
	}
	frame->borrowed = 0;
}

/* Put the headers and runs before the @stored bytes at @data, and make a section of all. */
static void frame_complete(struct packed_frame *frame, const struct sections *sections,
			   uint8_t *data, uint32_t codec, uint32_t stored)
{
	const size_t runs = frame->nruns * sizeof(frame->runs[0]);
	struct stillpoint_frame head = {
		.codec = codec,
		.runs = frame->nruns,
		.raw = frame->raw,
		.stored = stored,
	};
	uint8_t *body = data - runs - sizeof(head);
	struct stillpoint_section h;

	memcpy(body, &head, sizeof(head));
	memcpy(body + sizeof(head), frame->runs, runs);
	if (section_make(sections, STILLPOINT_SECTION_PAGES, STILLPOINT_SECTION_MANDATORY,
			 frame->number, body, sizeof(head) + runs + stored, &h))
		return;
	frame->section = body - sizeof(h);
	frame->size = sizeof(h) + h.length;
	memcpy(frame->section, &h, sizeof(h));
}

void packed_frame_make(struct packed_frame *frame, const struct sections *sections,
		       const struct codec_choice *compress, struct codec *codec)
{
	uint8_t *pages = frame->pages + FRAME_HEADROOM;
	size_t n = 0;

	if (frame->packed && frame->raw)
		n = codec_compress(codec, frame->bytes, frame->raw, frame->packed + FRAME_HEADROOM,
				   codec_bound(compress, frame->raw));
	if (n) {
		frame_complete(frame, sections, frame->packed + FRAME_HEADROOM, compress->codec, n);
		return;
	}
	if (frame->bytes != pages)
		memcpy(pages, frame->bytes, frame->raw);
	frame_complete(frame, sections, pages, STILLPOINT_CODEC_NONE, frame->raw);
}
