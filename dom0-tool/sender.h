/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages on their way from a guest into an image. Threads copy them into a ring of
 * buffers; they are written from there in order, so that what is hashed and what is
 * written are the same bytes, whatever the guest does meanwhile. An image that copies
 * them by itself is told where they are, but for a few that are measured.
 */
#ifndef STILLPOINT_SENDER_H
#define STILLPOINT_SENDER_H

#include "copier.h"
#include "image/image.h"
#include "page.h"

/* Pages in a buffer: 1 MiB; buffers in the ring: 16 MiB in all. */
#define SENDER_PAGES 256
#define SENDER_SLOTS 16

/* Buffers that sender_measure() asks for: few beside a round, and enough for one that is quick. */
#define SENDER_SAMPLES 4

/**
 * struct sender_slot - a buffer
 * @n: pages in it
 */
struct sender_slot {
	size_t n;
	uint32_t pfn[SENDER_PAGES];
	const uint8_t *src[SENDER_PAGES];
	uint8_t *dst[SENDER_PAGES];
	struct copier_job job;
};

/**
 * struct sender - the ring
 * @nslots: of @slots
 * @first: slot to be written next
 * @used: slots that are under way
 * @samples: buffers that are still to be measured
 * @cost: of copying a page
 */
struct sender {
	struct copier *copier;
	struct image *img;
	struct sender_slot *slots;
	unsigned int nslots;
	uint8_t *buffers;
	unsigned int first;
	unsigned int used;
	unsigned int samples;
	struct copier_cost cost;
};

/* Returns 0, or -1 with an error recorded. */
int sender_init(struct sender *s, struct copier *copier, struct image *img);

/*
 * Copy some of the next pages as they are copied in the pause, though the image could do it, for
 * @cost to be known. Where all are copied so, all are measured anyway.
 */
void sender_measure(struct sender *s);

/* Room for up to SENDER_PAGES pages: fill in pfn, src and n. NULL if a write failed, recorded. */
struct sender_slot *sender_get(struct sender *s);

/* Have what was filled in copied; pfns ascend. Returns 0 or -1, recorded. */
int sender_put(struct sender *s, struct sender_slot *slot);

/* Wait until all that is under way is copied, and in the image. Returns 0 or -1, recorded. */
int sender_drain(struct sender *s);

/* What is under way is dropped, but for what the image has. */
void sender_free(struct sender *s);

#endif /* STILLPOINT_SENDER_H */
