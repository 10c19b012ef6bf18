// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "parts.h"

/* By so much bytes may grow at once. */
#define PARTS_GROWTH 256

void parts_init(struct parts *p, size_t head_size, unsigned int seed)
{
	memset(p, 0, sizeof(*p));
	p->head_size = head_size;
	p->random = seed;
}

void parts_free(struct parts *p)
{
	size_t i;

	for (i = 0; i < PARTS_MAX; i++)
		free(p->part[i].body.data);
	free(p->front.data);
	free(p->rest.data);
}

/* splitmix64 (Steele, Lea and Flood, 2014). */
unsigned int parts_random(struct parts *p, unsigned int n)
{
	uint64_t z = p->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (z ^ z >> 31) % n;
}

bool parts_likely(struct parts *p, unsigned int n)
{
	return p->exact || parts_random(p, n);
}

bool parts_keep(struct parts *p)
{
	return parts_likely(p, 256);
}

void part_bytes_set(struct part_bytes *b, const void *data, size_t size)
{
	if (b->room < size + PARTS_GROWTH) {
		free(b->data);
		b->room = size + PARTS_GROWTH;
		b->data = malloc(b->room);
		fuzz_check(b->data);
	}
	if (size)
		memcpy(b->data, data, size);
	b->size = size;
}

bool parts_add(struct parts *p, const void *head, const void *body, size_t size)
{
	struct part *part = &p->part[p->n];

	if (p->n == PARTS_MAX)
		return false;
	memcpy(part->head, head, p->head_size);
	part_bytes_set(&part->body, body, size);
	p->n++;
	return true;
}

/* A number at an aligned place, near the front as a rule: a count, an offset, a kind. */
static void part_bytes_number(struct parts *p, struct part_bytes *b)
{
	size_t width = 1 << parts_random(p, 4), n = b->size / width, at;
	uint64_t value = 0;

	if (!n)
		return;
	at = parts_random(p, parts_random(p, 4) && n > 16 ? 16 : n) * width;
	memcpy(&value, b->data + at, width);
	switch (parts_random(p, 4)) {
	case 0:
		value += parts_random(p, 32);
		break;
	case 1:
		value -= parts_random(p, 32);
		break;
	case 2:
		value = parts_random(p, 16);
		break;
	default:
		value ^= UINT64_C(1) << parts_random(p, 64);
	}
	memcpy(b->data + at, &value, width);
}

/* Most bodies have a size that is checked first. */
static void part_bytes_mutate(struct parts *p, struct part_bytes *b)
{
	if (parts_random(p, 2))
		part_bytes_number(p, b);
	else if (parts_random(p, 4))
		LLVMFuzzerMutate(b->data, b->size, b->size);
	else
		b->size = LLVMFuzzerMutate(b->data, b->size, b->room - PARTS_SPARE);
}

/* Move part @from to place @to; what is between moves by one. */
static void parts_move(struct parts *p, size_t from, size_t to)
{
	struct part part = p->part[from];

	if (from < to)
		memmove(&p->part[from], &p->part[from + 1], (to - from) * sizeof(part));
	else
		memmove(&p->part[to + 1], &p->part[to], (from - to) * sizeof(part));
	p->part[to] = part;
}

static void parts_drop(struct parts *p, size_t i)
{
	parts_move(p, i, p->n - 1);
	p->n--;
}

static void parts_double(struct parts *p, size_t i)
{
	const struct part *part = &p->part[i];

	if (parts_add(p, part->head, part->body.data, part->body.size))
		parts_move(p, p->n - 1, i + 1);
}

static void parts_mutate_head(struct parts *p, size_t i)
{
	LLVMFuzzerMutate(p->part[i].head, p->head_size, p->head_size);
}

void parts_mutate(struct parts *p)
{
	size_t i = p->n ? parts_random(p, p->n) : 0;

	switch (p->n ? parts_random(p, 16) : 0) {
	case 0:
		part_bytes_mutate(p, &p->front);
		break;
	case 1:
		part_bytes_mutate(p, &p->rest);
		break;
	case 2:
		parts_mutate_head(p, i);
		break;
	case 3:
		parts_double(p, i);
		break;
	case 4:
		parts_drop(p, i);
		break;
	case 5:
		parts_move(p, i, parts_random(p, p->n));
		break;
	default:
		part_bytes_mutate(p, &p->part[i].body);
	}
}

void parts_out(struct parts_out *out, const void *data, size_t size)
{
	if (size > out->room - out->size) {
		out->full = true;
		return;
	}
	if (size)
		memcpy(out->data + out->size, data, size);
	out->size += size;
}
