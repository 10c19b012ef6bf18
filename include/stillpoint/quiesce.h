/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The quiesce page: how dom0 asks a guest to make its file systems quiet, and what the
 * module answers. The other contract, between the module and the agent, is agent.h.
 *
 * The module publishes the page beside the control page (xenstore.h), with an event channel
 * of its own, so that a checkpoint goes on while file systems are frozen. One page holds two
 * halves; each is written by one side only and read by the other:
 *
 *   offset 0     struct stillpoint_quiesce_guest, written by the module
 *   offset 2048  struct stillpoint_quiesce_host, written by dom0
 *
 * All fields are little endian and naturally aligned. Neither side trusts the other's half:
 * read a field once into a local, check it, then use it.
 *
 * A round is what one request leads to. dom0 fills the host half, stores the round's number in
 * host.request last (release), and signals the channel. The module takes it up when the number
 * is ahead of guest.taken, by stillpoint_seq_after(), and no other round is under way; until
 * then it waits. It signals the channel whenever guest.state or guest.done changes.
 *
 *   IDLE -> PREPARING   taken up: the agent runs its freeze hooks, then has the module
 *			 freeze one file system after the other
 *   -> FROZEN		 every file system of the round is frozen and held
 *   -> THAWING		 the round is over, whoever ended it: the module thaws, and the
 *			 agent runs its thaw hooks
 *   -> IDLE		 guest.done is the round's number
 *
 * guest.result and guest.error are valid for the round numbered guest.taken from THAWING on.
 * The file systems can be written to again once guest.thawed is the round's number, which
 * comes before the thaw hooks and guest.done. PREPARING may become THAWING. Once nothing is
 * held, the agent looks for a file system that was mounted while the others were frozen, which
 * makes THAWED BROKEN; guest.looked is the round's number then.
 *
 * dom0 ends a round by storing its number in host.thaw; the module looks there at every event,
 * and every STILLPOINT_LOOK_MS while a round is under way, so that a tool that cannot have the
 * channel can thaw, too. A disk is consistent if, after the last byte of it was copied,
 * guest.state was still FROZEN and guest.taken the round's number, and the round then ended
 * with STILLPOINT_QUIESCE_THAWED, read after guest.looked.
 *
 * host.heartbeat must change while a round is under way: if it does not for host.lease_us, the
 * module thaws. A tool that waits for its own request to be taken up does not touch it.
 *
 * In a restored domain a round that the image was taken in ends at once, with
 * STILLPOINT_QUIESCE_RESTORED; the page is then granted and published anew.
 *
 * The report is text in STILLPOINT_REPORT_PAGES pages, granted read-only: guest.report_bytes of
 * it are valid, and it only grows until the next round is taken up. Each line has six fields
 * between tabs and ends with a newline; a last line without one is to be ignored:
 *
 *   kind     "fs", "hook" or "note"
 *   outcome  of fs: frozen, read-only (held, too), excluded, network, userspace,
 *	      pseudo (one line for all), unsupported, failed; of hook: ok, failed, timeout;
 *	      of note: warning, truncated
 *   what     of fs: the type; of hook: freeze, thaw, restored; of note: -
 *   name     of fs: where it is mounted; of hook: its file's name; of note: -
 *   us       microseconds that it took, decimal
 *   detail   why, to be shown to a person; may be empty
 *
 * In name and detail a byte that is not printable ASCII, and a backslash, are written as
 * \ooo, octal.
 */
#ifndef STILLPOINT_QUIESCE_H
#define STILLPOINT_QUIESCE_H

#include <linux/types.h>

#define STILLPOINT_QUIESCE_MAGIC 0x4543534955514e53ULL /* "SNQUISCE" */
#define STILLPOINT_QUIESCE_VERSION 2
#define STILLPOINT_QUIESCE_SIZE 4096
#define STILLPOINT_QUIESCE_HOST_OFFSET 2048

#define STILLPOINT_REPORT_PAGES 4
#define STILLPOINT_REPORT_BYTES (STILLPOINT_REPORT_PAGES * 4096)

/* Room for what dom0 excludes. */
#define STILLPOINT_EXCLUDES_BYTES 1024

#define STILLPOINT_LOOK_MS 100

enum stillpoint_quiesce_op {
	STILLPOINT_QUIESCE_OP_NONE = 0,
	STILLPOINT_QUIESCE_OP_FREEZE = 1,
};

enum stillpoint_quiesce_state {
	STILLPOINT_QUIESCE_IDLE = 0,
	STILLPOINT_QUIESCE_PREPARING = 1,
	STILLPOINT_QUIESCE_FROZEN = 2,
	STILLPOINT_QUIESCE_THAWING = 3,
};

/* How a round ended: the first reason that there was. */
enum stillpoint_quiesce_result {
	STILLPOINT_QUIESCE_NONE = 0,
	/* It was frozen. */
	STILLPOINT_QUIESCE_THAWED = 1,	   /* dom0 said so; everything was held until then */
	STILLPOINT_QUIESCE_EXPIRED = 2,	   /* host.hold_us passed */
	STILLPOINT_QUIESCE_DOM0_GONE = 3,  /* no sign of dom0 for host.lease_us (or never frozen) */
	STILLPOINT_QUIESCE_AGENT_GONE = 4, /* the agent ended (or never frozen) */
	STILLPOINT_QUIESCE_BROKEN = 5,	   /* somebody else thawed one, or mounted another */
	STILLPOINT_QUIESCE_RESTORED = 6,   /* woke up in a restored domain (or never frozen) */
	/* It was never frozen as a whole. */
	STILLPOINT_QUIESCE_FAILED = 7,	  /* guest.error and the report say why */
	STILLPOINT_QUIESCE_LATE = 8,	  /* host.prepare_us passed */
	STILLPOINT_QUIESCE_CANCELLED = 9, /* dom0 ended it before it was frozen */
	STILLPOINT_QUIESCE_NO_AGENT = 10, /* none has the device open */
};

/* The bounds of the host half's times; the module clamps to them. */
#define STILLPOINT_PREPARE_MIN_US 100000ULL
#define STILLPOINT_PREPARE_MAX_US 600000000ULL
#define STILLPOINT_HOLD_MIN_US 100000ULL
#define STILLPOINT_HOLD_MAX_US 3600000000ULL
#define STILLPOINT_QUIESCE_LEASE_MIN_US 1000000ULL
#define STILLPOINT_QUIESCE_LEASE_MAX_US 60000000ULL

/**
 * struct stillpoint_quiesce_guest - what the module tells dom0
 * @magic: STILLPOINT_QUIESCE_MAGIC
 * @version: STILLPOINT_QUIESCE_VERSION of the module
 * @state: enum stillpoint_quiesce_state
 * @taken: number of the last round taken up, 0 for none yet
 * @done: number of the last round that is over, 0 for none yet
 * @thawed: number of the last round after which no file system is held any more
 * @result: enum stillpoint_quiesce_result of the last round
 * @error: positive errno of a STILLPOINT_QUIESCE_FAILED, or of a BROKEN that the agent saw; else 0
 * @agent: 1 if an agent has the device open
 * @held: file systems that are held now
 * @frozen: file systems that were held when the last round was frozen, 0 if it was not
 * @prepare_us: microseconds from when the round was taken up until it was frozen or over
 * @held_us: microseconds that it was frozen; grows at every look
 * @thaw_us: microseconds from the end until nothing was held
 * @rounds: rounds that were frozen, since the module was loaded
 * @broken: of these, those that did not end with STILLPOINT_QUIESCE_THAWED
 * @report_bytes: how much of the report is valid
 * @report_ref: grant references of the report's pages
 * @looked: number of the last round after which the agent looked for what is not held
 */
struct stillpoint_quiesce_guest {
	__u64 magic;
	__u32 version;
	__u32 state;
	__u32 taken;
	__u32 done;
	__u32 thawed;
	__u32 result;
	__u32 error;
	__u32 agent;
	__u32 held;
	__u32 frozen;
	__u64 prepare_us;
	__u64 held_us;
	__u64 thaw_us;
	__u64 rounds;
	__u64 broken;
	__u32 report_bytes;
	__u32 report_ref[STILLPOINT_REPORT_PAGES];
	__u32 looked;
};

/**
 * struct stillpoint_quiesce_host - what dom0 asks
 * @request: number of the round; written last
 * @op: enum stillpoint_quiesce_op
 * @thaw: number of the round that is to end
 * @heartbeat: any other number is a sign of dom0
 * @prepare_us: microseconds that hooks and freezing may take together
 * @hold_us: microseconds after which frozen file systems thaw by themselves
 * @lease_us: microseconds without a sign of dom0 after which the round ends
 * @excludes_bytes: how much of @excludes is valid
 * @reserved: 0
 * @excludes: strings, each with its NUL: an absolute path is where a file system is mounted
 *	that is to be left alone, anything else is a type of file systems
 */
struct stillpoint_quiesce_host {
	__u32 request;
	__u32 op;
	__u32 thaw;
	__u32 heartbeat;
	__u64 prepare_us;
	__u64 hold_us;
	__u64 lease_us;
	__u32 excludes_bytes;
	__u32 reserved;
	char excludes[STILLPOINT_EXCLUDES_BYTES];
};

#endif /* STILLPOINT_QUIESCE_H */
