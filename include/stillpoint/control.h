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

enum stillpoint_op {
	STILLPOINT_OP_NONE = 0,
	STILLPOINT_OP_PARK = 1,
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
	STILLPOINT_RESULT_FAILED = 5,	  /* never parked; guest.error says why */
};

/* The bounds of host.deadline_us; the module clamps to them. */
#define STILLPOINT_DEADLINE_MIN_US 1000ULL
#define STILLPOINT_DEADLINE_MAX_US 60000000ULL

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
};

/**
 * struct stillpoint_host_half - what dom0 asks
 * @request: number of the request; written last
 * @op: enum stillpoint_op
 * @cancel: number of a request that dom0 no longer waits for; the module ends
 *	it with STILLPOINT_RESULT_CANCELLED if it has not parked yet
 * @reserved: zero
 * @deadline_us: microseconds in the loop after which the guest runs on by
 *	itself
 */
struct stillpoint_host_half {
	__u32 request;
	__u32 op;
	__u32 cancel;
	__u32 reserved;
	__u64 deadline_us;
};

/* True if request number @a is ahead of @b; numbers wrap (RFC 1982). */
static inline int stillpoint_seq_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

#endif /* STILLPOINT_CONTROL_H */
