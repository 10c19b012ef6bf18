/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the store's daemon and the other commands say to each other, over the socket
 * TMEM_SOCKET: SOCK_SEQPACKET, root only, one message in a packet, at most TMEM_MSG_MAX
 * bytes. Both run on one host: numbers are in its byte order. What is reserved is 0.
 *
 * A message begins with struct tmem_msg. Each request is answered by one message of the
 * same type, before the next is read; a status other than TMEM_STATUS_OK comes alone.
 * The first request is TMEM_MSG_HELLO. A peer that sends what is no message is cut off.
 *
 *   type		request			answer
 *   HELLO		tmem_hello		tmem_hello_reply
 *   LIST		tmem_list		tmem_list_reply
 *   STATS		-			tmem_stats
 *   SET		tmem_set		-
 *   EXPORT		tmem_export_request	tmem_export_reply
 *   NEXT		tmem_next		tmem_next_reply
 *   HOLD		tmem_hold		-
 *   RELEASE		tmem_release		-
 *   IMPORT		tmem_import_request	tmem_import_reply
 *   RECORDS		tmem_records		-
 *   IMPORT_END		tmem_totals		-
 *   BIND		tmem_bind		-
 *
 * A connection makes at most one export or one import. What it began ends with it.
 *
 * Export: one at a time of a domain. NEXT takes records: first the pools, then the pages,
 * each once; what changes behind a page that was taken comes again, as a newer page or
 * as what invalidates it. Replayed in order the records are the domain's pools once the
 * export is at rest. Before the mark NEXT answers TMEM_NEXT_IDLE when all was taken
 * for now. An answer of any state may have records.
 *   HOLD stops the serving of the domain's ring and marks its pools as they are then; the
 * time that it takes does not depend on what is in them. It is sent while the domain is
 * paused in its park and before the pages of its ring are copied, and RELEASE once they
 * are. A hold ends by itself with the connection, or when its time is over, and then
 * the mark is void: RELEASE answers TMEM_STATUS_EXPIRED, and what the tool copied must not be
 * used. RELEASE with TMEM_RELEASE_FORGET takes the mark back, too; an export without a mark
 * may HOLD again. After RELEASE the records go on up to the mark and no further: the guest
 * changes its pools meanwhile, and the export gets what they were. NEXT may also be
 * sent between HOLD and RELEASE. After the last record NEXT answers TMEM_NEXT_END, with
 * what the pools held at the mark.
 *   If the room that the mark's pages take is needed for the guests, the export is given up:
 * NEXT and RELEASE answer TMEM_STATUS_ABORTED.
 *
 * Import: the records make pools of no domain, until BIND gives them to one that exists and
 * has none. IMPORT says what there will be, and is refused (TMEM_STATUS_NO_ROOM) if
 * that does not fit. Records that would not be sent by an export (a page of no pool, bytes that
 * are not a page) are TMEM_STATUS_BAD, and end the import. IMPORT_END compares what came
 * with what was meant. What is not bound when the connection ends is dropped.
 */
#ifndef STILLPOINT_TMEM_PROTOCOL_H
#define STILLPOINT_TMEM_PROTOCOL_H

#include <stdint.h>

#include <stillpoint/image.h>
#include <stillpoint/tmem.h>

#define TMEM_SOCKET "/run/stillpoint/tmem.sock"
#define TMEM_PROTOCOL_VERSION 1

/* Of a message in bytes, with its head. */
#define TMEM_MSG_MAX 65536u

/* The records of one message, in bytes, at most. */
#define TMEM_RECORDS_MAX (TMEM_MSG_MAX - 64u)

#define TMEM_WEIGHT_DEFAULT 100u
#define TMEM_WEIGHT_MAX STILLPOINT_TMEM_WEIGHT_MAX

/*
 * A hold ends by itself after at most this many microseconds. The domain is paused as long
 * as it is held, and a save that compares or writes all of its memory meanwhile takes long.
 */
#define TMEM_HOLD_MAX_US 3600000000u

/* Shared pools that a domain may be given. */
#define TMEM_SHARES 4

enum tmem_msg_type {
	TMEM_MSG_HELLO = 1,
	TMEM_MSG_LIST = 2,
	TMEM_MSG_STATS = 3,
	TMEM_MSG_SET = 4,
	TMEM_MSG_EXPORT = 5,
	TMEM_MSG_NEXT = 6,
	TMEM_MSG_HOLD = 7,
	TMEM_MSG_RELEASE = 8,
	TMEM_MSG_IMPORT = 9,
	TMEM_MSG_RECORDS = 10,
	TMEM_MSG_IMPORT_END = 11,
	TMEM_MSG_BIND = 12,
};

enum tmem_status {
	TMEM_STATUS_OK = 0,
	TMEM_STATUS_BAD = 1,	   /* a field or a record is wrong */
	TMEM_STATUS_VERSION = 2,   /* the daemon speaks another version */
	TMEM_STATUS_ORDER = 3,	   /* not now: nothing is exported, held, imported... */
	TMEM_STATUS_NO_DOMAIN = 4, /* there is no such domain */
	TMEM_STATUS_NO_POOLS = 5,  /* the domain has none */
	TMEM_STATUS_BUSY = 6,	   /* another connection exports it */
	TMEM_STATUS_NO_ROOM = 7,   /* the store or the quota is full */
	TMEM_STATUS_EXPIRED = 8,   /* the hold ended by itself */
	TMEM_STATUS_ABORTED = 9,   /* the export was given up for room, or its domain is gone */
	TMEM_STATUS_EXISTS = 10,   /* the domain has pools already */
	TMEM_STATUS_FAILED = 11,   /* the daemon's own trouble; its log says more */
};

/**
 * struct tmem_msg - how every message begins
 * @type: enum tmem_msg_type
 * @status: enum tmem_status in an answer, 0 in a request
 */
struct tmem_msg {
	uint32_t type;
	uint32_t status;
};

struct tmem_hello {
	struct tmem_msg msg;
	uint32_t version; /* TMEM_PROTOCOL_VERSION */
	uint32_t reserved;
};

/**
 * struct tmem_hello_reply - what the store is
 * @codecs: bit N for codec N of enum stillpoint_codec: bytes of a page that it takes and gives
 * @room_pages: handles that a new domain's persistent pools may hold, by number alone
 * @room_bytes: bytes that are free for pages as they are stored
 */
struct tmem_hello_reply {
	struct tmem_msg msg;
	uint32_t version;
	uint32_t codecs;
	uint64_t room_pages;
	uint64_t room_bytes;
};

/**
 * struct tmem_list - which domains to list
 * @start: 0, or tmem_list_reply.next
 */
struct tmem_list {
	struct tmem_msg msg;
	uint32_t start;
	uint32_t reserved;
};

enum {
	TMEM_DOMAIN_CONNECTED = 1u << 0, /* its ring is served */
	TMEM_DOMAIN_EXPORTED = 1u << 1,
	TMEM_DOMAIN_HELD = 1u << 2,
	TMEM_DOMAIN_IMPORTED = 1u << 3, /* pools that are not bound to a domain yet; domid is 0 */
};

/**
 * struct tmem_domain_info - a domain's part
 * @flags: TMEM_DOMAIN_*
 * @uuid: the domain's
 * @quota: pages that its persistent pools may hold
 * @persistent: pages that they hold
 * @ephemeral: pages of its own ephemeral pools
 * @stored_bytes: of its pages as they are stored; duplicates count each time
 * @refused: puts that were refused
 * @evicted: ephemeral pages that made room
 * @invalid: requests that no module makes
 */
struct tmem_domain_info {
	uint32_t domid;
	uint32_t flags;
	uint8_t uuid[16];
	uint32_t weight;
	uint32_t pools;
	uint64_t quota;
	uint64_t persistent;
	uint64_t ephemeral;
	uint64_t stored_bytes;
	uint64_t puts;
	uint64_t gets;
	uint64_t hits;
	uint64_t refused;
	uint64_t invalidates;
	uint64_t evicted;
	uint64_t invalid;
	uint64_t sessions;
};

/**
 * struct tmem_list_reply - @n domains
 * @next: where the next request goes on, 0 if these were the last
 */
struct tmem_list_reply {
	struct tmem_msg msg;
	uint32_t n;
	uint32_t next;
	struct tmem_domain_info domains[];
};

/**
 * struct tmem_stats - the whole store
 * @limit_bytes: what it may take of dom0's memory, tables and all
 * @used_bytes: what it takes
 * @stored_bytes: of pages as they are stored, each once
 * @pages: handles that hold a page
 * @zero_pages: those whose page is zero
 * @duplicate_pages: those whose page another handle's has the bytes of
 * @blobs: different pages that are stored
 * @compressed_blobs: those that are compressed
 * @restarts: times that a daemon found the files of one before
 */
struct tmem_stats {
	struct tmem_msg msg;
	uint64_t limit_bytes;
	uint64_t used_bytes;
	uint64_t stored_bytes;
	uint64_t pages;
	uint64_t persistent;
	uint64_t ephemeral;
	uint64_t zero_pages;
	uint64_t duplicate_pages;
	uint64_t blobs;
	uint64_t compressed_blobs;
	uint64_t evicted;
	uint64_t domains;
	uint64_t pools;
	uint64_t restarts;
};

enum {
	TMEM_SET_QUOTA = 1u << 0,
	TMEM_SET_WEIGHT = 1u << 1,
	TMEM_SET_SHARE = 1u << 2,   /* the domain may join the shared pool @uuid */
	TMEM_SET_UNSHARE = 1u << 3, /* not any more; it leaves the pool, too */
};

/**
 * struct tmem_set - change what a domain may do
 * @domid: of a domain that exists
 * @what: TMEM_SET_*
 * @quota: in pages
 * @weight: 1 to TMEM_WEIGHT_MAX
 */
struct tmem_set {
	struct tmem_msg msg;
	uint32_t domid;
	uint32_t what;
	uint64_t quota;
	uint32_t weight;
	uint32_t reserved;
	uint8_t uuid[16];
};

/* Pages of ephemeral pools of its own, too; those of shared pools are never exported. */
#define TMEM_EXPORT_EPHEMERAL (1u << 0)

struct tmem_export_request {
	struct tmem_msg msg;
	uint32_t domid;
	uint32_t flags;
};

/**
 * struct tmem_totals - what pools hold
 * @pools: of any kind
 * @persistent: pages of persistent pools
 * @ephemeral: pages of ephemeral pools that are exported
 * @bytes: of all those pages as they are stored; 0 for a zero page
 */
struct tmem_totals {
	struct tmem_msg msg;
	uint32_t pools;
	uint32_t reserved;
	uint64_t persistent;
	uint64_t ephemeral;
	uint64_t bytes;
};

/* Of the moment that the export began; @now.msg is the answer's. */
struct tmem_export_reply {
	struct tmem_totals now;
	uint64_t quota;
	uint32_t weight;
	uint32_t reserved;
};

/**
 * struct tmem_next - take records
 * @max: of their bytes, at most TMEM_RECORDS_MAX and not too few for one page
 */
struct tmem_next {
	struct tmem_msg msg;
	uint32_t max;
	uint32_t reserved;
};

enum tmem_next_state {
	TMEM_NEXT_MORE = 0,
	TMEM_NEXT_IDLE = 1,
	TMEM_NEXT_END = 2,
};

/**
 * struct tmem_next_reply - records
 * @state: enum tmem_next_state
 * @size: bytes of records behind this
 * @totals: with TMEM_NEXT_END only; its msg is 0
 */
struct tmem_next_reply {
	struct tmem_msg msg;
	uint32_t state;
	uint32_t size;
	struct tmem_totals totals;
	uint8_t records[];
};

/* @timeout_us: at most TMEM_HOLD_MAX_US, from when the daemon answers. */
struct tmem_hold {
	struct tmem_msg msg;
	uint64_t timeout_us;
};

/* The mark is not needed: the domain did not park, or the tool will try again. */
#define TMEM_RELEASE_FORGET (1u << 0)

struct tmem_release {
	struct tmem_msg msg;
	uint32_t flags;
	uint32_t reserved;
};

/**
 * struct tmem_import_request - what will come
 * @quota: for the domain, in pages; 0 for the default. It is raised to what comes.
 * @weight: 0 for the default
 * @codecs: bit N if bytes of codec N may come
 */
struct tmem_import_request {
	struct tmem_totals coming;
	uint64_t quota;
	uint32_t weight;
	uint32_t codecs;
};

struct tmem_import_reply {
	struct tmem_msg msg;
	uint64_t token;
};

/* @size: bytes of records behind this. */
struct tmem_records {
	struct tmem_msg msg;
	uint32_t size;
	uint32_t reserved;
	uint8_t records[];
};

/* @token: of an import on this connection whose IMPORT_END was answered with OK. */
struct tmem_bind {
	struct tmem_msg msg;
	uint64_t token;
	uint32_t domid;
	uint32_t reserved;
};

enum tmem_record_type {
	TMEM_RECORD_POOL = 1,	    /* there is a pool; tmem_record_pool follows */
	TMEM_RECORD_POOL_GONE = 2,  /* it was destroyed with its pages; nothing follows */
	TMEM_RECORD_PAGE = 3,	    /* the handle's page; its bytes follow */
	TMEM_RECORD_INVALIDATE = 4, /* the handle holds nothing; nothing follows */
};

/**
 * struct tmem_record - one record
 * @type: enum tmem_record_type
 * @size: bytes behind this head; then come zeroes up to a multiple of 8. A page of
 *	no bytes is zero.
 * @pool: what the guest calls it
 * @codec: enum stillpoint_codec; how the page's bytes are compressed
 */
struct tmem_record {
	uint16_t type;
	uint16_t codec;
	uint32_t size;
	uint32_t pool;
	uint32_t index;
	uint64_t object;
};

/**
 * struct tmem_record_pool - a pool's characteristics
 * @flags: STILLPOINT_TMEM_POOL_PERSISTENT and _SHARED, and the page size, as NEW_POOL has them
 * @uuid: of a shared pool, else 0
 */
struct tmem_record_pool {
	uint32_t flags;
	uint32_t reserved;
	uint8_t uuid[16];
};

/* Bytes of a record with @size bytes behind its head. */
static inline uint32_t tmem_record_bytes(uint32_t size)
{
	return sizeof(struct tmem_record) + ((size + 7u) & ~7u);
}

#define TMEM_RECORD_MAX (sizeof(struct tmem_record) + STILLPOINT_TMEM_PAGE_SIZE)

#endif /* STILLPOINT_TMEM_PROTOCOL_H */
