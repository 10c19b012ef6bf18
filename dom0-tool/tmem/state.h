/* SPDX-License-Identifier: GPL-2.0 */
/* What the store's own files share. Nobody else includes this. */
#ifndef STILLPOINT_TMEM_STATE_H
#define STILLPOINT_TMEM_STATE_H

#include "tmem/arena.h"
#include "tmem/blobs.h"
#include "tmem/export.h"
#include "tmem/store.h"

/**
 * struct list - pages, by number; 0 is none
 */
struct list {
	uint32_t first;
	uint32_t last;
};

/* Of a page's flags, which count while its epoch is its pool's. */
#define PAGE_SENT 1u  /* the export has it as it is */
#define PAGE_KNOWN 2u /* the export has had something for its handle */

/**
 * struct page - a handle that holds something
 * @object: number of its object
 * @blob: number of its blob; BLOB_ZERO, BLOB_BAD
 * @chain: in its bucket, or of the free ones
 * @prev: neighbours in its pool's list
 * @older: neighbours in the order of use, if its pool is ephemeral
 * @left: neighbours in its object
 * @used: when it was used
 */
struct page {
	uint64_t used;
	uint32_t object;
	uint32_t index;
	uint32_t blob;
	uint32_t chain;
	uint32_t prev;
	uint32_t next;
	uint32_t older;
	uint32_t newer;
	uint32_t left;
	uint32_t right;
	uint32_t epoch;
	uint32_t flags;
};

/**
 * struct object - pages of one object of a pool
 */
struct object {
	uint64_t id;
	uint32_t pool;
	uint32_t chain;
	uint32_t pages;
};

/**
 * struct account - whom ephemeral pages are counted to
 * @oldest: of its pages
 */
struct account {
	uint64_t pages;
	uint64_t evicted;
	uint32_t oldest;
	uint32_t newest;
	uint32_t weight;
	struct account *prev;
	struct account *next;
};

/**
 * struct pool - a pool, by the number of its record
 * @state: ARENA_FREE, _LIVE or _GOING
 * @domain: ARENA_NOBODY for a shared one
 * @target: the pool that has the pages: itself, or the shared one
 * @parts: of a shared one, domains that are in it
 * @chain: the next of its domain, or of those that are going
 * @pages: its pages, but for those in @pending
 * @pending: what @export has yet to take
 * @count: of both
 * @bytes: of both, as they are stored
 * @export: of its pages, or NULL
 * @known: an export has its record
 */
struct pool {
	uint32_t state;
	uint32_t domain;
	uint32_t id;
	uint32_t flags;
	uint8_t uuid[16];
	uint32_t target;
	uint32_t parts;
	uint32_t chain;
	uint32_t epoch;
	struct list pages;
	struct list pending;
	uint64_t count;
	uint64_t bytes;
	struct tmem_exporter *export;
	bool known;
	struct account shared;
};

/**
 * struct tmem_domain - a domain
 * @state: as arena_domain's word
 * @pools: the first of its pools
 * @going: pools of it that are going
 * @export: of it, or NULL
 * @held: its ring is not to be served
 */
struct tmem_domain {
	struct tmem_store *store;
	uint32_t number;
	uint32_t state;
	uint32_t pools;
	uint32_t pool_count;
	uint32_t going;
	struct account own;
	struct tmem_exporter *export;
	bool held;
	struct tmem_domain_info info;
};

/**
 * struct tmem_store - all of it
 * @page_free: the first of the free pages, as object_free
 * @going: the first of the pools that are going
 * @accounts: those that have pages
 * @ephemeral: pages of them all
 * @clock: counts uses of pages
 * @epoch: of the last export
 * @exports: those that have not ended
 */
struct tmem_store {
	struct arena arena;
	struct blobs blobs;
	uint64_t quota;
	struct page *pages;
	uint32_t *buckets;
	struct object *objects;
	uint32_t *object_buckets;
	uint32_t bucket_count;
	uint32_t page_free;
	uint32_t object_free;
	uint32_t object_high;
	struct pool *pools;
	struct tmem_domain *domains;
	uint32_t going;
	struct account *accounts;
	uint64_t clock;
	uint64_t page_count;
	uint64_t persistent;
	uint64_t ephemeral;
	uint64_t ephemeral_bytes;
	uint64_t zero_pages;
	uint64_t evicted;
	uint32_t epoch;
	uint32_t pool_count;
	struct tmem_exporter *exports;
};

static inline bool pool_is_persistent(const struct pool *p)
{
	return p->flags & STILLPOINT_TMEM_POOL_PERSISTENT;
}

static inline bool pool_is_shared(const struct pool *p)
{
	return p->flags & STILLPOINT_TMEM_POOL_SHARED;
}

static inline uint32_t pool_number(const struct tmem_store *s, const struct pool *p)
{
	return p - s->pools;
}

/* pages.c */

int pages_init(struct tmem_store *s);
void pages_exit(struct tmem_store *s);

/* Number @n, whose record is free, may be used; only while the records are read. */
void page_release_number(struct tmem_store *s, uint32_t n);

/* There is a free number. False if there is no room. */
bool page_reserve(struct tmem_store *s);

/* The page of a handle of @pool, which has the pages itself; 0 if there is none. */
uint32_t page_find(const struct tmem_store *s, uint32_t pool, uint64_t object, uint32_t index);

/*
 * Enter record @n, which was read or is written, for the handle, with a reference to @blob that
 * becomes the page's. False, with nothing changed, if there is no memory for its object.
 */
bool page_enter(struct tmem_store *s, uint32_t n, uint32_t pool, uint64_t object, uint32_t index,
		uint32_t blob);

/* Write a record for a handle that holds nothing. As page_enter(); needs page_reserve(). */
bool page_add(struct tmem_store *s, uint32_t pool, uint64_t object, uint32_t index, uint32_t blob);

/* The handle holds @blob now, whose reference becomes the page's. */
void page_replace(struct tmem_store *s, uint32_t n, uint32_t blob);

/* The handle holds nothing now. */
void page_remove(struct tmem_store *s, uint32_t n);

/* The page was used. */
void page_touch(struct tmem_store *s, uint32_t n);

/* The object, or 0. */
uint32_t object_find(const struct tmem_store *s, uint32_t pool, uint64_t id);

struct pool *page_pool(const struct tmem_store *s, uint32_t n);
uint64_t page_object(const struct tmem_store *s, uint32_t n);

/* Bytes that a page counts for. */
uint32_t page_bytes(const struct tmem_store *s, uint32_t blob);

bool page_is_pending(const struct pool *p, const struct page *page);
void list_append(struct tmem_store *s, struct list *list, uint32_t n);
void list_remove(struct tmem_store *s, struct list *list, uint32_t n);
/* All of @from goes to the end of @to. */
void list_splice(struct tmem_store *s, struct list *to, struct list *from);

/* room.c */

/* As blob_put(), making room. */
bool room_put(struct tmem_store *s, const void *page, const struct blob_bytes *stored,
	      bool persistent, uint32_t *blob);

/* What exports keep comes without being asked for: make up for it, or give them up. */
void room_fit(struct tmem_store *s);

/* Bytes that could be taken for data. */
uint64_t room_bytes(const struct tmem_store *s);

void account_add(struct tmem_store *s, struct account *a, uint32_t n);
void account_remove(struct tmem_store *s, struct account *a, uint32_t n);

/* Whom the pages of an ephemeral @pool are counted to. */
struct account *pool_account(struct tmem_store *s, struct pool *pool);

/* pools.c */

struct pool *pool_find(struct tmem_domain *d, uint32_t id);

/* @d loses a pool; it is dropped bit by bit. */
void pool_drop(struct tmem_domain *d, struct pool *p);

/* A record that was read: the pool is there. False if it cannot be. */
bool pool_load(struct tmem_store *s, uint32_t n);

/* After all were read. */
void pools_settle(struct tmem_store *s);

/* As tmem_store_work(), for pools alone. */
bool pools_work(struct tmem_store *s, unsigned int pages);

bool pool_flags_valid(uint32_t flags, const uint8_t uuid[16]);

/* store.c */

/* A handle is to hold the bytes of @page; @stored as blob_put() has it. */
enum stillpoint_tmem_status store_put(struct tmem_domain *d, struct pool *pool, uint64_t object,
				      uint32_t index, const void *page,
				      const struct blob_bytes *stored);

/* domains.c */

bool domain_load(struct tmem_store *s, uint32_t n);

/* A new domain in state ARENA_LIVE or _COMING, or NULL. */
struct tmem_domain *domain_make(struct tmem_store *s, uint32_t state, uint32_t domid,
				const uint8_t uuid[16]);

/* Its last pool is gone: forget a domain that is going. */
void domain_forget(struct tmem_domain *d);

/* load.c */

/* Read all records. */
void store_load(struct tmem_store *s);

/* export.c */

/* A pool of @d, which has an export, is new; or is about to go. */
void export_pool_added(struct tmem_domain *d, struct pool *p);
void export_pool_goes(struct tmem_domain *d, struct pool *p);

/* Of a pool with an export: @n will be in a list of it; is about to hold another blob, or none. */
void export_page_added(struct pool *p, struct page *page);
void export_page_changes(struct tmem_store *s, struct pool *p, uint32_t n);
void export_page_goes(struct tmem_store *s, struct pool *p, uint32_t n);

/* Give up an export that keeps pages for its mark, or much else. False if there is none. */
bool export_give_up(struct tmem_store *s);

/* @d, which has an export, is about to go. */
void export_domain_goes(struct tmem_domain *d);

#endif /* STILLPOINT_TMEM_STATE_H */
