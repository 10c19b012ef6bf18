/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The store's end of a guest's ring (stillpoint/tmem.h). The guest can change every byte of the
 * shared pages at any moment: each field is read once, and checked before it is used.
 */
#ifndef STILLPOINT_TMEM_RING_H
#define STILLPOINT_TMEM_RING_H

#include <stdbool.h>
#include <stdint.h>

#include <stillpoint/tmem.h>

#include "tmem/store.h"

/* Requests, or pages of an object, that one turn does. */
#define TMEM_RING_TURN 32

/**
 * struct tmem_ring_names - what a module's half says, checked
 * @slots: in @slot_ref
 */
struct tmem_ring_names {
	uint32_t ring_ref;
	uint32_t slots;
	uint32_t slot_ref[STILLPOINT_TMEM_SLOTS_MAX];
};

/**
 * struct tmem_ring_pages - the shared pages, where they are mapped
 */
struct tmem_ring_pages {
	void *halves;
	void *ring;
	void *slot[STILLPOINT_TMEM_SLOTS_MAX];
	uint32_t slots;
};

struct tmem_ring;

/* Read what names the other pages. Returns 0, or -1 with an error recorded. */
int tmem_ring_read(const void *halves, struct tmem_ring_names *names);

/*
 * Begin a session; the caller then signals the guest. @pages stay mapped until
 * tmem_ring_close(). NULL, with an error recorded, if there is no memory.
 */
struct tmem_ring *tmem_ring_open(const struct tmem_ring_pages *pages);

enum tmem_ring_state {
	TMEM_RING_IDLE,	  /* nothing to do until the guest signals */
	TMEM_RING_QUIET,  /* nothing was asked for; the guest would not signal */
	TMEM_RING_MORE,	  /* the turn was too short; or tmem_ring_poll() did something */
	TMEM_RING_ENDED,  /* the guest left the session */
	TMEM_RING_BROKEN, /* what the guest wrote is no ring; an error is recorded */
};

/*
 * Do a turn's requests of @d. If *@notify, the guest is to be signalled. After
 * TMEM_RING_ENDED and _BROKEN nothing is done any more.
 */
enum tmem_ring_state tmem_ring_serve(struct tmem_ring *ring, struct tmem_domain *d, bool *notify);

/* The same, but for TMEM_RING_IDLE: whoever has no more to do looks again. */
enum tmem_ring_state tmem_ring_poll(struct tmem_ring *ring, struct tmem_domain *d, bool *notify);

/* @clean: tell the guest that its session ends. The pages are not touched any more. */
void tmem_ring_close(struct tmem_ring *ring, bool clean);

#endif /* STILLPOINT_TMEM_RING_H */
