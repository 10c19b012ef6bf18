/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The store: domains, their pools, and what the pools' handles hold. One thread uses it. It
 * knows nothing of Xen. What it changes is in its file (arena.h) when a call returns.
 *
 * Objects and their lifetimes:
 *
 *   domain ---< pool ---< object ---< page >--- blob
 *
 * A shared pool belongs to no domain; the domains that are in it have a pool of their own that
 * names it. A pool or domain that is dropped is gone for its guest at once, its pages bit by bit
 * (tmem_store_work()).
 */
#ifndef STILLPOINT_TMEM_STORE_H
#define STILLPOINT_TMEM_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include <stillpoint/tmem.h>

#include "image/codec.h"
#include "tmem/protocol.h"

/* Pools of one domain. */
#define TMEM_POOLS_MAX 64

struct tmem_store;
struct tmem_domain;

/**
 * struct tmem_store_options - how it is kept
 * @limit: bytes of dom0's memory that it may take
 * @most: that @limit may become later, for the same files; 0 if it stays
 * @quota: pages that the persistent pools of a domain may hold; 0 for half of what fits
 *	uncompressed
 * @codec: how new pages are compressed
 */
struct tmem_store_options {
	uint64_t limit;
	uint64_t most;
	uint64_t quota;
	struct codec_choice codec;
};

/* The smallest @limit. */
#define TMEM_STORE_LIMIT_MIN (UINT64_C(4) << 20)

/*
 * Open the store in @dir, or make it. What an earlier process left is found again and checked;
 * imports that were not bound are dropped. Returns NULL with an error recorded.
 */
struct tmem_store *tmem_store_open(const char *dir, const struct tmem_store_options *opts);

/* The files stay. */
void tmem_store_close(struct tmem_store *s);

/*
 * Keep what exports take within the limit, and drop up to @pages pages that are on their way
 * out. Returns true if there are more.
 */
bool tmem_store_work(struct tmem_store *s, unsigned int pages);

void tmem_store_stats(const struct tmem_store *s, struct tmem_stats *stats);

/* Fill in what is to be said in the answer to HELLO. */
void tmem_store_hello(const struct tmem_store *s, struct tmem_hello_reply *reply);

/* Domain @domid of @uuid, or NULL. */
struct tmem_domain *tmem_domain_find(struct tmem_store *s, uint32_t domid, const uint8_t uuid[16]);

/* The same; it is made if there is none. NULL if there is no room. */
struct tmem_domain *tmem_domain_get(struct tmem_store *s, uint32_t domid, const uint8_t uuid[16]);

/* The first domain at or behind number *@n, or NULL; *@n becomes its number. */
struct tmem_domain *tmem_domain_next(struct tmem_store *s, uint32_t *n);

/* Who it is; domid is 0 and @uuid zeroes for an import that is not bound. */
void tmem_domain_identity(const struct tmem_domain *d, uint32_t *domid, uint8_t uuid[16]);

void tmem_domain_info(const struct tmem_domain *d, struct tmem_domain_info *info);

/*
 * Forget it. An export of it ends, unless it has its mark: then the pools stay until that is
 * over. The handle is not valid any more.
 */
void tmem_domain_drop(struct tmem_domain *d);

/* Returns an enum tmem_status. */
uint32_t tmem_domain_set(struct tmem_domain *d, const struct tmem_set *set);

/* While it is held, its ring is not to be served. */
void tmem_domain_hold(struct tmem_domain *d, bool held);
bool tmem_domain_is_held(const struct tmem_domain *d);

/* What the ring's back end counts. */
void tmem_domain_count_session(struct tmem_domain *d);
void tmem_domain_count_invalid(struct tmem_domain *d);

/* What a guest asks for; see stillpoint/tmem.h. Pages are STILLPOINT_TMEM_PAGE_SIZE bytes. */
enum stillpoint_tmem_status tmem_pool_new(struct tmem_domain *d, uint32_t id, uint32_t flags,
					  const uint8_t uuid[16], bool *created);
enum stillpoint_tmem_status tmem_pool_destroy(struct tmem_domain *d, uint32_t id);
enum stillpoint_tmem_status tmem_put(struct tmem_domain *d, uint32_t pool, uint64_t object,
				     uint32_t index, const void *page);
enum stillpoint_tmem_status tmem_get(struct tmem_domain *d, uint32_t pool, uint64_t object,
				     uint32_t index, void *page);
enum stillpoint_tmem_status tmem_invalidate(struct tmem_domain *d, uint32_t pool, uint64_t object,
					    uint32_t index);

/* Does up to @pages pages of the work; *@more says that it is to be called again. */
enum stillpoint_tmem_status tmem_invalidate_object(struct tmem_domain *d, uint32_t pool,
						   uint64_t object, unsigned int pages, bool *more);

#endif /* STILLPOINT_TMEM_STORE_H */
