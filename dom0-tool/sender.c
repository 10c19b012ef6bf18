// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "msg.h"
#include "sender.h"

#define SLOT_BYTES ((size_t)SENDER_PAGES * PAGE_BYTES)

int sender_init(struct sender *s, struct copier *copier, struct image *img)
{
	unsigned int slot, i;

	memset(s, 0, sizeof(*s));
	s->copier = copier;
	s->img = img;
	s->nslots = img->ops->copy ? 1 : SENDER_SLOTS;
	s->slots = calloc(s->nslots, sizeof(*s->slots));
	s->buffers = mmap(NULL, s->nslots * SLOT_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (s->buffers == MAP_FAILED)
		s->buffers = NULL;
	if (!s->slots || !s->buffers)
		return msg_error("out of memory for %zu MiB of buffers",
				 s->nslots * SLOT_BYTES >> 20);
	for (slot = 0; slot < s->nslots; slot++)
		for (i = 0; i < SENDER_PAGES; i++)
			s->slots[slot].dst[i] =
				s->buffers + slot * SLOT_BYTES + (size_t)i * PAGE_BYTES;
	return 0;
}

static int sender_write_first(struct sender *s)
{
	struct sender_slot *slot = &s->slots[s->first];
	struct image_page page = { .type = XEN_DOMCTL_PFINFO_NOTAB, .kind = STILLPOINT_PAGE_DATA };
	size_t i;

	copier_wait(s->copier, &slot->job);
	s->first = (s->first + 1) % s->nslots;
	s->used--;
	copier_cost_add(&s->cost, slot->job.us, slot->n);
	for (i = 0; i < slot->n; i++) {
		page.pfn = slot->pfn[i];
		page.data = slot->dst[i];
		if (s->img->ops->page(s->img, &page))
			return -1;
	}
	return s->img->ops->flush(s->img);
}

void sender_measure(struct sender *s)
{
	s->samples = SENDER_SAMPLES;
}

struct sender_slot *sender_get(struct sender *s)
{
	if (s->used == s->nslots && sender_write_first(s))
		return NULL;
	return &s->slots[(s->first + s->used) % s->nslots];
}

int sender_put(struct sender *s, struct sender_slot *slot)
{
	const bool few = slot->n < COPIER_COST_PAGES;

	if (s->img->ops->copy && (!s->samples || (few && s->cost.best_ns)))
		return s->img->ops->copy(s->img, slot->pfn, slot->src, slot->n);
	s->samples -= s->samples && !few;
	slot->job.src = slot->src;
	slot->job.dst = slot->dst;
	slot->job.n = slot->n;
	s->used++;
	copier_submit(s->copier, &slot->job);
	return 0;
}

int sender_drain(struct sender *s)
{
	while (s->used)
		if (sender_write_first(s))
			return -1;
	return s->img->ops->flush(s->img);
}

void sender_free(struct sender *s)
{
	for (; s->used; s->used--) {
		copier_wait(s->copier, &s->slots[s->first].job);
		s->first = (s->first + 1) % s->nslots;
	}
	if (s->buffers)
		munmap(s->buffers, s->nslots * SLOT_BYTES);
	free(s->slots);
	memset(s, 0, sizeof(*s));
}
