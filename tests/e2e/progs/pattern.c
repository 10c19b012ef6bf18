// SPDX-License-Identifier: GPL-2.0
#include "pattern.h"

#define WORDS(bytes) ((bytes) / sizeof(uint64_t))
#define SUM_WORD (offsetof(struct pattern, sum) / sizeof(uint64_t))

/* Xorshift64*, Vigna 2014. */
uint64_t pattern_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

/* Depends on every bit and on the order of the words. */
static uint64_t sum_of(const uint64_t *word, size_t n)
{
	uint64_t sum = n;
	size_t i;

	for (i = 0; i < n; i++) {
		if (i == SUM_WORD)
			continue;
		sum = (sum ^ word[i]) * 0x9e3779b97f4a7c15ULL;
		sum ^= sum >> 29;
	}
	return sum;
}

void pattern_fill(void *buf, size_t length, uint64_t stream, uint64_t index, uint64_t seq)
{
	uint64_t state = (stream << 56) ^ (index << 32) ^ seq ^ PATTERN_MAGIC;
	struct pattern *head = buf;
	uint64_t *word = buf;
	size_t i;

	for (i = WORDS(sizeof(*head)); i < WORDS(length); i++)
		word[i] = pattern_random(&state);
	head->magic = PATTERN_MAGIC;
	head->stream = stream;
	head->index = index;
	head->seq = seq;
	head->length = length;
	head->sum = sum_of(word, WORDS(length));
}

const char *pattern_check(const void *buf, size_t length, uint64_t stream, uint64_t index)
{
	const struct pattern *head = buf;

	if (length < sizeof(*head) || length % sizeof(uint64_t))
		return "an impossible length";
	if (head->magic != PATTERN_MAGIC)
		return "no header";
	if (head->stream != stream)
		return "another stream's data";
	if (head->index != index)
		return "another place's data";
	if (head->length != length)
		return "another length";
	if (head->sum != sum_of(buf, WORDS(length)))
		return "a wrong sum";
	return NULL;
}
