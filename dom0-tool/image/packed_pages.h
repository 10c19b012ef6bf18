/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages on their way out of a packed image: frames are checked, decrypted and
 * decompressed by threads, and passed on in order.
 */
#ifndef STILLPOINT_PACKED_PAGES_H
#define STILLPOINT_PACKED_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "packed_index.h"
#include "section.h"
#include "source.h"
#include "workers.h"

struct packed_pages;

/**
 * struct packed_room - memory that is used again, and grows
 */
struct packed_room {
	uint8_t *data;
	size_t size;
};

/**
 * struct packed_slot - a frame in the ring
 * @h: header of its section, at @offset of the file
 * @body: as it was read
 * @room: for its pages, if they are compressed
 * @pages: its pages; NULL if something was wrong, which was recorded
 */
struct packed_slot {
	struct workers_job job;
	struct packed_pages *pp;
	struct stillpoint_section h;
	uint64_t offset;
	uint64_t pfns;
	struct packed_room body;
	struct packed_room room;
	struct frame frame;
	const uint8_t *pages;
};

/**
 * struct packed_pages - the ring, and what is known of pages
 * @to: where they go; NULL for nowhere
 * @known: of each pfn, what came last, see packed_pages.c; 0 if nothing did
 * @pfns: of @known
 * @given: pages that came so far, of all kinds, repeats among them
 * @codecs: one for each thread
 * @first: slot that is passed on next
 * @used: slots from there on that are under way
 */
struct packed_pages {
	const struct sections *sections;
	struct packed_index *index;
	struct source_info *info;
	struct image *to;
	uint8_t *known;
	uint64_t pfns;
	uint64_t given;
	struct workers workers;
	struct codec *codecs[WORKERS_MAX];
	struct packed_slot *ring;
	unsigned int slots;
	unsigned int first;
	unsigned int used;
};

/* Returns 0, or -1 with an error recorded. packed_pages_free() is due in both cases. */
int packed_pages_init(struct packed_pages *pp, unsigned int threads);

void packed_pages_free(struct packed_pages *pp);

/* The guest has @pfns pfns from now on. Returns 0 or -1, recorded. */
int packed_pages_grow(struct packed_pages *pp, uint64_t pfns);

/*
 * A slot for the next frame, whose body has @size bytes. Pages that came before may be
 * passed on meanwhile. NULL with an error recorded.
 */
struct packed_slot *packed_pages_get(struct packed_pages *pp, size_t size);

/* The frame was read into the slot: its h, offset and body. */
void packed_pages_put(struct packed_pages *pp, struct packed_slot *slot);

/* Pass on all pages so far. Returns 0 or -1, recorded. */
int packed_pages_drain(struct packed_pages *pp);

/* Count pages by their kind. */
void packed_pages_count(const struct packed_pages *pp, uint64_t counts[4]);

/* True if @pfn is a page of the guest, and no page table. */
bool packed_pages_plain(const struct packed_pages *pp, uint64_t pfn);

#endif /* STILLPOINT_PACKED_PAGES_H */
