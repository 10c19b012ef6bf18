/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The quiesce page, the report and their event channel, from the guest's side. Only round.c
 * calls what is here, with its lock held; init, exit and publishing apart.
 */
#ifndef SP_QUIESCE_H
#define SP_QUIESCE_H

#include <linux/types.h>

#include <stillpoint/quiesce.h>

/**
 * struct sp_wish - dom0's half of the page, each field read once and bounded
 * @request: number of the round
 * @op: enum stillpoint_quiesce_op, unchecked
 * @thaw: number of the round that is to end
 * @heartbeat: any other number is a sign of dom0
 * @prepare_us: microseconds
 * @hold_us: microseconds
 * @lease_us: microseconds
 */
struct sp_wish {
	u32 request;
	u32 op;
	u32 thaw;
	u32 heartbeat;
	u64 prepare_us;
	u64 hold_us;
	u64 lease_us;
};

/* Allocates the pages, fills them in. -ENOMEM. */
int sp_quiesce_init(void);
/* After sp_quiesce_disconnect(); dom0 may still map the pages, so their freeing is deferred. */
void sp_quiesce_exit(void);

/* What dom0 wrote is from before a restore. */
void sp_quiesce_forget(void);

/* As sp_control_connect(). */
int sp_quiesce_connect(void (*event)(void));
void sp_quiesce_disconnect(void);

/* Grant reference and port, for publishing; valid while connected. */
u32 sp_quiesce_ref(void);
u32 sp_quiesce_port(void);

/* The number first. */
void sp_quiesce_read(struct sp_wish *wish);

/**
 * sp_quiesce_excludes() - copies what dom0 excludes
 * @to: STILLPOINT_EXCLUDES_BYTES
 *
 * Return: bytes; the last one is a NUL if there are any.
 */
u32 sp_quiesce_excludes(char *to);

/* To be changed with WRITE_ONCE(), as dom0 looks at any time; never read, as dom0 can write it. */
struct stillpoint_quiesce_guest *sp_quiesce_page(void);

/* Tells dom0 that something changed; @state is written after all else. */
void sp_quiesce_state(enum stillpoint_quiesce_state state);

/* An empty report. */
void sp_quiesce_report_start(void);
/* -ENOSPC if @bytes do not fit. */
int sp_quiesce_report_add(const char *text, size_t bytes);

#endif /* SP_QUIESCE_H */
