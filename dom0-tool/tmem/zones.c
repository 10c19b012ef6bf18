// SPDX-License-Identifier: GPL-2.0
/* Where in an arena page data goes. */
#define _GNU_SOURCE /* fallocate */
#include <fcntl.h>

#include "tmem/arena.h"
#include "tmem/zones.h"

/* Empty zones that keep their memory for the next data. */
#define ZONES_SPARE 16

/* Zones that are looked at for the one with the least data. */
#define ZONES_SEARCH 64

static void zone_link(struct arena *a, uint32_t *head, uint32_t zone)
{
	struct arena_zone *z = &a->zones[zone];

	z->prev = 0;
	z->next = *head;
	if (*head)
		a->zones[*head].prev = zone;
	*head = zone;
}

static void zone_unlink(struct arena *a, uint32_t *head, uint32_t zone)
{
	struct arena_zone *z = &a->zones[zone];

	if (z->prev)
		a->zones[z->prev].next = z->next;
	else
		*head = z->next;
	if (z->next)
		a->zones[z->next].prev = z->prev;
}

static uint32_t zone_pieces(uint32_t class)
{
	return ARENA_ZONE_UNITS / class;
}

static int zone_allocate(struct arena *a, uint32_t zone, int mode)
{
	off_t at = a->data + (size_t)zone * ARENA_ZONE - a->map;

	return fallocate(a->fd, mode | FALLOC_FL_KEEP_SIZE, at, ARENA_ZONE);
}

/* A zone with memory and without data, in no list. */
static uint32_t zone_take(struct arena *a)
{
	uint32_t zone = a->empty;

	if (zone) {
		zone_unlink(a, &a->empty, zone);
		a->empties--;
		return zone;
	}
	if (arena_used(a) + ARENA_ZONE > a->limit)
		return 0;
	zone = a->hole ? a->hole : a->super->zone_high;
	if (zone >= a->super->zones || zone_allocate(a, zone, 0))
		return 0;
	if (a->hole)
		zone_unlink(a, &a->hole, zone);
	else
		arena_commit(&a->super->zone_high, zone + 1);
	a->zone_count++;
	return zone;
}

static bool zone_punch(struct arena *a, uint32_t zone)
{
	if (zone_allocate(a, zone, FALLOC_FL_PUNCH_HOLE))
		return false;
	a->zones[zone].state = ZONE_HOLE;
	zone_link(a, &a->hole, zone);
	a->zone_count--;
	return true;
}

static void zone_give(struct arena *a, uint32_t zone)
{
	struct arena_zone *z = &a->zones[zone];

	z->class = 0;
	if (a->empties >= ZONES_SPARE && zone_punch(a, zone))
		return;
	z->state = ZONE_EMPTY;
	zone_link(a, &a->empty, zone);
	a->empties++;
}

bool arena_trim(struct arena *a, uint64_t bytes)
{
	uint32_t zone;

	while (arena_used(a) + bytes > a->limit) {
		zone = a->empty;
		if (!zone)
			return false;
		zone_unlink(a, &a->empty, zone);
		a->empties--;
		if (!zone_punch(a, zone)) {
			zone_link(a, &a->empty, zone);
			a->empties++;
			return false;
		}
	}
	return true;
}

uint64_t arena_room(const struct arena *a)
{
	uint64_t used = arena_used(a), bytes = (uint64_t)a->empties * ARENA_ZONE;
	uint32_t units;

	for (units = 1; units <= ARENA_CLASSES; units++)
		bytes += a->room[units] * units * ARENA_UNIT;
	return bytes + (a->limit > used ? a->limit - used : 0);
}

bool arena_claim(struct arena *a, uint32_t unit, uint32_t class)
{
	uint32_t zone = unit / ARENA_ZONE_UNITS, piece = unit % ARENA_ZONE_UNITS / class;
	struct arena_zone *z;

	if (!zone || zone >= a->super->zone_high || unit % ARENA_ZONE_UNITS % class ||
	    piece >= zone_pieces(class))
		return false;
	z = &a->zones[zone];
	if ((z->class && z->class != class) || z->used[piece / 64] >> piece % 64 & 1)
		return false;
	z->class = class;
	z->used[piece / 64] |= UINT64_C(1) << piece % 64;
	z->pieces++;
	return true;
}

void arena_settle(struct arena *a)
{
	struct arena_zone *z;
	uint32_t zone;

	a->zone_count = a->super->zone_high - 1;
	for (zone = 1; zone < a->super->zone_high; zone++) {
		z = &a->zones[zone];
		if (!z->pieces) {
			/* Whether it has memory is not known, and writing to a hole may kill. */
			z->class = 0;
			if (!zone_punch(a, zone))
				zone_give(a, zone);
		} else if (z->pieces < zone_pieces(z->class)) {
			z->state = ZONE_PARTIAL;
			zone_link(a, &a->partial[z->class], zone);
			a->room[z->class] += zone_pieces(z->class) - z->pieces;
		} else {
			z->state = ZONE_FULL;
		}
	}
}

bool arena_alloc(struct arena *a, uint32_t class, uint32_t *unit)
{
	uint32_t zone = a->partial[class], word = 0, piece;
	struct arena_zone *z;

	if (!zone) {
		zone = zone_take(a);
		if (!zone)
			return false;
		z = &a->zones[zone];
		z->class = class;
		z->state = ZONE_PARTIAL;
		zone_link(a, &a->partial[class], zone);
		a->room[class] += zone_pieces(class);
	}
	z = &a->zones[zone];
	while (!~z->used[word])
		word++;
	piece = word * 64 + __builtin_ctzll(~z->used[word]);
	z->used[word] |= UINT64_C(1) << piece % 64;
	a->room[class]--;
	if (++z->pieces == zone_pieces(class)) {
		zone_unlink(a, &a->partial[class], zone);
		z->state = ZONE_FULL;
	}
	*unit = zone * ARENA_ZONE_UNITS + piece * class;
	return true;
}

void arena_free(struct arena *a, uint32_t unit)
{
	uint32_t zone = unit / ARENA_ZONE_UNITS, class = a->zones[zone].class;
	uint32_t piece = unit % ARENA_ZONE_UNITS / class;
	struct arena_zone *z = &a->zones[zone];

	z->used[piece / 64] &= ~(UINT64_C(1) << piece % 64);
	z->pieces--;
	if (z->state == ZONE_FULL) {
		z->state = ZONE_PARTIAL;
		zone_link(a, &a->partial[class], zone);
	}
	if (z->state == ZONE_PARTIAL) {
		a->room[class]++;
		if (!z->pieces) {
			zone_unlink(a, &a->partial[class], zone);
			a->room[class] -= zone_pieces(class);
		}
	}
	if (!z->pieces)
		zone_give(a, zone);
}

static uint32_t zone_sparsest(const struct arena *a, uint32_t class)
{
	uint32_t zone = a->partial[class], best = zone, n;

	for (n = 0; zone && n < ZONES_SEARCH; n++, zone = a->zones[zone].next)
		if (a->zones[zone].pieces < a->zones[best].pieces)
			best = zone;
	return best;
}

uint32_t arena_pick_sparse(struct arena *a)
{
	uint64_t most = 0, bytes;
	uint32_t units, best = 0, zone;

	for (units = 1; units <= ARENA_CLASSES; units++) {
		bytes = a->room[units] * units;
		if (a->room[units] >= zone_pieces(units) && bytes > most) {
			most = bytes;
			best = units;
		}
	}
	if (!best)
		return 0;
	zone = zone_sparsest(a, best);
	zone_unlink(a, &a->partial[best], zone);
	a->room[best] -= zone_pieces(best) - a->zones[zone].pieces;
	a->zones[zone].state = ZONE_DRAINING;
	return zone;
}

bool arena_first(const struct arena *a, uint32_t zone, uint32_t *unit)
{
	const struct arena_zone *z = &a->zones[zone];
	uint32_t word;

	if (!z->pieces)
		return false;
	for (word = 0; !z->used[word]; word++)
		;
	*unit = zone * ARENA_ZONE_UNITS + (word * 64 + __builtin_ctzll(z->used[word])) * z->class;
	return true;
}
