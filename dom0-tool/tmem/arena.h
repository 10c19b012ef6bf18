/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The store's file: tables of fixed records, and zones of page data. It is mapped shared, on a
 * file system in memory, so that what the daemon wrote outlives it however it ends. Each change
 * takes effect by one store of an aligned 64-bit word (arena_commit()), before which everything
 * that it refers to is written: a process that is killed leaves the old state or the new one.
 * Counts, lists and free space are kept in the process only and rebuilt from the records.
 *
 * The file is sparse and as large as it may ever become. Memory is taken from the file system
 * (fallocate) before it is written to, so that a full one is an error and not a SIGBUS.
 */
#ifndef STILLPOINT_TMEM_ARENA_H
#define STILLPOINT_TMEM_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tmem/protocol.h"

#define ARENA_MAGIC 0x314d454d54505453ULL
#define ARENA_VERSION 1

#define ARENA_ZONE 65536u /* bytes; what data is taken and given back in */
#define ARENA_UNIT 128u	  /* bytes; what the size of a piece of data is rounded up to */
#define ARENA_ZONE_UNITS (ARENA_ZONE / ARENA_UNIT)
#define ARENA_CLASSES (STILLPOINT_TMEM_PAGE_SIZE / ARENA_UNIT)

#define ARENA_DOMAINS 512u
#define ARENA_POOLS 4096u

/**
 * struct arena_super - the first page of the file
 * @zones: all numbers up to @domains are of records that the tables can hold
 * @seed: of the hashes, unknown to guests
 * @page_high: records before this one have memory; it only grows, as the next two
 */
struct arena_super {
	uint64_t magic;
	uint32_t version;
	uint32_t reserved;
	uint64_t zones;
	uint64_t pages;
	uint64_t blobs;
	uint32_t pools;
	uint32_t domains;
	uint64_t seed;
	uint64_t page_high;
	uint64_t blob_high;
	uint64_t zone_high;
	uint64_t restarts;
};

enum arena_state {
	ARENA_FREE = 0,
	ARENA_LIVE = 1,
	ARENA_COMING = 2, /* a domain's: an import that is not bound yet */
	ARENA_GOING = 3,  /* what it holds is being dropped */
};

/**
 * struct arena_domain - a domain
 * @word: enum arena_state
 * @share_mask: which of @shares count
 */
struct arena_domain {
	uint64_t word;
	uint8_t uuid[16];
	uint32_t domid;
	uint32_t weight;
	uint64_t quota;
	uint64_t share_mask;
	uint8_t shares[TMEM_SHARES][16];
	uint8_t pad[16];
};

/* Whose a pool is: a domain's number in the table, or ... */
#define ARENA_NOBODY UINT32_MAX

/**
 * struct arena_pool - a pool, or a domain's part in a shared one
 * @word: enum arena_state
 * @domain: ARENA_NOBODY for a shared pool itself, whose pages name this record
 * @id: what @domain calls it
 * @flags: STILLPOINT_TMEM_POOL_* and the page size
 */
struct arena_pool {
	uint64_t word;
	uint32_t domain;
	uint32_t id;
	uint32_t flags;
	uint32_t reserved;
	uint8_t uuid[16];
	uint8_t pad[24];
};

/* What a page's record holds, in its @word: the number of a blob below. */
#define ARENA_PAGE_HELD (UINT64_C(0x5047) << 48)
#define ARENA_PAGE_BAD (UINT64_C(0x5048) << 48) /* its data was found damaged */
#define ARENA_PAGE_TAG (UINT64_C(0xffff) << 48)

/**
 * struct arena_page - what a handle holds
 * @word: ARENA_PAGE_HELD and the number of its blob, 0 for a zero page; 0 if it is free
 * @pool: number of the pool's record
 * @check: arena_page_check()
 */
struct arena_page {
	uint64_t word;
	uint64_t object;
	uint32_t index;
	uint32_t pool;
	uint64_t check;
};

/**
 * struct arena_blob - bytes that pages have; without meaning unless a page names it
 * @place: where they are (arena_place())
 * @hash: of the page that they make
 * @check: arena_blob_check()
 */
struct arena_blob {
	uint64_t place;
	uint64_t hash[2];
	uint64_t check;
};

/* Up to 512 GiB of data can be addressed. */
static inline uint64_t arena_place(uint32_t unit, uint32_t size, uint32_t codec)
{
	return unit | (uint64_t)size << 32 | (uint64_t)codec << 48;
}

static inline uint32_t arena_place_unit(uint64_t place)
{
	return (uint32_t)place;
}

static inline uint32_t arena_place_size(uint64_t place)
{
	return place >> 32 & 0xffff;
}

static inline uint32_t arena_place_codec(uint64_t place)
{
	return place >> 48;
}

/* The class of a piece of data: its size in units. */
static inline uint32_t arena_class(uint32_t size)
{
	return (size + ARENA_UNIT - 1) / ARENA_UNIT;
}

struct arena_zone;

/**
 * struct arena - an open file
 * @limit: bytes of memory that it may take, and what the process keeps for its records
 * @kept: bytes of it that the store keeps for other things
 * @zones: what is known of each zone
 * @partial: by class, the first zone with room, or 0
 * @room: by class, pieces that fit into those
 * @empty: the first of @empties zones that have memory and no data
 * @hole: the first zone below zone_high without memory
 * @zone_count: zones with memory
 */
struct arena {
	int fd;
	int lock;
	uint8_t *map;
	size_t size;
	uint64_t limit;
	uint64_t kept;
	struct arena_super *super;
	struct arena_domain *domains;
	struct arena_pool *pools;
	struct arena_page *pages;
	struct arena_blob *blobs;
	uint8_t *data;
	struct arena_zone *zones;
	uint32_t partial[ARENA_CLASSES + 1];
	uint64_t room[ARENA_CLASSES + 1];
	uint32_t empty;
	uint32_t empties;
	uint32_t hole;
	uint64_t zone_count;
	bool found;
};

/* Called before and after each commit; a test's, to stop there. */
extern void (*arena_hook)(void);

/* Make everything written before, and then *@word = @value, what a later process finds. */
static inline void arena_commit(uint64_t *word, uint64_t value)
{
	if (arena_hook)
		arena_hook();
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	if (arena_hook)
		arena_hook();
}

/*
 * Lock the file @dir.lock, which is there before what is mounted at @dir. Returns a descriptor
 * that holds it until closed, or -1 with an error recorded.
 */
int arena_lock_beside(const char *dir);

/*
 * Open the file in @dir, or make it, for at most @limit bytes; a new one can later be given up to
 * @most bytes. Only one process can have it open. What is in the tables is for the caller to
 * check. Returns 0, or -1 with an error recorded.
 */
int arena_open(struct arena *a, const char *dir, uint64_t limit, uint64_t most);

void arena_close(struct arena *a);

/* Bytes of memory that are in use, those of the process's own tables included. */
uint64_t arena_used(const struct arena *a);

/* Bytes that pieces could still take. */
uint64_t arena_room(const struct arena *a);

/* Give back memory of empty zones until @bytes more may be used. False if that is not enough. */
bool arena_trim(struct arena *a, uint64_t bytes);

/* Give the next records of pages or blobs memory. False if there is no room. */
bool arena_grow_pages(struct arena *a);
bool arena_grow_blobs(struct arena *a);

/* After the records were read: a piece of @class is at @unit. False if it cannot be there. */
bool arena_claim(struct arena *a, uint32_t unit, uint32_t class);

/* When all are claimed: sort the zones, and give back those that hold nothing. */
void arena_settle(struct arena *a);

/* Room for a piece of @class. False if there is none. */
bool arena_alloc(struct arena *a, uint32_t class, uint32_t *unit);

/* Forget the piece at @unit. */
void arena_free(struct arena *a, uint32_t unit);

/*
 * A zone whose pieces fit into others of its class, or 0; nothing is put there any more, and
 * once the caller has moved its pieces, it is empty.
 */
uint32_t arena_pick_sparse(struct arena *a);

/* The first piece in @zone, or false. */
bool arena_first(const struct arena *a, uint32_t zone, uint32_t *unit);

static inline void *arena_at(const struct arena *a, uint32_t unit)
{
	return a->data + (size_t)unit * ARENA_UNIT;
}

/* Memory of the process that is zero, and taken only where it is touched. NULL if there is none. */
void *arena_array(size_t n, size_t size);
void arena_array_free(void *array, size_t n, size_t size);

uint64_t arena_page_check(const struct arena *a, const struct arena_page *page);
uint64_t arena_blob_check(const struct arena *a, const struct arena_blob *blob);

#endif /* STILLPOINT_TMEM_ARENA_H */
