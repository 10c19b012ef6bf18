// SPDX-License-Identifier: GPL-2.0
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/interrupt.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/wait.h>

#include "backing.h"
#include "swapio.h"
#include "turns.h"

/* Twice what the ring holds, so that it never waits for us. */
#define TRANSFERS (2 * STILLPOINT_TMEM_RING_SIZE)
/* Reads may wait for a store that has the pool, where writes fail: these have the other half. */
#define READS (TRANSFERS / 2)
/* Few enough to leave the ring to those that somebody waits for. */
#define INVALIDATIONS 16

/* Blocks that are dropped under one taking of the lock. */
#define DROP_BATCH 1024

/**
 * struct transfer - the request for one block
 * @io: its device
 * @turn: names the block; between its taking and its giving the transfer is under way
 * @op: for the store
 * @backing: for the backing device
 * @link: in a list of those that are free, or have ended
 * @writes: the block, from the bio
 * @error: how it ended
 */
struct transfer {
	struct sp_swapio *io;
	struct sp_turn turn;
	struct sp_tmem_op op;
	struct sp_backing_op backing;
	struct list_head link;
	bool writes;
	blk_status_t error;
};

/**
 * struct sp_swapio - a device
 * @under_way: transfers that are not free
 * @reads: of these, those that read
 * @stale_from: where the next stale block is looked for
 * @closing: there are no more bios, and the store is told of no stale block
 * @changed: a transfer was given back
 */
struct sp_swapio {
	struct sp_tmem_pool *pool;
	struct sp_backing *backing;
	struct tasklet_struct invalidate;

	spinlock_t lock; /* guards what follows; sp_tmem_lock is taken inside */
	struct sp_blocks blocks;
	struct list_head free;
	struct list_head free_invalidations;
	struct sp_turns turns;
	unsigned int under_way;
	unsigned int reads;
	unsigned long stale_from;
	bool closing;
	wait_queue_head_t changed;
	struct transfer transfers[TRANSFERS + INVALIDATIONS];
};

static struct transfer *of_turn(struct sp_turn *turn)
{
	return turn ? container_of(turn, struct transfer, turn) : NULL;
}

static bool is_written(struct sp_swapio *io, unsigned long block)
{
	const struct transfer *t = of_turn(sp_turns_holder(&io->turns, block));

	return t && t->writes;
}

static void submit(struct transfer *t, enum stillpoint_tmem_op op)
{
	t->op.op = op;
	t->op.index = t->turn.block;
	/* The pool is persistent, and not retired while there is anything to submit: it waits. */
	sp_tmem_submit(&t->op);
}

static void submit_backing(struct transfer *t)
{
	t->backing.bio = t->op.bio;
	t->backing.at = t->op.at;
	t->backing.sector = (sector_t)t->turn.block << PAGE_SECTORS_SHIFT;
	sp_backing_submit(t->io->backing, &t->backing);
}

static void end(struct transfer *t, blk_status_t error, struct list_head *ended)
{
	t->error = error;
	list_add_tail(&t->link, ended);
}

static void fill_with_zeroes(const struct transfer *t)
{
	struct bvec_iter at;
	struct bio_vec bv;

	__bio_for_each_segment(bv, t->op.bio, at, t->op.at)
		memzero_bvec(&bv);
}

static bool start_read(struct transfer *t, struct list_head *ended)
{
	switch (sp_blocks_where(&t->io->blocks, t->turn.block)) {
	case SP_BLOCK_STORED:
		submit(t, STILLPOINT_TMEM_GET);
		return true;
	case SP_BLOCK_BACKED:
		submit_backing(t);
		return true;
	case SP_BLOCK_LOST:
		end(t, BLK_STS_IOERR, ended);
		return false;
	default:
		fill_with_zeroes(t);
		end(t, BLK_STS_OK, ended);
		return false;
	}
}

/* It is @t's turn. False if it ended at once. */
static bool start(struct transfer *t, struct list_head *ended)
{
	if (!t->writes)
		return start_read(t, ended);
	sp_blocks_begin(&t->io->blocks, t->turn.block);
	submit(t, STILLPOINT_TMEM_PUT);
	return true;
}

/* Starts @t, if it is not NULL, or those after it, until something is under way. */
static void run(struct transfer *t, struct list_head *ended)
{
	while (t && !start(t, ended))
		t = of_turn(sp_turns_give(&t->io->turns, &t->turn));
}

static unsigned long find_idle_stale(struct sp_swapio *io, unsigned long from, unsigned long to)
{
	unsigned long block;

	while ((block = sp_blocks_next_stale(&io->blocks, from)) < to) {
		if (!sp_turns_holder(&io->turns, block))
			return block;
		from = block + 1;
	}
	return ULONG_MAX;
}

/* Tells the store of stale blocks, as many as may be under way. */
static void invalidate_stale(struct sp_swapio *io)
{
	unsigned long block;
	struct transfer *t;

	/* What is stale goes with the pool. */
	if (io->closing)
		return;
	while (io->blocks.stale_count && !list_empty(&io->free_invalidations)) {
		block = find_idle_stale(io, io->stale_from, io->blocks.count);
		if (block == ULONG_MAX)
			block = find_idle_stale(io, 0, io->stale_from);
		if (block == ULONG_MAX)
			return;
		io->stale_from = block + 1;
		sp_blocks_take_stale(&io->blocks, block);
		t = list_first_entry(&io->free_invalidations, struct transfer, link);
		list_del_init(&t->link);
		io->under_way++;
		sp_turns_take(&io->turns, &t->turn, block);
		submit(t, STILLPOINT_TMEM_INVALIDATE_PAGE);
	}
}

/* Gives transfers back, and ends their part of their bios. */
static void finish(struct sp_swapio *io, struct list_head *ended)
{
	unsigned long flags;
	struct transfer *t;
	struct bio *bio;

	while ((t = list_first_entry_or_null(ended, struct transfer, link))) {
		bio = t->op.bio;
		if (t->error)
			bio->bi_status = t->error;
		spin_lock_irqsave(&io->lock, flags);
		list_move(&t->link, &io->free);
		io->under_way--;
		io->reads -= !t->writes;
		wake_up(&io->changed);
		spin_unlock_irqrestore(&io->lock, flags);
		bio_endio(bio);
	}
}

/* @t is under way no more. */
static void leave(struct transfer *t, struct list_head *ended)
{
	run(of_turn(sp_turns_give(&t->io->turns, &t->turn)), ended);
	invalidate_stale(t->io);
}

static void put_answered(struct transfer *t, struct list_head *ended)
{
	struct sp_swapio *io = t->io;
	bool stored = t->op.status == STILLPOINT_TMEM_OK;

	if (!stored && io->backing) {
		submit_backing(t);
		return;
	}
	if (!stored)
		pr_warn_ratelimited("tmem: the store refuses page %u: status %u\n", t->op.index,
				    t->op.status);
	sp_blocks_end(&io->blocks, t->turn.block, stored ? SP_BLOCK_STORED : SP_BLOCK_LOST);
	end(t, stored ? BLK_STS_OK : BLK_STS_NOSPC, ended);
	leave(t, ended);
}

static void get_answered(struct transfer *t, struct list_head *ended)
{
	if (t->op.status == STILLPOINT_TMEM_OK) {
		end(t, BLK_STS_OK, ended);
	} else {
		pr_err_ratelimited("tmem: the store does not give page %u back: status %u\n",
				   t->op.index, t->op.status);
		end(t, BLK_STS_IOERR, ended);
	}
	leave(t, ended);
}

static void answered(struct sp_tmem_op *op)
{
	struct transfer *t = container_of(op, struct transfer, op);
	struct sp_swapio *io = t->io;
	unsigned long flags;
	LIST_HEAD(ended);

	spin_lock_irqsave(&io->lock, flags);
	switch (op->op) {
	case STILLPOINT_TMEM_PUT:
		put_answered(t, &ended);
		break;
	case STILLPOINT_TMEM_GET:
		get_answered(t, &ended);
		break;
	default:
		run(of_turn(sp_turns_give(&io->turns, &t->turn)), &ended);
		list_add(&t->link, &io->free_invalidations);
		io->under_way--;
		invalidate_stale(io);
		wake_up(&io->changed);
		break;
	}
	spin_unlock_irqrestore(&io->lock, flags);
	finish(io, &ended);
}

static void backing_done(struct sp_backing_op *backing, blk_status_t error)
{
	struct transfer *t = container_of(backing, struct transfer, backing);
	struct sp_swapio *io = t->io;
	unsigned long flags;
	LIST_HEAD(ended);

	spin_lock_irqsave(&io->lock, flags);
	if (t->writes)
		sp_blocks_end(&io->blocks, t->turn.block, error ? SP_BLOCK_LOST : SP_BLOCK_BACKED);
	end(t, error, &ended);
	leave(t, &ended);
	spin_unlock_irqrestore(&io->lock, flags);
	finish(io, &ended);
}

static void invalidate(struct tasklet_struct *tasklet)
{
	struct sp_swapio *io = from_tasklet(io, tasklet, invalidate);
	unsigned long flags;

	spin_lock_irqsave(&io->lock, flags);
	invalidate_stale(io);
	spin_unlock_irqrestore(&io->lock, flags);
}

static struct transfer *take_free(struct sp_swapio *io, bool writes)
{
	struct transfer *t = NULL;

	spin_lock_irq(&io->lock);
	if (writes || io->reads < READS)
		t = list_first_entry_or_null(&io->free, struct transfer, link);
	if (t) {
		list_del_init(&t->link);
		t->writes = writes;
		io->under_way++;
		io->reads += !writes;
	}
	spin_unlock_irq(&io->lock);
	return t;
}

/* @at: its first page is the one that is asked for. */
static void transfer_page(struct sp_swapio *io, struct bio *bio, const struct bvec_iter *at)
{
	bool writes = op_is_write(bio_op(bio));
	struct transfer *t;
	LIST_HEAD(ended);

	wait_event(io->changed, (t = take_free(io, writes)));
	bio_inc_remaining(bio);
	t->op.bio = bio;
	t->op.at = *at;
	t->op.at.bi_size = PAGE_SIZE;

	spin_lock_irq(&io->lock);
	if (sp_turns_take(&io->turns, &t->turn, at->bi_sector >> PAGE_SECTORS_SHIFT))
		run(t, &ended);
	spin_unlock_irq(&io->lock);
	finish(io, &ended);
}

static void transfer_pages(struct sp_swapio *io, struct bio *bio)
{
	struct bvec_iter at = bio->bi_iter;

	while (at.bi_size) {
		transfer_page(io, bio, &at);
		bio_advance_iter(bio, &at, PAGE_SIZE);
	}
	/* Whoever reads a page and has no more to ask for waits for it. */
	if (bio_op(bio) == REQ_OP_READ && !current->plug && bio_flagged(bio, BIO_CHAIN))
		sp_ring_poll(bio);
	bio_endio(bio);
}

static void drop_range(struct sp_swapio *io, unsigned long block, unsigned long count)
{
	unsigned long last, end = block + count;

	while (block < end) {
		last = min(end, block + DROP_BATCH);
		spin_lock_irq(&io->lock);
		for (; block < last; block++)
			sp_blocks_drop(&io->blocks, block, is_written(io, block));
		spin_unlock_irq(&io->lock);
	}
	tasklet_schedule(&io->invalidate);
}

void sp_swapio_submit(struct sp_swapio *io, struct bio *bio)
{
	unsigned long block = bio->bi_iter.bi_sector >> PAGE_SECTORS_SHIFT;

	if ((bio->bi_iter.bi_sector | bio_sectors(bio)) & (PAGE_SECTORS - 1)) {
		bio_io_error(bio);
		return;
	}
	switch (bio_op(bio)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
		transfer_pages(io, bio);
		break;
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		drop_range(io, block, bio_sectors(bio) >> PAGE_SECTORS_SHIFT);
		bio_endio(bio);
		break;
	default:
		bio->bi_status = BLK_STS_NOTSUPP;
		bio_endio(bio);
		break;
	}
}

void sp_swapio_drop(struct sp_swapio *io, unsigned long block)
{
	unsigned long flags;
	bool stale = false;

	spin_lock_irqsave(&io->lock, flags);
	if (block < io->blocks.count)
		stale = sp_blocks_drop(&io->blocks, block, is_written(io, block));
	spin_unlock_irqrestore(&io->lock, flags);
	if (stale)
		tasklet_schedule(&io->invalidate);
}

void sp_swapio_stats(struct sp_swapio *io, struct sp_swapio_stats *stats)
{
	spin_lock_irq(&io->lock);
	memcpy(stats->of, io->blocks.of, sizeof(stats->of));
	stats->stale = io->blocks.stale_count;
	spin_unlock_irq(&io->lock);
}

static void make_transfers(struct sp_swapio *io)
{
	struct transfer *t;

	for (t = io->transfers; t < io->transfers + ARRAY_SIZE(io->transfers); t++) {
		t->io = io;
		t->op.pool = io->pool;
		t->op.done = answered;
		t->backing.done = backing_done;
		if (t < io->transfers + TRANSFERS)
			list_add_tail(&t->link, &io->free);
		else
			list_add_tail(&t->link, &io->free_invalidations);
	}
}

struct sp_swapio *sp_swapio_make(unsigned long blocks, struct sp_tmem_pool *pool,
				 struct sp_backing *backing)
{
	struct sp_swapio *io = kvzalloc(sizeof(*io), GFP_KERNEL);
	int err;

	if (!io)
		return ERR_PTR(-ENOMEM);
	err = sp_blocks_init(&io->blocks, blocks);
	if (err) {
		kvfree(io);
		return ERR_PTR(err);
	}
	io->pool = pool;
	io->backing = backing;
	spin_lock_init(&io->lock);
	INIT_LIST_HEAD(&io->free);
	INIT_LIST_HEAD(&io->free_invalidations);
	sp_turns_init(&io->turns);
	init_waitqueue_head(&io->changed);
	tasklet_setup(&io->invalidate, invalidate);
	make_transfers(io);
	return io;
}

static bool is_idle(struct sp_swapio *io)
{
	bool idle;

	spin_lock_irq(&io->lock);
	idle = !io->under_way;
	spin_unlock_irq(&io->lock);
	return idle;
}

void sp_swapio_free(struct sp_swapio *io)
{
	spin_lock_irq(&io->lock);
	io->closing = true;
	spin_unlock_irq(&io->lock);
	sp_tmem_pool_retire(io->pool);
	wait_event(io->changed, is_idle(io));
	tasklet_kill(&io->invalidate);
	sp_blocks_free(&io->blocks);
	kvfree(io);
}
