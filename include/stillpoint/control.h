/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control page: how dom0 asks a guest's module to park, and what the
 * module answers.
 *
 * The module publishes the page under its own xenstore home (see xenstore.h)
 * as a grant reference and an unbound event channel. One page holds two
 * halves; each is written by one side only and read by the other:
 *
 *   offset 0     struct stillpoint_guest_half, written by the module
 *   offset 2048  struct stillpoint_host_half, written by dom0
 *
 * All fields are little endian and naturally aligned. Neither side trusts the
 * other's half: read a field once into a local, check it, then use it.
 *
 * A request is numbered. dom0 fills the host half, stores its number in
 * host.request last (release), and signals the channel. The module takes a
 * request up when its number is ahead of guest.taken, by serial-number
 * arithmetic (stillpoint_seq_after()); a number that is not is a repeat and is
 * ignored. The module signals the channel when it is parked and when a
 * request is done.
 *
 * Tracking. STILLPOINT_OP_HARVEST makes a set of pages: those that may differ
 * from any copy of them made before the harvest before. The first harvest starts
 * an epoch; what it finds is of no use, as there is none before it. A page that
 * is copied after a harvest was done is consistent, or in the next set. A request
 * to park while an epoch lasts makes the last set, while the CPUs are stopped,
 * and ends the epoch. (A page of which the guest moves the mapping while a set is
 * made may be in the set after that; the last set is made at one instant.) It also
 * ends with STILLPOINT_OP_UNTRACK, and when neither host.request nor
 * host.heartbeat has changed for host.lease_us.
 *
 * A set is a bitmap of guest frame numbers (pfns) in pages of the guest: bit
 * pfn % 64 of the little-endian u64 number pfn / 64. Its pages hold
 * STILLPOINT_BITMAP_PAGE_BITS each, in order; guest.bitmap_dir names the frames
 * (pfns) of directories, each an array of the pfns of STILLPOINT_DIR_ENTRIES of
 * the bitmap's pages. The set is valid from the end of the harvest, or from
 * STILLPOINT_STATE_PARKED on, until the next request. What changed with the p2m
 * (ballooning) is in no set: dom0 compares the p2m.
 *
 * Free pages. A module with STILLPOINT_FEATURE_FREE also makes a bitmap of pages that
 * the guest's kernel has free, in the same form, named by guest.free_dir: at each harvest
 * while the guest runs, and at each request to park, tracked or not, when nothing is allocated
 * any more before the loop. What is in a page that is free at the park has no meaning: a
 * restored guest may find zeroes there. A page that was free at a harvest need not be copied
 * yet, nothing else: it may be in use since. Not all free pages need be in it; none that
 * is granted writable is. It is valid as long as the set is; guest.free_pfns is 0 if there is none.
 */
#ifndef STILLPOINT_CONTROL_H
#define STILLPOINT_CONTROL_H

#include <linux/types.h>

#define STILLPOINT_ABI_VERSION 1

#define STILLPOINT_CONTROL_MAGIC 0x4c525443544e5053ULL /* "SPNTCTRL" */
#define STILLPOINT_CONTROL_SIZE 4096
#define STILLPOINT_HOST_OFFSET 2048

/* Bits of stillpoint_guest_half.features. */
#define STILLPOINT_FEATURE_PARK (1ULL << 0)
#define STILLPOINT_FEATURE_TRACK (1ULL << 1)
#define STILLPOINT_FEATURE_FREE (1ULL << 2)
#define STILLPOINT_FEATURE_QUIESCE (1ULL << 4) /* see quiesce.h */

#define STILLPOINT_BITMAP_PAGE_BITS (4096 * 8)
#define STILLPOINT_DIR_ENTRIES 512
#define STILLPOINT_DIRS 16 /* bitmaps of up to 1 TiB of guest memory */

/*
 * Bit of stillpoint_host_half.flags, read with the first harvest of an epoch:
 * the hypervisor tracks the guest's own writes. The sets hold only what its
 * log does not: what the hypervisor and backends write by mappings of their own.
 */
#define STILLPOINT_TRACK_EXTRAS (1U << 0)

enum stillpoint_op {
	STILLPOINT_OP_NONE = 0,
	STILLPOINT_OP_PARK = 1,
	STILLPOINT_OP_HARVEST = 2,
	STILLPOINT_OP_UNTRACK = 3,
};

enum stillpoint_state {
	STILLPOINT_STATE_IDLE = 0,
	STILLPOINT_STATE_PREPARING = 1, /* a request was taken up */
	STILLPOINT_STATE_PARKED = 2,	/* in the loop, or an instant before it */
	STILLPOINT_STATE_RESUMING = 3,	/* left the loop */
};

/* How the request numbered guest.done ended. */
enum stillpoint_result {
	STILLPOINT_RESULT_NONE = 0,
	STILLPOINT_RESULT_CHECKPOINT = 1, /* dom0 let the guest run on */
	STILLPOINT_RESULT_RESTORED = 2,	  /* woke up in a restored domain */
	STILLPOINT_RESULT_ABANDONED = 3,  /* the deadline passed */
	STILLPOINT_RESULT_CANCELLED = 4,  /* host.cancel named the request */
	STILLPOINT_RESULT_FAILED = 5,	  /* guest.error says why; never parked */
	STILLPOINT_RESULT_HARVESTED = 6,
	STILLPOINT_RESULT_UNTRACKED = 7,
};

/* The bounds of host.deadline_us; the module clamps to them. */
#define STILLPOINT_DEADLINE_MIN_US 1000ULL
#define STILLPOINT_DEADLINE_MAX_US 60000000ULL

/* The bounds of host.lease_us; the module clamps to them. */
#define STILLPOINT_LEASE_MIN_US 1000000ULL
#define STILLPOINT_LEASE_MAX_US 600000000ULL

/**
 * struct stillpoint_guest_half - what the module tells dom0
 * @magic: STILLPOINT_CONTROL_MAGIC
 * @abi_version: STILLPOINT_ABI_VERSION of the module
 * @state: enum stillpoint_state
 * @taken: number of the last request taken up, 0 for none yet
 * @done: number of the last request that ended, 0 for none yet
 * @result: enum stillpoint_result of @done
 * @error: positive errno of a STILLPOINT_RESULT_FAILED, else 0
 * @features: STILLPOINT_FEATURE_*
 * @generation: of the park under way or, when idle, of the last one; grows by
 *	one with every park, never 0 while parked
 * @window_start: lowest guest virtual address of rip at which the park
 *	registers hold (see park.h)
 * @window_end: first address above the window
 * @checkpoints: parks that ended with STILLPOINT_RESULT_CHECKPOINT
 * @abandoned: parks that ended with STILLPOINT_RESULT_ABANDONED
 * @restores: times this guest woke up in a restored domain
 * @last_park_us: microseconds from the stop of the CPUs until they ran again,
 *	last park
 * @park_stop_us: of these, until it was in the loop, the making of the set included
 * @park_run_us: of these, since it left the loop
 * @epoch: number of the epoch of tracking, another for each, 0 when the guest is not
 *	tracked
 * @harvests: sets that this epoch made, the one at the park included
 * @bitmap_pfns: the bitmap covers the pfns below; any other may always have changed
 * @set_pages: bits in the last set
 * @harvest_us: microseconds that the last set took to make
 * @slice_max_us: the longest that it worked with the CPUs stopped; stopping them
 *	adds to it
 * @slices: how often it did
 * @hooks: events noted between harvests in this epoch, for diagnosis
 * @bitmap_dir: pfns of the directories; 0 from the first that is not used
 * @free_pfns: the bitmap of free pages covers the pfns below, 0 if there is none; no
 *	other is known to be free
 * @free_pages: bits in it
 * @free_us: microseconds that it took to make; at the park these are in @park_stop_us
 * @free_dir: as @bitmap_dir
 */
struct stillpoint_guest_half {
	__u64 magic;
	__u32 abi_version;
	__u32 state;
	__u32 taken;
	__u32 done;
	__u32 result;
	__u32 error;
	__u64 features;
	__u64 generation;
	__u64 window_start;
	__u64 window_end;
	__u64 checkpoints;
	__u64 abandoned;
	__u64 restores;
	__u64 last_park_us;
	__u64 park_stop_us;
	__u64 park_run_us;
	__u32 epoch;
	__u32 harvests;
	__u64 bitmap_pfns;
	__u64 set_pages;
	__u64 harvest_us;
	__u32 slice_max_us;
	__u32 slices;
	__u64 hooks;
	__u64 bitmap_dir[STILLPOINT_DIRS];
	__u64 free_pfns;
	__u64 free_pages;
	__u64 free_us;
	__u64 free_dir[STILLPOINT_DIRS];
};

/**
 * struct stillpoint_host_half - what dom0 asks
 * @request: number of the request; written last
 * @op: enum stillpoint_op
 * @cancel: number of a request that dom0 no longer waits for; the module ends
 *	it with STILLPOINT_RESULT_CANCELLED if it has not parked yet
 * @flags: STILLPOINT_TRACK_*
 * @deadline_us: microseconds in the loop after which the guest runs on by
 *	itself
 * @lease_us: microseconds without a sign of dom0 after which an epoch ends
 * @heartbeat: any other number is a sign of dom0
 */
struct stillpoint_host_half {
	__u32 request;
	__u32 op;
	__u32 cancel;
	__u32 flags;
	__u64 deadline_us;
	__u64 lease_us;
	__u32 heartbeat;
};

/* True if request number @a is ahead of @b; numbers wrap (RFC 1982). */
static inline int stillpoint_seq_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

#endif /* STILLPOINT_CONTROL_H */
