// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include <xxhash.h>

#include "msg.h"
#include "tmem/blobs.h"

/* Blobs of one hash that are compared; more are nobody's accident. */
#define BLOBS_COMPARED 4

/* A page that gains less than a unit by compression is stored as it is. */
#define BLOBS_COMPRESSED_MAX (STILLPOINT_TMEM_PAGE_SIZE - ARENA_UNIT)

/**
 * struct blob - what the process knows of a blob
 * @references: of pages and of exports; 0 if it is free
 * @next: in its bucket, or of the free ones
 */
struct blob {
	uint32_t references;
	uint32_t next;
};

static uint32_t *blob_bucket(const struct blobs *b, const uint64_t hash[2])
{
	return &b->buckets[hash[0] & (b->bucket_count - 1)];
}

int blobs_init(struct blobs *b, struct arena *arena, const struct codec_choice *choice)
{
	memset(b, 0, sizeof(*b));
	b->arena = arena;
	b->choice = *choice;
	b->codec = codec_new(choice);
	if (!b->codec)
		return -1;
	b->bucket_count = 1024;
	while (b->bucket_count < arena->super->blobs / 2)
		b->bucket_count *= 2;
	b->table = arena_array(arena->super->blobs, sizeof(*b->table));
	b->buckets = arena_array(b->bucket_count, sizeof(*b->buckets));
	b->owners = arena_array(arena->super->zones * ARENA_ZONE_UNITS, sizeof(*b->owners));
	if (b->table && b->buckets && b->owners)
		return 0;
	blobs_free(b);
	return msg_error("out of memory");
}

void blobs_free(struct blobs *b)
{
	if (!b->arena)
		return;
	arena_array_free(b->table, b->arena->super->blobs, sizeof(*b->table));
	arena_array_free(b->buckets, b->bucket_count, sizeof(*b->buckets));
	arena_array_free(b->owners, b->arena->super->zones * ARENA_ZONE_UNITS, sizeof(*b->owners));
	codec_free(b->codec);
	memset(b, 0, sizeof(*b));
}

static void blob_enter(struct blobs *b, uint32_t n)
{
	struct arena_blob *rec = &b->arena->blobs[n];
	uint32_t *bucket = blob_bucket(b, rec->hash);

	b->table[n].references = 1;
	b->table[n].next = *bucket;
	*bucket = n;
	b->owners[arena_place_unit(rec->place)] = n;
	b->count++;
	b->compressed += arena_place_codec(rec->place) != STILLPOINT_CODEC_NONE;
	b->bytes += arena_place_size(rec->place);
}

bool blobs_claim(struct blobs *b, uint32_t n)
{
	const struct arena_blob *rec;
	uint32_t size;

	if (n == BLOB_ZERO)
		return true;
	if (n >= b->arena->super->blob_high)
		return false;
	if (b->table[n].references) {
		b->table[n].references++;
		return true;
	}
	rec = &b->arena->blobs[n];
	size = arena_place_size(rec->place);
	if (rec->check != arena_blob_check(b->arena, rec) || !size ||
	    size > STILLPOINT_TMEM_PAGE_SIZE ||
	    !arena_claim(b->arena, arena_place_unit(rec->place), arena_class(size)))
		return false;
	blob_enter(b, n);
	return true;
}

static void blob_release_number(struct blobs *b, uint32_t n)
{
	b->table[n].references = 0;
	b->table[n].next = b->free;
	b->free = n;
}

void blobs_settle(struct blobs *b)
{
	uint32_t n;

	for (n = b->arena->super->blob_high; n > 1; n--)
		if (!b->table[n - 1].references)
			blob_release_number(b, n - 1);
}

static bool blob_number(struct blobs *b, uint32_t *number)
{
	uint32_t from = b->arena->super->blob_high, n;

	if (!b->free) {
		if (!arena_grow_blobs(b->arena))
			return false;
		for (n = b->arena->super->blob_high; n > (from ? from : 1); n--)
			blob_release_number(b, n - 1);
	}
	*number = b->free;
	return true;
}

static bool blob_is(struct blobs *b, uint32_t n, const void *page)
{
	uint8_t other[STILLPOINT_TMEM_PAGE_SIZE];

	return !blob_read(b, n, other) && !memcmp(other, page, sizeof(other));
}

/* The blob of @page, or 0. */
static uint32_t blob_find(struct blobs *b, const void *page, const uint64_t hash[2])
{
	uint32_t n = *blob_bucket(b, hash), compared = 0;
	const struct arena_blob *rec;

	for (; n && compared < BLOBS_COMPARED; n = b->table[n].next) {
		rec = &b->arena->blobs[n];
		if (rec->hash[0] != hash[0] || rec->hash[1] != hash[1])
			continue;
		if (b->table[n].references < UINT32_MAX && blob_is(b, n, page))
			return n;
		compared++;
	}
	return 0;
}

static bool blob_store(struct blobs *b, const uint64_t hash[2], const struct blob_bytes *bytes,
		       uint32_t *number)
{
	struct arena_blob *rec;
	uint32_t unit, n;

	if (!blob_number(b, &n) || !arena_alloc(b->arena, arena_class(bytes->size), &unit))
		return false;
	b->free = b->table[n].next;
	memcpy(arena_at(b->arena, unit), bytes->data, bytes->size);
	rec = &b->arena->blobs[n];
	rec->place = arena_place(unit, bytes->size, bytes->codec);
	rec->hash[0] = hash[0];
	rec->hash[1] = hash[1];
	rec->check = arena_blob_check(b->arena, rec);
	blob_enter(b, n);
	*number = n;
	return true;
}

static bool blob_is_zero(const void *page)
{
	const uint64_t *words = page;
	unsigned int i;

	for (i = 0; i < STILLPOINT_TMEM_PAGE_SIZE / sizeof(*words); i++)
		if (words[i])
			return false;
	return true;
}

bool blob_put(struct blobs *b, const void *page, const struct blob_bytes *stored, uint32_t *number)
{
	struct blob_bytes bytes = { page, STILLPOINT_TMEM_PAGE_SIZE, STILLPOINT_CODEC_NONE };
	uint8_t small[STILLPOINT_TMEM_PAGE_SIZE];
	XXH128_hash_t xxh;
	uint64_t hash[2];
	uint32_t n;

	*number = BLOB_ZERO;
	if (blob_is_zero(page))
		return true;
	xxh = XXH3_128bits_withSeed(page, STILLPOINT_TMEM_PAGE_SIZE, b->arena->super->seed);
	hash[0] = xxh.low64;
	hash[1] = xxh.high64;
	n = blob_find(b, page, hash);
	if (n) {
		blob_hold(b, n);
		*number = n;
		return true;
	}
	if (stored) {
		bytes = *stored;
	} else {
		n = codec_compress(b->codec, page, STILLPOINT_TMEM_PAGE_SIZE, small,
				   BLOBS_COMPRESSED_MAX);
		if (n)
			bytes = (struct blob_bytes){ small, n, b->choice.codec };
	}
	return blob_store(b, hash, &bytes, number);
}

void blob_hold(struct blobs *b, uint32_t n)
{
	if (n != BLOB_ZERO && n != BLOB_BAD)
		b->table[n].references++;
}

void blob_drop(struct blobs *b, uint32_t n)
{
	struct arena_blob *rec;
	uint32_t *link;

	if (n == BLOB_ZERO || n == BLOB_BAD || --b->table[n].references)
		return;
	rec = &b->arena->blobs[n];
	for (link = blob_bucket(b, rec->hash); *link != n; link = &b->table[*link].next)
		;
	*link = b->table[n].next;
	b->count--;
	b->compressed -= arena_place_codec(rec->place) != STILLPOINT_CODEC_NONE;
	b->bytes -= arena_place_size(rec->place);
	arena_free(b->arena, arena_place_unit(rec->place));
	blob_release_number(b, n);
}

uint32_t blob_references(const struct blobs *b, uint32_t n)
{
	return n == BLOB_ZERO || n == BLOB_BAD ? 0 : b->table[n].references;
}

int blob_read(struct blobs *b, uint32_t n, void *page)
{
	const struct arena_blob *rec = &b->arena->blobs[n];
	struct blob_bytes bytes;
	XXH128_hash_t xxh;

	if (n == BLOB_ZERO) {
		memset(page, 0, STILLPOINT_TMEM_PAGE_SIZE);
		return 0;
	}
	if (n == BLOB_BAD)
		return -1;
	blob_bytes(b, n, &bytes);
	if (codec_decompress(b->codec, bytes.codec, bytes.data, bytes.size, page,
			     STILLPOINT_TMEM_PAGE_SIZE))
		return -1;
	xxh = XXH3_128bits_withSeed(page, STILLPOINT_TMEM_PAGE_SIZE, b->arena->super->seed);
	return xxh.low64 == rec->hash[0] && xxh.high64 == rec->hash[1] ? 0 : -1;
}

void blob_bytes(const struct blobs *b, uint32_t n, struct blob_bytes *bytes)
{
	uint64_t place;

	if (n == BLOB_ZERO || n == BLOB_BAD) {
		*bytes = (struct blob_bytes){ NULL, 0, STILLPOINT_CODEC_NONE };
		return;
	}
	place = b->arena->blobs[n].place;
	bytes->data = arena_at(b->arena, arena_place_unit(place));
	bytes->size = arena_place_size(place);
	bytes->codec = arena_place_codec(place);
}

bool blobs_compact(struct blobs *b)
{
	uint32_t zone = arena_pick_sparse(b->arena), from, to, n;
	struct arena_blob *rec;
	uint32_t size;

	if (!zone)
		return false;
	while (arena_first(b->arena, zone, &from)) {
		n = b->owners[from];
		rec = &b->arena->blobs[n];
		size = arena_place_size(rec->place);
		/* There is room: the zone was picked for that. */
		if (!arena_alloc(b->arena, arena_class(size), &to))
			return false;
		memcpy(arena_at(b->arena, to), arena_at(b->arena, from), size);
		b->owners[to] = n;
		arena_commit(&rec->place, arena_place(to, size, arena_place_codec(rec->place)));
		arena_free(b->arena, from);
	}
	return true;
}
