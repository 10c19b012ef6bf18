/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Data that says what it is: a header with place and sequence number, a
 * payload that follows from them, and a sum over all.
 */
#ifndef E2E_PATTERN_H
#define E2E_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#define PATTERN_MAGIC 0x4e52455454415053ULL

/**
 * struct pattern - the head of a block, file or frame
 * @magic: PATTERN_MAGIC
 * @stream: whose data it is; a number chosen by the program
 * @index: the place it was written to
 * @seq: 1 and up; grows with every write to a place
 * @length: of all, in bytes; a multiple of 8
 * @sum: of all, with this field 0
 */
struct pattern {
	uint64_t magic;
	uint64_t stream;
	uint64_t index;
	uint64_t seq;
	uint64_t length;
	uint64_t sum;
};

/* Fills @buf, aligned to 8 bytes, with @length bytes (at least a header, a multiple of 8). */
void pattern_fill(void *buf, size_t length, uint64_t stream, uint64_t index, uint64_t seq);

/* NULL if @buf holds what pattern_fill() wrote there for @stream and @index, else what is wrong. */
const char *pattern_check(const void *buf, size_t length, uint64_t stream, uint64_t index);

/* A pseudo-random number; *state must not be 0. */
uint64_t pattern_random(uint64_t *state);

#endif /* E2E_PATTERN_H */
