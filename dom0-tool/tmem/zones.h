/* SPDX-License-Identifier: GPL-2.0 */
/* What an arena knows of its zones. Private to arena.c and zones.c. */
#ifndef STILLPOINT_TMEM_ZONES_H
#define STILLPOINT_TMEM_ZONES_H

#include <stdint.h>

#include "tmem/arena.h"

enum zone_state {
	ZONE_HOLE = 0,	/* without memory */
	ZONE_EMPTY = 1, /* with memory, without data */
	ZONE_PARTIAL = 2,
	ZONE_FULL = 3,
	ZONE_DRAINING = 4, /* nothing is put there */
};

/**
 * struct arena_zone - 64 KiB of data, in pieces of one size
 * @used: a bit for each piece
 * @pieces: how many are used
 * @class: of the pieces, in units; 0 if it has none
 * @prev: neighbours in the list of its state (and class), 0 for none
 */
struct arena_zone {
	uint64_t used[ARENA_ZONE_UNITS / 64];
	uint16_t pieces;
	uint8_t class;
	uint8_t state;
	uint32_t prev;
	uint32_t next;
};

#endif /* STILLPOINT_TMEM_ZONES_H */
