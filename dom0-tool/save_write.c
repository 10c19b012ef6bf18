// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "image/side_writer.h"
#include "msg.h"
#include "save_state.h"
#include "signals.h"

/* Pages between two reports of progress. */
#define SAVE_PROGRESS 4096

int save_p2m(struct save *s)
{
	struct image_p2m p2m = { .max_pfn = s->mem.size - 1, .nframes = s->p2m.nframes };
	size_t bytes = p2m.nframes * sizeof(*p2m.frames), i;

	p2m.frames = malloc(bytes);
	if (!p2m.frames)
		return msg_error("out of memory for the frames of the p2m");
	for (i = 0; i < p2m.nframes; i++) {
		p2m.frames[i] = inverse_pfn(&s->inverse, s->p2m.frames[i]);
		if (p2m.frames[i] != INVALID_FRAME)
			continue;
		free(p2m.frames);
		return msg_error(
			"frame %zu of the guest's p2m (machine frame %#llx) is not memory of the guest",
			i, (unsigned long long)s->p2m.frames[i]);
	}
	if (s->written.frames && s->written.max_pfn == p2m.max_pfn &&
	    s->written.nframes == p2m.nframes && !memcmp(s->written.frames, p2m.frames, bytes)) {
		free(p2m.frames);
		return 0;
	}
	free(s->written.frames);
	s->written = p2m;
	return s->img->ops->p2m(s->img, &p2m);
}

/* A restore fills in the p2m, which it can do in plain memory only. */
static int save_check_p2m(const struct save *s)
{
	size_t i;

	for (i = 0; i < s->written.nframes; i++)
		if (s->snap.types[s->written.frames[i]] != XEN_DOMCTL_PFINFO_NOTAB)
			return msg_error(
				"frame %zu of the guest's p2m (pfn %#llx) is not plain memory of the guest",
				i, (unsigned long long)s->written.frames[i]);
	return 0;
}

/* Index the frames that the guest owns. Others are in no page table of a parked guest. */
static int save_build_inverse(struct save *s)
{
	uint64_t pfn;

	inverse_free(&s->inverse);
	for (pfn = 0; pfn < s->mem.size; pfn++) {
		if (page_type_has_data(s->snap.types[pfn]))
			s->res->pages++;
		else
			s->mem.p2m[pfn] = INVALID_FRAME;
	}
	return inverse_build(&s->inverse, s->mem.p2m, s->mem.size);
}

/*
 * A restore makes a frame for every page that was ever in the image; the domain it
 * makes may not own more than this one.
 */
static int save_check_size(const struct save *s)
{
	if (s->snap.dropped && s->res->pages + s->snap.dropped > s->info.max_pages)
		return msg_error(
			"the guest gave %llu pages back and took others while it was saved; try again",
			(unsigned long long)s->snap.dropped);
	return 0;
}

static int save_page(struct save *s, uint64_t pfn, enum stillpoint_page_kind kind, const void *data)
{
	struct image_page page = {
		.pfn = pfn,
		.type = s->snap.types[pfn],
		.kind = kind,
		.data = data,
	};

	return s->img->ops->page(s->img, &page);
}

int save_spill(struct save *s)
{
	struct sender_slot *slot;
	uint64_t i = 0;

	while (i < s->snap.n && s->snap.spilled) {
		slot = sender_get(&s->sender);
		if (!slot || signals_check())
			return -1;
		for (slot->n = 0; i < s->snap.n && slot->n < SENDER_PAGES; i++) {
			if (!snapshot_spilled(&s->snap, i))
				continue;
			slot->pfn[slot->n] = s->snap.list[i];
			slot->src[slot->n++] = s->mem.page[s->snap.list[i]];
		}
		if (sender_put(&s->sender, slot))
			return -1;
	}
	return sender_drain(&s->sender);
}

static void save_progress(const struct save *s, uint64_t done)
{
	if (s->opts->progress && !s->park.paused &&
	    (done % SAVE_PROGRESS == 0 || done == s->snap.staged))
		s->opts->progress(0, done, s->snap.staged);
}

/* What was staged: plain pages, or page tables. */
static int save_staged(struct save *s, bool tables, uint64_t *done)
{
	uint64_t i;
	uint32_t pfn;

	for (i = 0; i < s->snap.n; i++) {
		pfn = s->snap.list[i];
		if (!s->snap.copy[i] || (page_type_level(s->snap.types[pfn]) != 0) != tables)
			continue;
		if (save_page(s, pfn, STILLPOINT_PAGE_DATA, s->snap.copy[i]))
			return -1;
		save_progress(s, ++*done);
	}
	return 0;
}

/* Also those that were in the image with data, and have none now. */
static int save_without_data(struct save *s)
{
	const struct bitmap *free_now = &s->free.image;
	uint64_t pfn;

	for (pfn = 0; pfn < s->mem.size; pfn++)
		if (!page_type_has_data(s->snap.types[pfn]) &&
		    save_page(s, pfn, STILLPOINT_PAGE_NONE, NULL))
			return -1;
	for (pfn = bitmap_next(free_now, 0); pfn < free_now->bits;
	     pfn = bitmap_next(free_now, pfn + 1))
		if (save_page(s, pfn, STILLPOINT_PAGE_FREE, NULL))
			return -1;
	return 0;
}

/* All that is not in the image yet; page tables come last. */
static int save_pages(struct save *s)
{
	uint64_t done = 0;

	if (save_staged(s, false, &done) || save_without_data(s))
		return -1;
	return save_staged(s, true, &done);
}

static int save_contents(struct save *s)
{
	struct image_tail tail = {
		.tsc = s->snap.tsc,
		.shared_info = s->snap.shared_info,
		.vcpus = s->snap.vcpus,
		.nvcpus = s->snap.nvcpus,
	};

	if (save_build_inverse(s) || save_check_size(s) || save_p2m(s) || save_check_p2m(s) ||
	    snapshot_normalise(&s->snap, &s->inverse))
		return -1;
	if (save_pages(s) || save_tmem_finish(s) || s->img->ops->tail(s->img, &tail))
		return -1;
	return s->side ? side_writer_end(s->side, s->img) : 0;
}

/* To disk with all of it. */
static int save_sync(struct save *s)
{
	return (s->side && output_sync(&s->side_out)) || output_sync(&s->out) ? -1 : 0;
}

int save_write(struct save *s)
{
	save_phase(s, SAVE_WRITING);
	s->res->last_set = bitmap_count(&s->set);
	/* The place of a page that is free now becomes a hole. Elsewhere nothing is won by that. */
	if (s->opts->image.layout == IMAGE_MAPPED)
		free_pages_take_written(&s->free, &s->snap);
	s->res->free = bitmap_count(&s->free.image);
	if (save_contents(s) || output_flush(&s->out))
		return -1;
	save_phase(s, SAVE_WRITTEN);
	if (save_sync(s))
		return -1;
	save_phase(s, SAVE_SYNCED);
	/* From here on there may be an image that does not fit a guest that runs on. */
	if (s->opts->after != SAVE_RUN_ON)
		s->dom->ops->disown(s->dom);
	if (signals_check() || output_publish_both(&s->out, s->side ? &s->side_out : NULL))
		return -1;
	save_phase(s, SAVE_RENAMED);
	s->res->bytes = s->out.length;
	return 0;
}
