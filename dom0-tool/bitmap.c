// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "bitmap.h"
#include "msg.h"

int bitmap_grow(struct bitmap *b, uint64_t bits)
{
	uint64_t old = bitmap_words(b->bits), new = bitmap_words(bits);
	uint64_t *word;

	word = realloc(b->word, (new ? new : 1) * sizeof(*word));
	if (!word)
		return msg_error("out of memory for a bitmap of %llu pages",
				 (unsigned long long)bits);
	memset(word + old, 0, (new - old) * sizeof(*word));
	b->word = word;
	b->bits = bits;
	return 0;
}

void bitmap_free(struct bitmap *b)
{
	free(b->word);
	memset(b, 0, sizeof(*b));
}

void bitmap_zero(struct bitmap *b)
{
	memset(b->word, 0, bitmap_words(b->bits) * sizeof(*b->word));
}

/* Drop what the last word holds behind the end. */
static void bitmap_trim(struct bitmap *b)
{
	if (b->bits % 64)
		b->word[b->bits / 64] &= (UINT64_C(1) << b->bits % 64) - 1;
}

void bitmap_fill(struct bitmap *b, uint64_t from)
{
	uint64_t words = bitmap_words(b->bits);

	if (from >= b->bits)
		return;
	b->word[from / 64] |= UINT64_MAX << from % 64;
	memset(b->word + from / 64 + 1, 0xff, (words - from / 64 - 1) * sizeof(*b->word));
	bitmap_trim(b);
}

void bitmap_or_words(struct bitmap *b, uint64_t first, const uint64_t *words, uint64_t count)
{
	uint64_t all = bitmap_words(b->bits), i;

	if (first >= all)
		return;
	if (count > all - first)
		count = all - first;
	for (i = 0; i < count; i++)
		b->word[first + i] |= words[i];
	bitmap_trim(b);
}

void bitmap_or(struct bitmap *b, const struct bitmap *other)
{
	bitmap_or_words(b, 0, other->word, bitmap_words(other->bits));
}

void bitmap_subtract(struct bitmap *b, const struct bitmap *other)
{
	uint64_t i;

	for (i = 0; i < bitmap_words(other->bits); i++)
		b->word[i] &= ~other->word[i];
}

uint64_t bitmap_count_both(const struct bitmap *b, const struct bitmap *other)
{
	uint64_t count = 0, i;

	for (i = 0; i < bitmap_words(b->bits); i++)
		count += __builtin_popcountll(b->word[i] & other->word[i]);
	return count;
}

uint64_t bitmap_count(const struct bitmap *b)
{
	uint64_t count = 0, i;

	for (i = 0; i < bitmap_words(b->bits); i++)
		count += __builtin_popcountll(b->word[i]);
	return count;
}

uint64_t bitmap_next(const struct bitmap *b, uint64_t from)
{
	uint64_t words = bitmap_words(b->bits), i = from / 64, word;

	if (from >= b->bits)
		return b->bits;
	word = b->word[i] & UINT64_MAX << from % 64;
	while (!word) {
		if (++i == words)
			return b->bits;
		word = b->word[i];
	}
	return i * 64 + __builtin_ctzll(word);
}
