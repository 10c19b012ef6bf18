// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "msg.h"
#include "packed_frames.h"
#include "signals.h"

static struct packed_frame *frames_open(const struct packed_frames *f)
{
	return &f->ring[(f->first + f->used) % f->slots];
}

static void frames_run(struct workers_job *job, unsigned int thread)
{
	struct packed_frame *frame = (struct packed_frame *)job;
	struct packed_frames *f = frame->frames;

	/* What a thread has used last is in its processor's cache. */
	if (frame->borrowed) {
		packed_frame_copy(frame, f->rooms[thread]);
		workers_tell(&f->workers, &frame->copied);
	}
	packed_frame_make(frame, f->sections, &f->compress, f->codecs[thread]);
}

static int frames_write(struct packed_frames *f, const struct packed_frame *frame)
{
	/* Whoever could not make it has recorded why. */
	if (!frame->section || signals_check())
		return -1;
	f->index->entries[frame->entry].offset = f->out->length;
	sections_digest(f->sections, (const void *)frame->section);
	return output_append(f->out, frame->section, frame->size);
}

static int frames_write_first(struct packed_frames *f)
{
	struct packed_frame *frame = &f->ring[f->first];
	int ret;

	workers_wait(&f->workers, &frame->job);
	f->first = (f->first + 1) % f->slots;
	f->used--;
	ret = frames_write(f, frame);
	packed_frame_reset(frame);
	return ret;
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

	if (packed_frame_is_empty(frame))
		return 0;
	frame->number = sections_number(f->sections);
	frame->entry = f->index->n;
	entry.number = frame->number;
	if (packed_index_add(f->index, &entry))
		return -1;
	f->used++;
	workers_submit(&f->workers, &frame->job);
	return frames_make_room(f);
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

/* Copy by ourselves what no thread has begun. */
static void frames_settle(struct packed_frames *f, struct packed_frame *frame)
{
	if (!workers_take_back(&f->workers, &frame->job)) {
		workers_wait_told(&f->workers, &frame->copied);
		return;
	}
	packed_frame_copy(frame, NULL);
	frame->copied = true;
	workers_submit(&f->workers, &frame->job);
}

void packed_frames_settle(struct packed_frames *f)
{
	struct packed_frame *frame = frames_open(f);
	unsigned int i;

	if (!f->borrows)
		return;
	f->borrows = false;
	packed_frame_copy(frame, NULL);
	frame->copied = true;
	for (i = 0; i < f->used; i++)
		frames_settle(f, &f->ring[(f->first + i) % f->slots]);
}

size_t packed_frames_entry(const struct packed_frames *f)
{
	return f->entry;
}

int packed_frames_add(struct packed_frames *f, uint64_t pfn, unsigned int kind, unsigned int type,
		      const void *data)
{
	if (!packed_frame_takes(frames_open(f), pfn, kind) && frames_finish(f))
		return -1;
	packed_frame_add(frames_open(f), pfn, kind, type, data);
	f->entry = f->index->n;
	return 0;
}

int packed_frames_borrow(struct packed_frames *f, uint64_t pfn, const uint8_t *src)
{
	if (!packed_frame_lends(frames_open(f), pfn) && frames_finish(f))
		return -1;
	f->borrows = true;
	packed_frame_borrow(frames_open(f), pfn, src);
	f->entry = f->index->n;
	return packed_frame_is_full(frames_open(f)) ? frames_finish(f) : 0;
}

static int frames_init_ring(struct packed_frames *f, unsigned int threads)
{
	unsigned int i;

	/* Each thread has one to work on and one that waits; one is filled, one written. */
	f->slots = 2 * threads + 2;
	f->ring = calloc(f->slots, sizeof(*f->ring));
	if (!f->ring)
		return msg_error("out of memory for the frames of the image");
	for (i = 0; i < f->slots; i++) {
		f->ring[i].frames = f;
		if (packed_frame_init(&f->ring[i], &f->compress))
			return -1;
	}
	return 0;
}

static int frames_init_thread(struct packed_frames *f, unsigned int thread)
{
	f->codecs[thread] = codec_new(&f->compress);
	if (!f->codecs[thread])
		return -1;
	if (f->compress.codec == STILLPOINT_CODEC_NONE)
		return 0;
	f->rooms[thread] = malloc(PACKED_FRAME_BYTES);
	return f->rooms[thread] ? 0 : msg_error("out of memory for the frames of the image");
}

int packed_frames_init(struct packed_frames *f, const struct image_options *opts)
{
	unsigned int threads = opts->threads ? opts->threads : 1, i;

	if (threads > WORKERS_MAX)
		threads = WORKERS_MAX;
	f->compress = opts->compress;
	if (frames_init_ring(f, threads))
		return -1;
	for (i = 0; i < threads; i++)
		if (frames_init_thread(f, i))
			return -1;
	return workers_start(&f->workers, threads, frames_run);
}

void packed_frames_free(struct packed_frames *f)
{
	unsigned int i;

	workers_stop(&f->workers);
	for (i = 0; i < WORKERS_MAX; i++) {
		codec_free(f->codecs[i]);
		free(f->rooms[i]);
	}
	for (i = 0; f->ring && i < f->slots; i++)
		packed_frame_free(&f->ring[i]);
	free(f->ring);
	f->ring = NULL;
}

uint64_t packed_frames_bytes(uint64_t pages, uint64_t pfns)
{
	const uint64_t per_frame = PACKED_FRAME_BYTES / PAGE_BYTES;
	/*
	 * A frame is full of pages, or of runs, or it is the last one before a P2M. Those that
	 * end because a round does are few, and in what the image has for the rest.
	 */
	uint64_t frames = pages / per_frame + pfns / PACKED_RUNS + 4;
	uint64_t entries = frames + 2;

	return pages * PAGE_BYTES + pfns * sizeof(struct stillpoint_run) +
	       frames * (sizeof(struct stillpoint_section) + sizeof(struct stillpoint_frame) +
			 CRYPT_TAG_BYTES) +
	       entries * sizeof(struct stillpoint_index_entry) +
	       (entries / PACKED_INDEX_ENTRIES + 1) *
		       (sizeof(struct stillpoint_section) + CRYPT_TAG_BYTES);
}
