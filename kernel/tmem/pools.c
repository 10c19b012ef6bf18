// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "ids.h"
#include "link.h"
#include "pools.h"

#define ANSWER_SECONDS 10

/* For so long a request waits for a store that serves us, if it can do without. */
#define PATIENCE_SECONDS 30

static struct sp_tmem_pool *pools[SP_POOL_IDS];
static struct sp_ids ids;
/* Of whose turn it is. */
static unsigned int turn;
static DECLARE_WAIT_QUEUE_HEAD(answers);

static bool is_persistent(const struct sp_tmem_pool *pool)
{
	return pool->flags & STILLPOINT_TMEM_POOL_PERSISTENT;
}

/* True if its requests wait for a store. */
static bool is_patient(const struct sp_tmem_pool *pool)
{
	return is_persistent(pool) && !pool->retired;
}

/* Names @pool in this session, or destroys it. */
static void ask(struct sp_tmem_pool *pool)
{
	/* What was given up may still be done, and must not be done after it is emptied. */
	pool->deferred = !pool->ending && sp_ring_has_given_up();
	if (pool->deferred)
		return;
	pool->control.op = pool->ending ? STILLPOINT_TMEM_DESTROY_POOL : STILLPOINT_TMEM_NEW_POOL;
	pool->is_asked = true;
	pool->missed = false;
	sp_ring_control(&pool->control);
}

void sp_pools_describe(const struct sp_tmem_pool *pool, struct stillpoint_tmem_request *req)
{
	req->pool = pool->id;
	if (pool->control.op != STILLPOINT_TMEM_NEW_POOL)
		return;
	req->index = pool->flags | STILLPOINT_TMEM_POOL_4K;
	if (pool->empty)
		req->index |= STILLPOINT_TMEM_POOL_EMPTY;
	memcpy(req->uuid, pool->uuid, sizeof(req->uuid));
}

static void named(struct sp_tmem_pool *pool)
{
	/* The store was not told to empty it. */
	if (pool->missed && !pool->ending) {
		ask(pool);
		return;
	}
	if (is_persistent(pool) && !pool->empty && pool->control.value != STILLPOINT_TMEM_FOUND)
		pr_err("tmem: the store has lost pool %u; what was in it cannot be read\n",
		       pool->id);
	pool->state = SP_POOL_NAMED;
	pool->empty = false;
	pool->error = 0;
}

static void refused(struct sp_tmem_pool *pool)
{
	pr_err("tmem: the store refuses pool %u: status %u\n", pool->id, pool->control.status);
	pool->state = SP_POOL_REFUSED;
	pool->error = pool->control.status == STILLPOINT_TMEM_REFUSED ? -ENOSPC : -EIO;
}

void sp_pools_answered(struct sp_tmem_pool *pool)
{
	pool->is_asked = false;
	if (pool->control.op == STILLPOINT_TMEM_DESTROY_POOL) {
		pool->gone = true;
	} else {
		if (pool->control.status == STILLPOINT_TMEM_OK)
			named(pool);
		else
			refused(pool);
		pool->answered = true;
		if (pool->ending)
			ask(pool);
	}
	wake_up_all(&answers);
}

/*
 * A store without room for a pool has none of that id, and answers all the same: puts fail as
 * on a full device. Gets wait for a store that has the pool.
 */
static struct sp_tmem_op *first_to_send(struct sp_tmem_pool *pool)
{
	struct sp_tmem_op *op;

	if (pool->state == SP_POOL_NAMED)
		return list_first_entry_or_null(&pool->queue, struct sp_tmem_op, link);
	if (pool->state == SP_POOL_REFUSED && pool->error == -ENOSPC)
		list_for_each_entry(op, &pool->queue, link)
			if (op->op != STILLPOINT_TMEM_GET)
				return op;
	return NULL;
}

struct sp_tmem_op *sp_pools_next(void)
{
	struct sp_tmem_op *op;
	unsigned int i;

	for (i = 0; i < SP_POOL_IDS; i++) {
		turn = (turn + 1) % SP_POOL_IDS;
		op = pools[turn] ? first_to_send(pools[turn]) : NULL;
		if (op) {
			list_del_init(&op->link);
			return op;
		}
	}
	return NULL;
}

/* Outdated from now on, if it is ours alone. */
static void miss(struct sp_tmem_pool *pool)
{
	if (pool->flags & STILLPOINT_TMEM_POOL_SHARED)
		return;
	pool->empty = true;
	pool->missed = true;
}

static void fail(struct sp_tmem_op *op, struct list_head *failed)
{
	op->status = STILLPOINT_TMEM_NO_POOL;
	miss(op->pool);
	list_move_tail(&op->link, failed);
}

void sp_pools_send_again(struct sp_tmem_op *op, struct list_head *failed)
{
	/* A pool's own request is made anew in the next session. */
	if (!op->done)
		return;
	if (is_patient(op->pool))
		list_add(&op->link, &op->pool->queue);
	else
		fail(op, failed);
}

void sp_pools_session_began(void)
{
	unsigned int i;

	for (i = 0; i < SP_POOL_IDS; i++)
		if (pools[i])
			ask(pools[i]);
}

static void fail_queue(struct sp_tmem_pool *pool, struct list_head *failed)
{
	struct sp_tmem_op *op, *next_op;

	list_for_each_entry_safe(op, next_op, &pool->queue, link)
		fail(op, failed);
}

static void session_ended(struct sp_tmem_pool *pool, struct list_head *failed)
{
	pool->state = SP_POOL_UNNAMED;
	pool->is_asked = false;
	pool->deferred = false;
	if (!is_patient(pool))
		fail_queue(pool, failed);
}

void sp_pools_session_ended(struct list_head *failed)
{
	unsigned int i;

	for (i = 0; i < SP_POOL_IDS; i++)
		if (pools[i])
			session_ended(pools[i], failed);
	wake_up_all(&answers);
}

bool sp_pools_is_late(const struct sp_tmem_op *op)
{
	return op->done && !is_patient(op->pool) &&
	       time_after(jiffies, op->since + PATIENCE_SECONDS * HZ);
}

void sp_pools_give_up(struct sp_tmem_pool *pool, struct list_head *failed)
{
	pool->state = SP_POOL_UNNAMED;
	pool->deferred = true;
	miss(pool);
	fail_queue(pool, failed);
}

bool sp_pools_has_given_up(const struct sp_tmem_op *op)
{
	return op->done && op->pool->deferred;
}

void sp_pools_look(struct list_head *failed)
{
	struct sp_tmem_op *op;
	unsigned int i;

	for (i = 0; i < SP_POOL_IDS; i++) {
		if (!pools[i])
			continue;
		op = list_first_entry_or_null(&pools[i]->queue, struct sp_tmem_op, link);
		if (op && sp_pools_is_late(op))
			sp_pools_give_up(pools[i], failed);
	}
}

void sp_pools_return(void)
{
	unsigned int i;

	for (i = 0; i < SP_POOL_IDS; i++)
		if (pools[i] && pools[i]->deferred && !pools[i]->is_asked)
			ask(pools[i]);
}

bool sp_pools_are_used(void)
{
	return !sp_ids_are_free(&ids);
}

bool sp_tmem_submit(struct sp_tmem_op *op)
{
	struct sp_tmem_pool *pool = op->pool;
	unsigned long flags;
	bool queued = true;

	spin_lock_irqsave(&sp_tmem_lock, flags);
	if (is_patient(pool) || pool->state == SP_POOL_NAMED) {
		op->since = jiffies;
		list_add_tail(&op->link, &pool->queue);
		sp_ring_pump();
	} else {
		if (op->op != STILLPOINT_TMEM_PUT)
			miss(pool);
		queued = false;
	}
	spin_unlock_irqrestore(&sp_tmem_lock, flags);
	return queued;
}
EXPORT_SYMBOL_GPL(sp_tmem_submit);

/* Gives @pool an id and has it named, if there is a store. */
static int add(struct sp_tmem_pool *pool)
{
	int id;

	spin_lock_irq(&sp_tmem_lock);
	id = sp_ids_take(&ids);
	if (id >= 0) {
		pool->id = id;
		pools[sp_ids_place(id)] = pool;
		if (sp_ring_is_open()) {
			ask(pool);
			sp_ring_pump();
		}
	}
	spin_unlock_irq(&sp_tmem_lock);
	return id < 0 ? id : 0;
}

/* Also ends what is under way for it. */
static void remove(struct sp_tmem_pool *pool)
{
	spin_lock_irq(&sp_tmem_lock);
	sp_ring_forget(&pool->control);
	pools[sp_ids_place(pool->id)] = NULL;
	sp_ids_put(&ids, pool->id);
	spin_unlock_irq(&sp_tmem_lock);
	sp_link_down();
	kfree(pool);
}

static bool has_answer(struct sp_tmem_pool *pool, int *error)
{
	bool answered;

	spin_lock_irq(&sp_tmem_lock);
	answered = pool->answered;
	*error = pool->error;
	spin_unlock_irq(&sp_tmem_lock);
	return answered;
}

static int wait_for_answer(struct sp_tmem_pool *pool)
{
	int error;

	if (wait_event_timeout(answers, has_answer(pool, &error), ANSWER_SECONDS * HZ))
		return error;
	pr_err("tmem: no store in dom0 answers; is 'stillpoint tmem serve' running there?\n");
	return -ETIMEDOUT;
}

/*
 * An ephemeral pool can be done without until a session in which it is named. A shared one
 * that is refused is told of, as only an administrator can help.
 */
static bool may_lack(const struct sp_tmem_pool *pool, int err)
{
	return !is_persistent(pool) &&
	       (err == -ETIMEDOUT || !(pool->flags & STILLPOINT_TMEM_POOL_SHARED));
}

struct sp_tmem_pool *sp_tmem_pool_create(u32 flags, const u8 *uuid)
{
	struct sp_tmem_pool *pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	int err;

	if (!pool)
		return ERR_PTR(-ENOMEM);
	pool->flags = flags;
	/* Of a shared pool the store drops our part only, or whatever had the id. */
	pool->empty = true;
	pool->control.pool = pool;
	INIT_LIST_HEAD(&pool->control.link);
	INIT_LIST_HEAD(&pool->queue);
	if (uuid)
		memcpy(pool->uuid, uuid, sizeof(pool->uuid));

	err = add(pool);
	if (err) {
		kfree(pool);
		return ERR_PTR(err);
	}
	err = sp_link_up();
	if (err) {
		remove(pool);
		return ERR_PTR(err);
	}
	err = wait_for_answer(pool);
	if (err && !may_lack(pool, err)) {
		sp_tmem_pool_destroy(pool);
		return ERR_PTR(err);
	}
	return pool;
}
EXPORT_SYMBOL_GPL(sp_tmem_pool_create);

void sp_tmem_pool_retire(struct sp_tmem_pool *pool)
{
	LIST_HEAD(failed);

	spin_lock_irq(&sp_tmem_lock);
	pool->retired = true;
	if (pool->state != SP_POOL_NAMED)
		fail_queue(pool, &failed);
	spin_unlock_irq(&sp_tmem_lock);
	sp_ring_complete(&failed);
}
EXPORT_SYMBOL_GPL(sp_tmem_pool_retire);

/* True if there is nobody to ask, or it is done. */
static bool is_over(struct sp_tmem_pool *pool)
{
	bool over;

	spin_lock_irq(&sp_tmem_lock);
	over = pool->gone || !sp_ring_is_open();
	spin_unlock_irq(&sp_tmem_lock);
	return over;
}

void sp_tmem_pool_destroy(struct sp_tmem_pool *pool)
{
	spin_lock_irq(&sp_tmem_lock);
	pool->ending = true;
	if (sp_ring_is_open() && !pool->is_asked) {
		ask(pool);
		sp_ring_pump();
	}
	spin_unlock_irq(&sp_tmem_lock);
	/* An id that is used again begins with an empty pool, if this one stays. */
	if (!wait_event_timeout(answers, is_over(pool), ANSWER_SECONDS * HZ))
		pr_warn("tmem: the store does not destroy pool %u\n", pool->id);
	remove(pool);
}
EXPORT_SYMBOL_GPL(sp_tmem_pool_destroy);
