/* SPDX-License-Identifier: GPL-2.0 */
/* A set of pfns. */
#ifndef STILLPOINT_BITMAP_H
#define STILLPOINT_BITMAP_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct bitmap - bit pfn % 64 of word pfn / 64; those from @bits on are 0
 */
struct bitmap {
	uint64_t *word;
	uint64_t bits;
};

static inline uint64_t bitmap_words(uint64_t bits)
{
	return (bits + 63) / 64;
}

static inline bool bitmap_test(const struct bitmap *b, uint64_t bit)
{
	return b->word[bit / 64] >> bit % 64 & 1;
}

static inline void bitmap_set(struct bitmap *b, uint64_t bit)
{
	b->word[bit / 64] |= UINT64_C(1) << bit % 64;
}

static inline void bitmap_clear(struct bitmap *b, uint64_t bit)
{
	b->word[bit / 64] &= ~(UINT64_C(1) << bit % 64);
}

/* Make room for @bits, not fewer than before; new ones are 0. Returns 0 or -1, recorded. */
int bitmap_grow(struct bitmap *b, uint64_t bits);

void bitmap_free(struct bitmap *b);

void bitmap_zero(struct bitmap *b);

/* Set bits @from to the last one. */
void bitmap_fill(struct bitmap *b, uint64_t from);

/* Add @count words of bits, from word @first on; what lies beyond the end is dropped. */
void bitmap_or_words(struct bitmap *b, uint64_t first, const uint64_t *words, uint64_t count);

/* Add all of @other, which is not longer. */
void bitmap_or(struct bitmap *b, const struct bitmap *other);

/* Clear those that are set in @other, which is not longer. */
void bitmap_subtract(struct bitmap *b, const struct bitmap *other);

/* How many are set in both; @other is as long. */
uint64_t bitmap_count_both(const struct bitmap *b, const struct bitmap *other);

uint64_t bitmap_count(const struct bitmap *b);

/* The first bit that is set from @from on, or @bits. */
uint64_t bitmap_next(const struct bitmap *b, uint64_t from);

#endif /* STILLPOINT_BITMAP_H */
