// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "packed_pages.h"
#include "page.h"
#include "signals.h"

/* Frames that are passed on between two flushes, at least. */
#define PACKED_BATCH 4

/* Pages that are passed on between two looks at signals; a run may have billions. */
#define PACKED_SIGNALS (1u << 16)

/* The bits of what is known: something; type; kind. */
#define KNOWN 0x80
#define KNOWN_TYPE_SHIFT 2
#define KNOWN_TYPE_MASK 15
#define KNOWN_KIND_MASK 3

static int room_reserve(struct packed_room *room, size_t size)
{
	/* In steps, as frames become smaller and larger. */
	const size_t step = 32768, want = (size / step + 1) * step;

	if (size <= room->size)
		return 0;
	free(room->data);
	room->data = malloc(want);
	room->size = room->data ? want : 0;
	return room->data ? 0 : msg_error("out of memory for a frame of %zu bytes", size);
}

static void pages_run(struct workers_job *job, unsigned int thread)
{
	struct packed_slot *slot = (struct packed_slot *)job;
	const struct sections *s = slot->pp->sections;
	struct frame *frame = &slot->frame;
	size_t size;

	slot->pages = NULL;
	if (section_open(s, &slot->h, slot->offset, slot->body.data, &size) ||
	    frame_parse(frame, slot->body.data, size, s->header.frame_bytes, slot->pfns,
			slot->offset))
		return;
	if (frame->head.codec != STILLPOINT_CODEC_NONE &&
	    room_reserve(&slot->room, frame->head.raw))
		return;
	slot->pages = frame_unpack(frame, slot->pp->codecs[thread], slot->room.data);
}

static void pages_count_frame(struct source_info *info, const struct stillpoint_frame *head)
{
	info->frames++;
	info->raw_bytes += head->raw;
	info->stored_bytes += head->stored;
	info->codecs |= 1u << head->codec;
}

/* The file need not have a byte for a page, so its length is no bound. */
static int pages_count_run(struct packed_pages *pp, const struct stillpoint_run *run,
			   uint64_t offset)
{
	pp->given += run->count;
	if (pp->given > STILLPOINT_PAGE_TIMES_MAX * pp->pfns)
		return msg_error(
			"the image is damaged: pages come again too often in PAGES at offset %llu",
			(unsigned long long)offset);
	if (run->kind == STILLPOINT_PAGE_DATA)
		pp->info->records += run->count;
	return 0;
}

/* Pass on the pages of a run; *data is where the next page with data is. */
static int pages_give_run(struct packed_pages *pp, const struct stillpoint_run *run,
			  const uint8_t **data)
{
	struct image_page page = {
		.pfn = run->pfn,
		.type = (uint32_t)run->type << XEN_DOMCTL_PFINFO_LTAB_SHIFT,
		.kind = run->kind,
	};
	uint32_t i;

	memset(pp->known + run->pfn, KNOWN | run->type << KNOWN_TYPE_SHIFT | run->kind, run->count);
	for (i = 0; i < run->count; i++, page.pfn++) {
		if (i % PACKED_SIGNALS == PACKED_SIGNALS - 1 && signals_check())
			return -1;
		if (run->kind == STILLPOINT_PAGE_DATA) {
			page.data = *data;
			*data += PAGE_BYTES;
		}
		if (pp->to && pp->to->ops->page(pp->to, &page))
			return -1;
	}
	return 0;
}

static int pages_give_frame(struct packed_pages *pp, const struct packed_slot *slot)
{
	const struct frame *frame = &slot->frame;
	const struct stillpoint_index_entry entry = {
		.offset = slot->offset,
		.lowest = frame->lowest,
		.highest = frame->highest,
		.type = slot->h.type,
		.number = slot->h.number,
	};
	const uint8_t *data = slot->pages;
	uint32_t i;

	if (packed_index_add(pp->index, &entry))
		return -1;
	pages_count_frame(pp->info, &frame->head);
	for (i = 0; i < frame->head.runs; i++)
		if (pages_count_run(pp, &frame->runs[i], slot->offset) ||
		    pages_give_run(pp, &frame->runs[i], &data))
			return -1;
	return 0;
}

/* Pass on the first @n frames; their slots are free again. */
static int pages_give(struct packed_pages *pp, unsigned int n)
{
	struct packed_slot *slot;

	for (; n; n--) {
		slot = &pp->ring[pp->first];
		workers_wait(&pp->workers, &slot->job);
		if (!slot->pages || signals_check() || pages_give_frame(pp, slot))
			return -1;
		pp->first = (pp->first + 1) % pp->slots;
		pp->used--;
	}
	return pp->to ? pp->to->ops->flush(pp->to) : 0;
}

int packed_pages_drain(struct packed_pages *pp)
{
	return pp->used ? pages_give(pp, pp->used) : 0;
}

struct packed_slot *packed_pages_get(struct packed_pages *pp, size_t size)
{
	struct packed_slot *slot;

	if (pp->used == pp->slots && pages_give(pp, pp->slots / 2))
		return NULL;
	slot = &pp->ring[(pp->first + pp->used) % pp->slots];
	slot->pp = pp;
	return room_reserve(&slot->body, size) ? NULL : slot;
}

void packed_pages_put(struct packed_pages *pp, struct packed_slot *slot)
{
	slot->pfns = pp->pfns;
	pp->used++;
	workers_submit(&pp->workers, &slot->job);
}

int packed_pages_grow(struct packed_pages *pp, uint64_t pfns)
{
	uint8_t *known;

	if (pfns == pp->pfns)
		return 0;
	/* Not realloc(): calloc() gives memory for nothing where pages never come. */
	known = calloc(pfns, 1);
	if (!known)
		return msg_error("out of memory to check an image of %llu pages",
				 (unsigned long long)pfns);
	if (pp->pfns)
		memcpy(known, pp->known, pp->pfns);
	free(pp->known);
	pp->known = known;
	pp->pfns = pfns;
	return 0;
}

void packed_pages_count(const struct packed_pages *pp, uint64_t counts[4])
{
	uint64_t pfn;

	for (pfn = 0; pfn < pp->pfns; pfn++)
		if (pp->known[pfn])
			counts[pp->known[pfn] & KNOWN_KIND_MASK]++;
}

bool packed_pages_plain(const struct packed_pages *pp, uint64_t pfn)
{
	uint8_t known = pp->known[pfn];

	return known && !(known >> KNOWN_TYPE_SHIFT & KNOWN_TYPE_MASK);
}

int packed_pages_init(struct packed_pages *pp, unsigned int threads)
{
	static const struct codec_choice any = { .codec = STILLPOINT_CODEC_NONE };
	unsigned int i;

	if (threads > WORKERS_MAX)
		threads = WORKERS_MAX;
	/* One thread more would only take turns with this one. */
	if (threads == 1)
		threads = 0;
	/* Half of them are passed on while threads have the others. */
	pp->slots = 2 * (PACKED_BATCH + threads);
	pp->ring = calloc(pp->slots, sizeof(*pp->ring));
	if (!pp->ring)
		return msg_error("out of memory for the frames of the image");
	for (i = 0; i < (threads ? threads : 1); i++) {
		pp->codecs[i] = codec_new(&any);
		if (!pp->codecs[i])
			return -1;
	}
	return workers_start(&pp->workers, threads, pages_run);
}

void packed_pages_free(struct packed_pages *pp)
{
	unsigned int i;

	workers_stop(&pp->workers);
	for (i = 0; i < WORKERS_MAX; i++)
		codec_free(pp->codecs[i]);
	for (i = 0; pp->ring && i < pp->slots; i++) {
		free(pp->ring[i].body.data);
		free(pp->ring[i].room.data);
	}
	free(pp->ring);
	free(pp->known);
	memset(pp, 0, sizeof(*pp));
}
