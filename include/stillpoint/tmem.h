/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tmem: how a guest's module keeps pages in a store in dom0; see docs/tmem.md.
 *
 * The module publishes (see xenstore.h) a grant reference of the tmem page and an
 * unbound event channel. The tmem page names, by grant references, a ring page and a
 * window: one data page for each slot. All of them are granted to dom0 for writing.
 * The tmem page holds two halves; each is written by one side only:
 *
 *   offset 0     struct stillpoint_tmem_guest_half, written by the module
 *   offset 2048  struct stillpoint_tmem_store_half, written by the store
 *
 * All fields are little endian and naturally aligned. Neither side trusts the other:
 * read a field once into a local, check it, then use it. What is reserved is 0.
 *
 * Sessions. The store maps the pages, binds the channel, writes to store.session a
 * number that is neither 0 nor guest.session, and signals the channel. The module
 * forgets what is in the ring, makes it an empty one (SHARED_RING_INIT), and stores
 * the number to guest.session (release). Only then (acquire) the store makes its end
 * of the ring, at 0, and serves it while both numbers are equal. The module begins with
 * STILLPOINT_TMEM_HELLO and waits for its answer, then it names its pools, then it sends
 * all that was not answered in the session before, again. A store that closes writes 0
 * to store.session; one that dies does not, and the next one's number begins the next
 * session. A module that closes writes 0 to guest.session and unpublishes.
 *
 * The ring is Xen's (xen/io/ring.h): DEFINE_RING_TYPES(stillpoint_tmem,
 * struct stillpoint_tmem_request, struct stillpoint_tmem_response) in one page, with
 * STILLPOINT_TMEM_RING_SIZE entries, its notifications as the macros hold them back.
 * Requests that are in the ring at the same time may be done and answered in any order;
 * the module has never two for the same handle there. The page of a slot belongs to the
 * store from the request that names it until that request's answer.
 *
 * What is answered is done: it outlives the store's process, though not dom0.
 */
#ifndef STILLPOINT_TMEM_H
#define STILLPOINT_TMEM_H

#include <linux/types.h>

#define STILLPOINT_TMEM_ABI_VERSION 1 /* of the tmem page and the ring */
#define STILLPOINT_TMEM_PROTOCOL 1    /* of the requests; see STILLPOINT_TMEM_HELLO */

#define STILLPOINT_TMEM_MAGIC 0x4d454d54544e5053ULL /* "SPNTTMEM" */
#define STILLPOINT_TMEM_STORE_OFFSET 2048
#define STILLPOINT_TMEM_PAGE_SIZE 4096
#define STILLPOINT_TMEM_PAGE_SHIFT 12
#define STILLPOINT_TMEM_RING_SIZE 64
#define STILLPOINT_TMEM_SLOTS_MAX 64

/**
 * struct stillpoint_tmem_guest_half - what the module tells the store
 * @magic: STILLPOINT_TMEM_MAGIC
 * @abi_version: STILLPOINT_TMEM_ABI_VERSION of the module
 * @session: the store's number that the ring was last made empty for, or 0
 * @ring_ref: grant reference of the ring page
 * @slots: pages in the window, 1 to STILLPOINT_TMEM_SLOTS_MAX
 * @slot_ref: their grant references
 *
 * All but @session stay as they are while published.
 */
struct stillpoint_tmem_guest_half {
	__u64 magic;
	__u32 abi_version;
	__u32 session;
	__u32 ring_ref;
	__u32 slots;
	__u32 slot_ref[STILLPOINT_TMEM_SLOTS_MAX];
};

/**
 * struct stillpoint_tmem_store_half - what the store tells the module
 * @session: number of the store's session, 0 if it serves none
 */
struct stillpoint_tmem_store_half {
	__u32 session;
	__u32 reserved;
};

/*
 * Operations. A handle is the request's pool, object and index.
 *
 * HELLO		hello.version: the highest STILLPOINT_TMEM_PROTOCOL that the module
 *			speaks; hello.features: those it knows. Answer: OK, value the
 *			version of this session, at most that; features those that both
 *			know. Or UNSUPPORTED, value the lowest that the store speaks; the
 *			module then waits for another session.
 * NEW_POOL		index: STILLPOINT_TMEM_POOL_* and the page size; uuid: of a shared pool,
 *			else 0. The module chooses the id; ids are its own domain's. Answer: OK,
 *			value STILLPOINT_TMEM_CREATED or STILLPOINT_TMEM_FOUND; EXISTS if
 *			there is a pool of that id with other characteristics; REFUSED if
 *			there may be no more pools, or not this shared one.
 * DESTROY_POOL		the pool and its pages; of a shared pool, this domain's part in it.
 *			Answer: OK, NO_POOL.
 * PUT			stores slot's page. What the handle held before is gone whatever
 *			the answer is. Answer: OK, REFUSED if there is no room for it.
 * GET			fills slot's page. Answer: OK, NOT_FOUND. From a private ephemeral
 *			pool the page is gone then.
 * INVALIDATE_PAGE	Answer: OK, also if there was none.
 * INVALIDATE_OBJECT	all indexes of an object; the same.
 *
 * Any of them may be answered INVALID (malformed), UNSUPPORTED (no such operation), NO_POOL,
 * or FAILED (the store's own trouble; after a PUT the handle is empty).
 */
enum stillpoint_tmem_op {
	STILLPOINT_TMEM_HELLO = 1,
	STILLPOINT_TMEM_NEW_POOL = 2,
	STILLPOINT_TMEM_DESTROY_POOL = 3,
	STILLPOINT_TMEM_PUT = 4,
	STILLPOINT_TMEM_GET = 5,
	STILLPOINT_TMEM_INVALIDATE_PAGE = 6,
	STILLPOINT_TMEM_INVALIDATE_OBJECT = 7,
};

enum stillpoint_tmem_status {
	STILLPOINT_TMEM_OK = 0,
	STILLPOINT_TMEM_NOT_FOUND = 1,
	STILLPOINT_TMEM_REFUSED = 2,
	STILLPOINT_TMEM_INVALID = 3,
	STILLPOINT_TMEM_NO_POOL = 4,
	STILLPOINT_TMEM_EXISTS = 5,
	STILLPOINT_TMEM_UNSUPPORTED = 6,
	STILLPOINT_TMEM_FAILED = 7,
};

/*
 * A pool's characteristics. Persistent: no page is ever lost but by its guest's
 * will; else ephemeral: any page may be gone at any time. Shared (ephemeral only): one
 * pool for all domains that name its uuid, and they trust each other with its contents.
 */
#define STILLPOINT_TMEM_POOL_PERSISTENT (1U << 0)
#define STILLPOINT_TMEM_POOL_SHARED (1U << 1)
/* Not a characteristic: a pool of that id is emptied first, whatever it was. */
#define STILLPOINT_TMEM_POOL_EMPTY (1U << 2)
/* Of a page, as a power of two; only STILLPOINT_TMEM_PAGE_SHIFT so far. */
#define STILLPOINT_TMEM_POOL_SHIFT(flags) (((flags) >> 8) & 0xff)
#define STILLPOINT_TMEM_POOL_4K (STILLPOINT_TMEM_PAGE_SHIFT << 8)

/* The value of NEW_POOL's answer. */
#define STILLPOINT_TMEM_FOUND 0
#define STILLPOINT_TMEM_CREATED 1

/**
 * struct stillpoint_tmem_request - 32 bytes
 * @id: comes back with the answer; the store makes nothing of it
 * @op: enum stillpoint_tmem_op
 * @slot: of PUT and GET
 * @pool: of all but HELLO
 * @index: of PUT, GET and INVALIDATE_PAGE; NEW_POOL's flags
 * @object: of PUT, GET, INVALIDATE_PAGE and INVALIDATE_OBJECT
 * @uuid: of NEW_POOL
 * @hello: of HELLO
 */
struct stillpoint_tmem_request {
	__u32 id;
	__u16 op;
	__u16 slot;
	__u32 pool;
	__u32 index;
	union {
		__u64 object;
		__u8 uuid[16];
		struct {
			__u32 version;
			__u32 reserved;
			__u64 features;
		} hello;
	};
};

/**
 * struct stillpoint_tmem_response - 24 bytes
 * @id: the request's
 * @op: the request's
 * @status: enum stillpoint_tmem_status
 * @value: of HELLO and NEW_POOL
 * @features: of HELLO
 */
struct stillpoint_tmem_response {
	__u32 id;
	__u16 op;
	__u16 status;
	__u32 value;
	__u32 reserved;
	__u64 features;
};

#endif /* STILLPOINT_TMEM_H */
