// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "packed_frames.h"
#include "packed_writer.h"
#include "page.h"
#include "signals.h"

/* Before the data of a frame stand its runs, its header and that of the section. */
#define FRAME_HEADROOM                                                         \
	(sizeof(struct stillpoint_section) + sizeof(struct stillpoint_frame) + \
	 PACKED_RUNS * sizeof(struct stillpoint_run))

static struct packed_frame *frames_open(const struct packed_frames *f)
{
	return &f->ring[(f->first + f->used) % f->slots];
}

static void frame_reset(struct packed_frame *frame)
{
	frame->nruns = 0;
	frame->raw = 0;
	frame->lowest = UINT64_MAX;
	frame->highest = 0;
	frame->section = NULL;
}

/* Put the headers and runs before the @stored bytes at @data, and make a section of all. */
static void frame_complete(struct packed_frame *frame, uint8_t *data, uint32_t codec,
			   uint32_t stored)
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
	if (section_make(frame->frames->sections, STILLPOINT_SECTION_PAGES,
			 STILLPOINT_SECTION_MANDATORY, frame->number, body,
			 sizeof(head) + runs + stored, &h))
		return;
	frame->section = body - sizeof(h);
	frame->size = sizeof(h) + h.length;
	memcpy(frame->section, &h, sizeof(h));
}

static void frame_run(struct workers_job *job, unsigned int thread)
{
	struct packed_frame *frame = (struct packed_frame *)job;
	struct packed_frames *f = frame->frames;
	size_t n = 0;

	if (frame->packed && frame->raw)
		n = codec_compress(f->codecs[thread], frame->pages + FRAME_HEADROOM, frame->raw,
				   frame->packed + FRAME_HEADROOM,
				   codec_bound(&f->compress, frame->raw));
	if (n)
		frame_complete(frame, frame->packed + FRAME_HEADROOM, f->compress.codec, n);
	else
		frame_complete(frame, frame->pages + FRAME_HEADROOM, STILLPOINT_CODEC_NONE,
			       frame->raw);
}

static int frames_write_first(struct packed_frames *f)
{
	struct packed_frame *frame = &f->ring[f->first];

	workers_wait(&f->workers, &frame->job);
	f->first = (f->first + 1) % f->slots;
	f->used--;
	/* Whoever could not make it has recorded why. */
	if (!frame->section || signals_check())
		return -1;
	f->index->entries[frame->entry].offset = f->out->length;
	sections_digest(f->sections, (const void *)frame->section);
	return output_append(f->out, frame->section, frame->size);
}

/* Write what is ready, so that the output is busy too; one slot must become free. */
static int frames_make_room(struct packed_frames *f)
{
	while (f->used == f->slots ||
	       (f->used && workers_done(&f->workers, &f->ring[f->first].job)))
		if (frames_write_first(f))
			return -1;
	return 0;
}

/* The frame that is being filled is complete, if it has pages at all. */
static int frames_finish(struct packed_frames *f)
{
	struct packed_frame *frame = frames_open(f);
	struct stillpoint_index_entry entry = {
		.lowest = frame->lowest,
		.highest = frame->highest,
		.type = STILLPOINT_SECTION_PAGES,
	};

	if (!frame->nruns)
		return 0;
	frame->number = sections_number(f->sections);
	frame->entry = f->index->n;
	entry.number = frame->number;
	if (packed_index_add(f->index, &entry))
		return -1;
	f->used++;
	workers_submit(&f->workers, &frame->job);
	if (frames_make_room(f))
		return -1;
	frame_reset(frames_open(f));
	return 0;
}

int packed_frames_drain(struct packed_frames *f)
{
	if (frames_finish(f))
		return -1;
	while (f->used)
		if (frames_write_first(f))
			return -1;
	return 0;
}

size_t packed_frames_entry(const struct packed_frames *f)
{
	/* No other entry is added before the open frame's. */
	return f->index->n;
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

static void frame_add(struct packed_frame *frame, uint64_t pfn, unsigned int kind,
		      unsigned int type)
{
	struct stillpoint_run *run = frame->nruns ? &frame->runs[frame->nruns - 1] : NULL;

	if (pfn < frame->lowest)
		frame->lowest = pfn;
	if (pfn > frame->highest || !run)
		frame->highest = pfn;
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

int packed_frames_add(struct packed_frames *f, uint64_t pfn, unsigned int kind, unsigned int type,
		      const void *data)
{
	struct packed_frame *frame = frames_open(f);
	bool full;

	full = frame->nruns == PACKED_RUNS ||
	       (kind == STILLPOINT_PAGE_DATA && frame->raw == f->sections->header.frame_bytes);
	if (full || frame_has(frame, pfn)) {
		if (frames_finish(f))
			return -1;
		frame = frames_open(f);
	}
	frame_add(frame, pfn, kind, type);
	if (kind != STILLPOINT_PAGE_DATA)
		return 0;
	memcpy(frame->pages + FRAME_HEADROOM + frame->raw, data, PAGE_BYTES);
	frame->raw += PAGE_BYTES;
	return 0;
}

static int frame_init(struct packed_frame *frame, struct packed_frames *f)
{
	const size_t raw = f->sections->header.frame_bytes;

	frame->frames = f;
	frame_reset(frame);
	frame->pages = malloc(FRAME_HEADROOM + raw + CRYPT_TAG_BYTES);
	if (f->compress.codec != STILLPOINT_CODEC_NONE)
		frame->packed =
			malloc(FRAME_HEADROOM + codec_bound(&f->compress, raw) + CRYPT_TAG_BYTES);
	if (!frame->pages || (f->compress.codec != STILLPOINT_CODEC_NONE && !frame->packed))
		return msg_error("out of memory for the frames of the image");
	return 0;
}

int packed_frames_init(struct packed_frames *f, const struct image_options *opts)
{
	unsigned int threads = opts->threads ? opts->threads : 1, i;

	if (threads > WORKERS_MAX)
		threads = WORKERS_MAX;
	f->compress = opts->compress;
	/* Each thread has one to work on and one that waits; one is filled, one written. */
	f->slots = 2 * threads + 2;
	f->ring = calloc(f->slots, sizeof(*f->ring));
	if (!f->ring)
		return msg_error("out of memory for the frames of the image");
	for (i = 0; i < f->slots; i++)
		if (frame_init(&f->ring[i], f))
			return -1;
	for (i = 0; i < threads; i++) {
		f->codecs[i] = codec_new(&f->compress);
		if (!f->codecs[i])
			return -1;
	}
	return workers_start(&f->workers, threads, frame_run);
}

void packed_frames_free(struct packed_frames *f)
{
	unsigned int i;

	workers_stop(&f->workers);
	for (i = 0; i < WORKERS_MAX; i++)
		codec_free(f->codecs[i]);
	for (i = 0; f->ring && i < f->slots; i++) {
		free(f->ring[i].pages);
		free(f->ring[i].packed);
	}
	free(f->ring);
	f->ring = NULL;
}

uint64_t packed_frames_bytes(uint64_t pages, uint64_t pfns)
{
	const uint64_t per_frame = PACKED_FRAME_BYTES / PAGE_BYTES;
	/* A frame is full of pages, or of runs, or it is the last one before a P2M. */
	uint64_t frames = pages / per_frame + pfns / PACKED_RUNS + 4;
	uint64_t entries = frames + 2;

	return pages * PAGE_BYTES + pfns * sizeof(struct stillpoint_run) +
	       frames * (sizeof(struct stillpoint_section) + sizeof(struct stillpoint_frame) +
			 CRYPT_TAG_BYTES) +
	       entries * sizeof(struct stillpoint_index_entry) +
	       (entries / PACKED_INDEX_ENTRIES + 1) *
		       (sizeof(struct stillpoint_section) + CRYPT_TAG_BYTES);
}
