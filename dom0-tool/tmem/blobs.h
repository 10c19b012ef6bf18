/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Blobs: the bytes of pages, each different page once. A blob does not change until its last
 * reference is gone; it may move. Blob 0 is the page of zeroes, which has no bytes.
 */
#ifndef STILLPOINT_TMEM_BLOBS_H
#define STILLPOINT_TMEM_BLOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "image/codec.h"
#include "tmem/arena.h"

#define BLOB_ZERO 0u
#define BLOB_BAD UINT32_MAX /* no blob: what a handle holds whose data was found damaged */

struct blob;

/**
 * struct blobs - all of them
 * @table: by number
 * @buckets: of the hash over their contents, a power of two
 * @owners: by unit in the arena, the blob that begins there
 * @free: the first number that is not used, or 0
 * @count: blobs, @compressed of them compressed, of @bytes as they are stored
 */
struct blobs {
	struct arena *arena;
	struct codec *codec;
	struct codec_choice choice;
	struct blob *table;
	uint32_t *buckets;
	uint32_t bucket_count;
	uint32_t *owners;
	uint32_t free;
	uint64_t count;
	uint64_t compressed;
	uint64_t bytes;
};

/**
 * struct blob_bytes - a page as it is stored or comes
 * @codec: enum stillpoint_codec
 */
struct blob_bytes {
	const void *data;
	uint32_t size;
	uint32_t codec;
};

/* @arena stays the caller's. 0, or -1 with an error recorded. */
int blobs_init(struct blobs *b, struct arena *arena, const struct codec_choice *choice);
void blobs_free(struct blobs *b);

/*
 * While the records are read: another page names blob @n. Returns false if it is no sound blob.
 * When all were read blobs_settle() takes those that nobody names for free.
 */
bool blobs_claim(struct blobs *b, uint32_t n);
void blobs_settle(struct blobs *b);

/*
 * A reference to a blob of the bytes of @page; @stored, if not NULL, is what they are when
 * compressed and may be kept. False if there is no room, after which nothing has changed.
 */
bool blob_put(struct blobs *b, const void *page, const struct blob_bytes *stored, uint32_t *n);

/* Another reference to @n, of which there is one. */
void blob_hold(struct blobs *b, uint32_t n);
void blob_drop(struct blobs *b, uint32_t n);

uint32_t blob_references(const struct blobs *b, uint32_t n);

/* Fill in @page. 0, or -1 if the blob is damaged. */
int blob_read(struct blobs *b, uint32_t n, void *page);

/* Its bytes, as long as there is a reference and nothing is put. Those of zeroes have no size. */
void blob_bytes(const struct blobs *b, uint32_t n, struct blob_bytes *bytes);

/* Move blobs so that a zone becomes empty. False if none can. */
bool blobs_compact(struct blobs *b);

#endif /* STILLPOINT_TMEM_BLOBS_H */
