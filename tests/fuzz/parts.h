/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An image taken apart: what stands in front, parts with a head and a body, and what
 * stands behind them. Whoever put it together again with right lengths and checksums
 * gets behind what refuses a damaged one at once.
 */
#ifndef STILLPOINT_FUZZ_PARTS_H
#define STILLPOINT_FUZZ_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARTS_MAX 96
#define PART_HEAD_MAX 48

/* Room that is left behind the bytes, for what encryption adds. */
#define PARTS_SPARE 16

/* A body or the like: @size bytes, PARTS_SPARE fewer at least than @room. */
struct part_bytes {
	uint8_t *data;
	size_t size;
	size_t room;
};

struct part {
	uint8_t head[PART_HEAD_MAX];
	struct part_bytes body;
};

/**
 * struct parts - an image
 * @head_size: of each part
 * @random: state of the numbers that decide what happens
 * @exact: what is put together has no mistakes
 */
struct parts {
	struct part_bytes front;
	struct part part[PARTS_MAX];
	size_t n;
	struct part_bytes rest;
	size_t head_size;
	uint64_t random;
	bool exact;
};

/* Begin with no parts. @seed decides what happens. */
void parts_init(struct parts *p, size_t head_size, unsigned int seed);

void parts_free(struct parts *p);

/* A number below @n. */
unsigned int parts_random(struct parts *p, unsigned int n);

/* True but for one time of @n, or always if it is to be exact. */
bool parts_likely(struct parts *p, unsigned int n);

/* True nearly always. */
bool parts_keep(struct parts *p);

/* Copy @size bytes. */
void part_bytes_set(struct part_bytes *b, const void *data, size_t size);

/* Add a part at the end; false if there are too many. */
bool parts_add(struct parts *p, const void *head, const void *body, size_t size);

/* Change something of it: bytes, or which parts there are in which order. */
void parts_mutate(struct parts *p);

/**
 * struct parts_out - what it is put together to; @full if it has no room
 */
struct parts_out {
	uint8_t *data;
	size_t size;
	size_t room;
	bool full;
};

void parts_out(struct parts_out *out, const void *data, size_t size);

#endif /* STILLPOINT_FUZZ_PARTS_H */
