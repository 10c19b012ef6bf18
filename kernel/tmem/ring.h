/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ring, its sessions, and the requests that are under way.
 *
 * sp_tmem_lock guards all of it and the pools. It is taken in any context, and every
 * use ends before the CPU may be stopped for a park: what is under way then is in
 * the ring or in a queue. What a request needs is its caller's; nothing is allocated.
 */
#ifndef SP_TMEM_RING_H
#define SP_TMEM_RING_H

#include <linux/bio.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct sp_tmem_pool;

/**
 * struct sp_tmem_op - a request, from its submission until @done is called
 * @link: ours
 * @pool: NULL for STILLPOINT_TMEM_HELLO
 * @op: enum stillpoint_tmem_op
 * @status: enum stillpoint_tmem_status of the answer
 * @index: of the handle
 * @object: of the handle
 * @value: of the answer
 * @since: when it was submitted, in jiffies
 * @bio: of a put or get: what has the data
 * @at: where in @bio; its bi_size is a page's
 * @done: called with interrupts on, in a context that cannot sleep, when it is answered.
 *	The data of a get is in @bio then
 */
struct sp_tmem_op {
	struct list_head link;
	struct sp_tmem_pool *pool;
	u16 op;
	u16 status;
	u32 index;
	u64 object;
	u32 value;
	unsigned long since;
	struct bio *bio;
	struct bvec_iter at;
	void (*done)(struct sp_tmem_op *op);
};

extern spinlock_t sp_tmem_lock;

/* The window is open: sessions may begin. */
void sp_ring_start(void);
/*
 * Ends the session, if there is one; what is under way waits for another. The window
 * is not touched any more.
 */
void sp_ring_stop(void);
/* When the window is closed. Sleeps. */
void sp_ring_exit(void);
/* An event from the store. Any context. */
void sp_ring_event(void);

/*
 * Looks for answers until all of @bio but the caller's own part has ended, for a time that is
 * shorter than sleeping takes; not if that was in vain lately. @bio is chained. In a task, with
 * interrupts on and without locks.
 */
void sp_ring_poll(const struct bio *bio);

/* Calls @done of all in the list @done. Without sp_tmem_lock. */
void sp_ring_complete(struct list_head *done);

/* Of the rest sp_tmem_lock is held. */

/* True while a store serves us, whatever pools it knows. */
bool sp_ring_is_open(void);
/* True while the store may still do requests that nobody waits for any more. */
bool sp_ring_has_given_up(void);
/* @op, about a pool, is to be sent before any that is in a pool's queue. */
void sp_ring_control(struct sp_tmem_op *op);
/* @op, about a pool, is of no interest any more. */
void sp_ring_forget(struct sp_tmem_op *op);
/* Sends what can be sent. */
void sp_ring_pump(void);

#endif /* SP_TMEM_RING_H */
