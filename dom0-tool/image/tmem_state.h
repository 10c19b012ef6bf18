/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the TMEM sections of one image come to, while they are made or read in order:
 * the pools, and which handles have a page. Everything in them is checked.
 */
#ifndef STILLPOINT_TMEM_STATE_H
#define STILLPOINT_TMEM_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stillpoint/image.h>
#include <stillpoint/tmem.h>
#include <xxhash.h>

#include "image.h"

/**
 * struct tmem_pool - a pool
 * @told: as the last TMEM_POOLS has it
 * @incarnation: tells it from others of the same id, before and after it
 * @pages: handles of it that have a page
 * @bytes: of these, as they are stored
 */
struct tmem_pool {
	struct stillpoint_tmem_pool told;
	uint32_t incarnation;
	uint64_t pages;
	uint64_t bytes;
};

/**
 * struct tmem_entry - a handle that came
 * @incarnation: of the pool that it came in last
 * @stored: bytes of its page as they are stored
 * @used: the entry is in use
 * @page: it has a page, if its pool is still that one
 */
struct tmem_entry {
	struct stillpoint_tmem_handle handle;
	uint32_t incarnation;
	uint16_t stored;
	bool used;
	bool page;
};

/**
 * struct tmem_state - all of it
 * @head: the last TMEM_POOLS
 * @pools: in ascending order of ids
 * @any: there was a TMEM section
 * @blame: what a message about a fault begins with
 * @hashes: keep a hash of each page's bytes, so that states can be compared
 * @incarnations: given so far
 * @entries: @room of them, a power of two, by hash; @nentries are in use
 * @hash: XXH3-128 of the page of each entry, if @hashes
 * @seed: of the hash of handles
 * @codec: to look at pages
 * @sections: that came
 * @records: pages that came, repeats among them
 * @invalidates: handles that were invalidated
 * @stored: bytes of the pages that came, as they are stored
 * @seen: bit n: a page has codec n
 */
struct tmem_state {
	struct stillpoint_tmem_pools head;
	struct tmem_pool pools[STILLPOINT_TMEM_POOLS_MAX];
	bool any;
	const char *blame;
	bool hashes;
	uint32_t incarnations;
	struct tmem_entry *entries;
	XXH128_hash_t *hash;
	size_t room;
	size_t nentries;
	uint64_t seed;
	struct codec *codec;
	uint64_t sections;
	uint64_t records;
	uint64_t invalidates;
	uint64_t stored;
	uint32_t seen;
};

/* Begin with nothing. @blame is a constant: "the image is damaged". 0 or -1, recorded. */
int tmem_state_init(struct tmem_state *s, const char *blame);

void tmem_state_free(struct tmem_state *s);

/* True if sections of @type are tmem's, but for TMEM_IMAGE. */
bool tmem_section(uint32_t type);

/*
 * Take in the body of a tmem_section(), which stands at @offset, for messages. Each page
 * is decompressed to see that it can be. 0 or -1, recorded.
 */
int tmem_state_take(struct tmem_state *s, const struct image_tmem *part, uint64_t offset);

/* Nothing more comes: see that nothing is missing. 0 or -1, recorded. */
int tmem_state_complete(const struct tmem_state *s);

/* True if a pool is persistent, so that nothing may be restored without it. */
bool tmem_state_persistent(const struct tmem_state *s);

/**
 * struct tmem_sum - what pools hold
 * @pools: their number
 * @persistent: pages of persistent pools
 * @ephemeral: pages of the others
 * @bytes: of all these pages as they are stored
 */
struct tmem_sum {
	uint64_t pools;
	uint64_t persistent;
	uint64_t ephemeral;
	uint64_t bytes;
};

/* What came, each handle counted once. */
void tmem_state_sum(const struct tmem_state *s, struct tmem_sum *sum);

/**
 * struct tmem_compare - how two states differ
 * @same: pages that do not
 * @content: pages that have other bytes
 * @only: pages that only the first has, or only the second
 * @pools: the pools themselves differ
 */
struct tmem_compare {
	uint64_t same;
	uint64_t content;
	uint64_t only[2];
	bool pools;
};

/* Compare two states that have hashes. */
void tmem_state_compare(const struct tmem_state *a, const struct tmem_state *b,
			struct tmem_compare *res);

#endif /* STILLPOINT_TMEM_STATE_H */
