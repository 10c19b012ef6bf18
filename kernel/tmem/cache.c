// SPDX-License-Identifier: GPL-2.0
/*
 * The device-mapper target tmem-cache: a block device whose pages are read from a store
 * where it has them. See docs/tmem.md. The pool is ephemeral: without it, or without
 * a store, everything is as the device has it.
 *
 * What is read may be put only if it is still what the device has. A write counts in its
 * block's bucket when it begins and when it has ended, so that a read that was under way
 * at any of these moments puts nothing; and it invalidates the block after each, in its
 * turn among the requests for that block.
 */
#include <linux/bio.h>
#include <linux/bitmap.h>
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>

#include "pools.h"
#include "turns.h"

#undef pr_fmt
#define pr_fmt(fmt) "stillpoint-tmem-cache: " fmt

#define WRITES_BITS 10
/* A handle's index has 32 bits. */
#define MAX_BLOCKS BIT_ULL(32)

/**
 * struct cache - a mapped device
 * @pool: shared, then nothing is written; or private
 * @held: blocks that a private pool may hold; NULL for a shared one
 * @uuid: of a shared pool
 * @hits: blocks that were read from the pool
 * @misses: blocks that were read from @dev
 * @distrusted: the store did not invalidate what it was told to; it is asked nothing more
 * @deferred: bios that are to be sent to @dev, which may sleep
 */
struct cache {
	struct dm_dev *dev;
	struct sp_tmem_pool *pool;
	bool shared;
	uuid_t uuid;
	struct workqueue_struct *queue;
	struct work_struct work;

	spinlock_t lock; /* guards all that follows; sp_tmem_lock is taken inside */
	struct sp_turns turns;
	unsigned long *held;
	bool distrusted;
	u64 hits;
	u64 misses;
	u32 writes[1 << WRITES_BITS];
	struct bio_list deferred;
};

enum stage {
	PASSED,	   /* has nothing to do with the pool */
	LOOKED_UP, /* a read, asked of the pool */
	FETCHED,   /* of the device */
	KEPT,	   /* what was read is put */
	FORGOTTEN, /* a write, of a block that the pool is told to drop */
	WRITTEN,   /* to the device */
	FORGOTTEN_AGAIN,
	DONE,
};

/**
 * struct cache_bio - what dm keeps for us with each bio
 * @turn: among those for its block
 * @op: for the store
 * @stage: what is under way, or was last
 * @writes: of the block's bucket when the reading of the device began
 * @stable: nobody can write to its pages until it ends
 */
struct cache_bio {
	struct cache *cache;
	struct sp_turn turn;
	struct sp_tmem_op op;
	enum stage stage;
	u32 block;
	u32 writes;
	bool stable;
};

static struct cache_bio *of_bio(struct bio *bio)
{
	return dm_per_bio_data(bio, sizeof(struct cache_bio));
}

static u32 *writes_of(struct cache *cache, u32 block)
{
	return &cache->writes[hash_32(block, WRITES_BITS)];
}

static bool may_hold(const struct cache *cache, u32 block)
{
	return !cache->distrusted && (cache->shared || test_bit(block, cache->held));
}

static void note_held(struct cache *cache, u32 block, bool held)
{
	if (!cache->shared)
		__assign_bit(block, cache->held, held);
}

static void send_deferred(struct work_struct *work)
{
	struct cache *cache = container_of(work, struct cache, work);
	struct bio *bio;

	do {
		spin_lock_irq(&cache->lock);
		bio = bio_list_pop(&cache->deferred);
		spin_unlock_irq(&cache->lock);
		if (bio)
			submit_bio_noacct(bio);
	} while (bio);
}

/* To the device, from where it comes back by cache_end_io(). */
static void defer(struct cache_bio *b)
{
	bio_list_add(&b->cache->deferred, b->op.bio);
	queue_work(b->cache->queue, &b->cache->work);
}

/* What becomes of a bio; those that return it are called with the lock held. */
enum next {
	UNDER_WAY, /* it is in the store, with its turn */
	TO_DEVICE, /* it goes there, without a turn */
	OVER,	   /* it is to be ended */
};

/* False if the store cannot be asked. */
static bool ask(struct cache_bio *b, enum stillpoint_tmem_op op)
{
	b->op.op = op;
	return !b->cache->distrusted && sp_tmem_submit(&b->op);
}

static enum next read_device(struct cache_bio *b)
{
	b->stage = FETCHED;
	b->writes = *writes_of(b->cache, b->block);
	b->cache->misses++;
	return TO_DEVICE;
}

static enum next look_up(struct cache_bio *b)
{
	if (may_hold(b->cache, b->block)) {
		if (ask(b, STILLPOINT_TMEM_GET))
			return UNDER_WAY;
		/* The pool is emptied before it can be reached again. */
		note_held(b->cache, b->block, false);
	}
	return read_device(b);
}

static enum next keep(struct cache_bio *b)
{
	b->stage = KEPT;
	if (!b->stable || b->writes != *writes_of(b->cache, b->block) ||
	    !ask(b, STILLPOINT_TMEM_PUT))
		return OVER;
	note_held(b->cache, b->block, true);
	return UNDER_WAY;
}

static enum next after_forgetting(struct cache_bio *b)
{
	if (b->stage == FORGOTTEN_AGAIN)
		return OVER;
	b->stage = WRITTEN;
	return TO_DEVICE;
}

static enum next forget(struct cache_bio *b, enum stage stage)
{
	b->stage = stage;
	if (may_hold(b->cache, b->block)) {
		if (ask(b, STILLPOINT_TMEM_INVALIDATE_PAGE))
			return UNDER_WAY;
		note_held(b->cache, b->block, false);
	}
	return after_forgetting(b);
}

static enum next looked_up(struct cache_bio *b)
{
	/* What was got of a private pool is there no more. */
	note_held(b->cache, b->block, false);
	if (b->op.status != STILLPOINT_TMEM_OK)
		return read_device(b);
	b->cache->hits++;
	if (b->cache->shared)
		return OVER;
	b->writes = *writes_of(b->cache, b->block);
	return keep(b);
}

static enum next kept(struct cache_bio *b)
{
	if (b->op.status != STILLPOINT_TMEM_OK)
		note_held(b->cache, b->block, false);
	return OVER;
}

static enum next forgotten(struct cache_bio *b)
{
	switch (b->op.status) {
	case STILLPOINT_TMEM_OK:
	case STILLPOINT_TMEM_NO_POOL:
		note_held(b->cache, b->block, false);
		break;
	default:
		pr_err("the store does not forget a page: status %u; it is asked no more\n",
		       b->op.status);
		b->cache->distrusted = true;
		break;
	}
	return after_forgetting(b);
}

/* It is @b's turn. */
static enum next start(struct cache_bio *b)
{
	switch (b->stage) {
	case LOOKED_UP:
		return look_up(b);
	case KEPT:
		return keep(b);
	default:
		return forget(b, b->stage);
	}
}

/* @b came to @next; the bios that are to be ended go to @over. */
static void go_on(struct cache_bio *b, enum next next, struct bio_list *over)
{
	struct cache *cache = b->cache;
	struct sp_turn *turn;

	while (next != UNDER_WAY) {
		turn = sp_turns_give(&cache->turns, &b->turn);
		if (next == TO_DEVICE) {
			defer(b);
		} else {
			b->stage = DONE;
			bio_list_add(over, b->op.bio);
		}
		if (!turn)
			return;
		b = container_of(turn, struct cache_bio, turn);
		next = start(b);
	}
}

static void end_all(struct bio_list *over)
{
	struct bio *bio;

	while ((bio = bio_list_pop(over)))
		bio_endio(bio);
}

static void answered(struct sp_tmem_op *op)
{
	struct cache_bio *b = container_of(op, struct cache_bio, op);
	struct cache *cache = b->cache;
	struct bio_list over = BIO_EMPTY_LIST;
	unsigned long flags;
	enum next next;

	spin_lock_irqsave(&cache->lock, flags);
	switch (b->stage) {
	case LOOKED_UP:
		next = looked_up(b);
		break;
	case KEPT:
		next = kept(b);
		break;
	default:
		next = forgotten(b);
		break;
	}
	go_on(b, next, &over);
	spin_unlock_irqrestore(&cache->lock, flags);
	end_all(&over);
}

/* Waits for its turn, and begins with @stage then. */
static void begin(struct cache_bio *b, enum stage stage)
{
	struct cache *cache = b->cache;
	struct bio_list over = BIO_EMPTY_LIST;
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	b->stage = stage;
	if (stage == FORGOTTEN || stage == FORGOTTEN_AGAIN)
		++*writes_of(cache, b->block);
	if (sp_turns_take(&cache->turns, &b->turn, b->block))
		go_on(b, start(b), &over);
	spin_unlock_irqrestore(&cache->lock, flags);
	end_all(&over);
}

/* True if @b, of which the pool holds nothing, may go to the device at once. */
static bool passes(struct cache_bio *b, bool writes)
{
	struct cache *cache = b->cache;
	unsigned long flags;
	bool passes;

	spin_lock_irqsave(&cache->lock, flags);
	passes = !may_hold(cache, b->block);
	if (passes && writes) {
		++*writes_of(cache, b->block);
		b->stage = WRITTEN;
	} else if (passes) {
		read_device(b);
	}
	spin_unlock_irqrestore(&cache->lock, flags);
	return passes;
}

/*
 * True for pages of the page cache that are being read, which nobody has mapped. Those of
 * a direct read are the reader's, who may write to them before they are put.
 */
static bool is_stable(struct bio *bio)
{
	struct bvec_iter iter;
	struct folio *folio;
	struct bio_vec bv;

	bio_for_each_segment(bv, bio, iter) {
		folio = page_folio(bv.bv_page);
		if (folio_test_anon(folio) || !folio->mapping || !folio_test_locked(folio) ||
		    folio_test_uptodate(folio))
			return false;
	}
	return true;
}

static int cache_map(struct dm_target *ti, struct bio *bio)
{
	struct cache *cache = ti->private;
	struct cache_bio *b = of_bio(bio);
	sector_t sector = dm_target_offset(ti, bio->bi_iter.bi_sector);
	bool writes = op_is_write(bio_op(bio));

	b->stage = PASSED;
	bio_set_dev(bio, cache->dev->bdev);
	bio->bi_iter.bi_sector = sector;
	/* What is less than a block is read past the pool, and invalidates all of it. */
	if (!bio_sectors(bio) || (!writes && bio_sectors(bio) != PAGE_SECTORS))
		return DM_MAPIO_REMAPPED;
	if (cache->shared && writes)
		return DM_MAPIO_KILL;

	b->cache = cache;
	b->block = sector >> PAGE_SECTORS_SHIFT;
	b->op.pool = cache->pool;
	b->op.object = 0;
	b->op.index = b->block;
	b->op.bio = bio;
	b->op.at = bio->bi_iter;
	b->op.done = answered;
	b->stable = !writes && is_stable(bio);
	if (passes(b, writes))
		return DM_MAPIO_REMAPPED;
	begin(b, writes ? FORGOTTEN : LOOKED_UP);
	return DM_MAPIO_SUBMITTED;
}

static int cache_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error)
{
	struct cache_bio *b = of_bio(bio);

	switch (b->stage) {
	case FETCHED:
		if (*error)
			return DM_ENDIO_DONE;
		begin(b, KEPT);
		return DM_ENDIO_INCOMPLETE;
	case WRITTEN:
		/* Also if it failed: who knows what the device has now. */
		bio->bi_status = *error;
		begin(b, FORGOTTEN_AGAIN);
		return DM_ENDIO_INCOMPLETE;
	default:
		return DM_ENDIO_DONE;
	}
}

static int make_pool(struct cache *cache, const u8 *uuid)
{
	cache->pool = sp_tmem_pool_create(uuid ? STILLPOINT_TMEM_POOL_SHARED : 0, uuid);
	if (!IS_ERR(cache->pool))
		return 0;
	return PTR_ERR(cache->pool);
}

static int make_cache(struct dm_target *ti, struct cache *cache, const char *path, const u8 *uuid)
{
	int err;

	spin_lock_init(&cache->lock);
	sp_turns_init(&cache->turns);
	bio_list_init(&cache->deferred);
	INIT_WORK(&cache->work, send_deferred);
	cache->shared = uuid;
	if (cache->shared) {
		import_uuid(&cache->uuid, uuid);
	} else {
		cache->held = kvcalloc(BITS_TO_LONGS(DIV_ROUND_UP(ti->len, PAGE_SECTORS)),
				       sizeof(*cache->held), GFP_KERNEL);
		if (!cache->held)
			return -ENOMEM;
	}
	cache->queue = alloc_workqueue("stillpoint-cache", WQ_MEM_RECLAIM | WQ_HIGHPRI, 1);
	if (!cache->queue)
		return -ENOMEM;
	err = dm_get_device(ti, path, dm_table_get_mode(ti->table), &cache->dev);
	if (err) {
		ti->error = "cannot open the device";
		return err;
	}
	err = make_pool(cache, uuid);
	if (err)
		ti->error = "cannot make a pool in the store";
	return err;
}

static void free_cache(struct dm_target *ti, struct cache *cache)
{
	if (!IS_ERR_OR_NULL(cache->pool))
		sp_tmem_pool_destroy(cache->pool);
	if (cache->dev)
		dm_put_device(ti, cache->dev);
	if (cache->queue)
		destroy_workqueue(cache->queue);
	kvfree(cache->held);
	kvfree(cache);
}

/* Arguments: DEVICE private, or DEVICE shared UUID. */
static int cache_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	bool shared = argc == 3 && !strcmp(argv[1], "shared");
	struct cache *cache;
	uuid_t uuid;
	int err;

	if (!shared && (argc != 2 || strcmp(argv[1], "private"))) {
		ti->error = "expected DEVICE private, or DEVICE shared UUID";
		return -EINVAL;
	}
	if (shared && uuid_parse(argv[2], &uuid)) {
		ti->error = "no such UUID";
		return -EINVAL;
	}
	if (DIV_ROUND_UP(ti->len, PAGE_SECTORS) > MAX_BLOCKS) {
		ti->error = "the device is too large";
		return -EINVAL;
	}
	cache = kvzalloc(sizeof(*cache), GFP_KERNEL);
	if (!cache)
		return -ENOMEM;
	err = dm_set_target_max_io_len(ti, PAGE_SECTORS);
	if (!err)
		err = make_cache(ti, cache, argv[0], shared ? uuid.b : NULL);
	if (err) {
		free_cache(ti, cache);
		return err;
	}
	ti->private = cache;
	ti->num_flush_bios = 1;
	ti->per_io_data_size = sizeof(struct cache_bio);
	return 0;
}

static void cache_dtr(struct dm_target *ti)
{
	free_cache(ti, ti->private);
}

static void cache_status(struct dm_target *ti, status_type_t type, unsigned int flags, char *result,
			 unsigned int length)
{
	struct cache *cache = ti->private;

	if (type == STATUSTYPE_INFO)
		scnprintf(result, length, "%llu %llu", READ_ONCE(cache->hits),
			  READ_ONCE(cache->misses));
	else if (type == STATUSTYPE_TABLE && cache->shared)
		scnprintf(result, length, "%s shared %pUb", cache->dev->name, &cache->uuid);
	else if (type == STATUSTYPE_TABLE)
		scnprintf(result, length, "%s private", cache->dev->name);
	else
		*result = '\0';
}

static int cache_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn, void *data)
{
	struct cache *cache = ti->private;

	return fn(ti, cache->dev, 0, ti->len, data);
}

static struct target_type target = {
	.name = "tmem-cache",
	.version = { 1, 0, 0 },
	.module = THIS_MODULE,
	.ctr = cache_ctr,
	.dtr = cache_dtr,
	.map = cache_map,
	.end_io = cache_end_io,
	.status = cache_status,
	.iterate_devices = cache_iterate_devices,
};

static int __init cache_init(void)
{
	return dm_register_target(&target);
}

static void __exit cache_exit(void)
{
	dm_unregister_target(&target);
}

module_init(cache_init);
module_exit(cache_exit);

MODULE_DESCRIPTION("A block device's pages kept in a store in dom0");
MODULE_LICENSE("GPL");
MODULE_ALIAS("dm-tmem-cache");
