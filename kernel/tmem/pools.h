/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's pools, and the requests that wait in them for a slot or a store.
 *
 * A request to a persistent pool waits for as long as no store serves us. A store without room for
 * the pool answers all but gets; these wait for one that has it. A request to an ephemeral pool
 * is answered STILLPOINT_TMEM_NO_POOL at once then, or when a store that serves us has not
 * answered for half a minute, and the pool, if it is private, is emptied before it is used
 * again: what it holds may be outdated.
 */
#ifndef SP_TMEM_POOLS_H
#define SP_TMEM_POOLS_H

#include <linux/list.h>
#include <linux/types.h>

#include <stillpoint/tmem.h>

#include "ring.h"

/**
 * enum sp_pool_state - what the store of this session knows of a pool
 * @SP_POOL_UNNAMED: nothing yet
 * @SP_POOL_NAMED: all
 * @SP_POOL_REFUSED: it does not want it
 */
enum sp_pool_state {
	SP_POOL_UNNAMED,
	SP_POOL_NAMED,
	SP_POOL_REFUSED,
};

/**
 * struct sp_tmem_pool - a pool; all of it is guarded by sp_tmem_lock
 * @id: the store's name for it
 * @flags: STILLPOINT_TMEM_POOL_*
 * @uuid: of a shared pool
 * @state: enum sp_pool_state
 * @empty: it is to be emptied when it is named next
 * @missed: it became outdated after it was asked for last
 * @deferred: it is to be asked for when all that was given up is answered
 * @answered: the store accepted or refused it, in any session
 * @error: negative errno if it refused it
 * @retired: its requests wait for no store
 * @ending: it is to be destroyed
 * @gone: it is destroyed
 * @queue: requests that are not under way
 * @control: the request that names or destroys it
 * @is_asked: @control is under way
 */
struct sp_tmem_pool {
	u32 id;
	u32 flags;
	u8 uuid[16];
	enum sp_pool_state state;
	bool empty;
	bool missed;
	bool deferred;
	bool answered;
	int error;
	bool retired;
	bool ending;
	bool gone;
	struct list_head queue;
	struct sp_tmem_op control;
	bool is_asked;
};

/**
 * sp_tmem_pool_create() - makes an empty pool; sleeps
 * @flags: STILLPOINT_TMEM_POOL_PERSISTENT or _SHARED
 * @uuid: 16 bytes, of a shared pool; else NULL
 *
 * Return: a pool, for sp_tmem_pool_destroy(), or an ERR_PTR: -ENFILE if we have too many;
 * -ETIMEDOUT if no store answers and the pool is persistent; -ENOSPC if a store does not
 * want it and it is persistent or shared. An ephemeral one that no store has named cannot
 * be reached until one does.
 */
struct sp_tmem_pool *sp_tmem_pool_create(u32 flags, const u8 *uuid);

/*
 * What is in @pool is of no use any more: its requests are answered as those to an ephemeral
 * pool when no store serves us. No new ones may come. Sleeps.
 */
void sp_tmem_pool_retire(struct sp_tmem_pool *pool);

/* Destroys @pool, of which no request is under way. Sleeps. */
void sp_tmem_pool_destroy(struct sp_tmem_pool *pool);

/*
 * Submits @op to @op->pool. Any context; allocates nothing, and never calls @op->done
 * itself. No other request for the same handle may be under way. False if the pool is
 * ephemeral and cannot be reached; @op->done is not called at all then. Such a put must be of
 * a handle of which the pool has nothing.
 */
bool sp_tmem_submit(struct sp_tmem_op *op);

/* Of the rest sp_tmem_lock is held; the ring calls them. */

/* Fills in @pool's own request, @pool->control. */
void sp_pools_describe(const struct sp_tmem_pool *pool, struct stillpoint_tmem_request *req);
/* @pool->control was answered. */
void sp_pools_answered(struct sp_tmem_pool *pool);
/* Takes a request that can be sent out of a queue, of each pool in turn; or NULL. */
struct sp_tmem_op *sp_pools_next(void);
/* @op was sent and not answered, in a session that ended; to @failed if it does not wait. */
void sp_pools_send_again(struct sp_tmem_op *op, struct list_head *failed);
/* @op, which is under way or in a queue, should wait no more. */
bool sp_pools_is_late(const struct sp_tmem_op *op);
/* Waits for none of @pool's requests any more; those in its queue go to @failed. */
void sp_pools_give_up(struct sp_tmem_pool *pool, struct list_head *failed);
/* @op, which is under way, is one of those. */
bool sp_pools_has_given_up(const struct sp_tmem_op *op);
/* Gives up the pools whose queues stand still. */
void sp_pools_look(struct list_head *failed);
/* All that was given up is answered. */
void sp_pools_return(void);
void sp_pools_session_began(void);
/* @failed: where requests go that do not wait for another session. */
void sp_pools_session_ended(struct list_head *failed);
/* True if there is any. */
bool sp_pools_are_used(void);

#endif /* SP_TMEM_POOLS_H */
