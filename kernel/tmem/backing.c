// SPDX-License-Identifier: GPL-2.0
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../compat/disk.h"
#include "backing.h"

/* Enough to go on while each waits for memory. */
#define RESERVE 16

struct sp_backing {
	sp_bdev_t *bdev;
	struct bio_set bios;
	struct workqueue_struct *queue;
	struct work_struct work;
	spinlock_t lock; /* guards @ops */
	struct list_head ops;
};

static void ended(struct bio *bio)
{
	struct sp_backing_op *op = bio->bi_private;
	blk_status_t error = bio->bi_status;

	bio_put(bio);
	op->done(op, error);
}

static void transfer(struct sp_backing *backing, struct sp_backing_op *op)
{
	struct bio *bio =
		bio_alloc_clone(sp_bdev(backing->bdev), op->bio, GFP_NOIO, &backing->bios);

	bio->bi_opf = bio_op(op->bio) | (op->bio->bi_opf & REQ_SYNC);
	bio->bi_iter = op->at;
	bio->bi_iter.bi_sector = op->sector;
	bio->bi_end_io = ended;
	bio->bi_private = op;
	submit_bio(bio);
}

static struct sp_backing_op *next(struct sp_backing *backing)
{
	struct sp_backing_op *op;

	spin_lock_irq(&backing->lock);
	op = list_first_entry_or_null(&backing->ops, struct sp_backing_op, link);
	if (op)
		list_del_init(&op->link);
	spin_unlock_irq(&backing->lock);
	return op;
}

static void work(struct work_struct *work)
{
	struct sp_backing *backing = container_of(work, struct sp_backing, work);
	struct sp_backing_op *op;

	while ((op = next(backing)))
		transfer(backing, op);
}

void sp_backing_submit(struct sp_backing *backing, struct sp_backing_op *op)
{
	unsigned long flags;

	spin_lock_irqsave(&backing->lock, flags);
	list_add_tail(&op->link, &backing->ops);
	spin_unlock_irqrestore(&backing->lock, flags);
	queue_work(backing->queue, &backing->work);
}

loff_t sp_backing_size(const struct sp_backing *backing)
{
	return bdev_nr_bytes(sp_bdev(backing->bdev));
}

struct sp_backing *sp_backing_open(const char *path)
{
	struct sp_backing *backing = kzalloc(sizeof(*backing), GFP_KERNEL);
	int err;

	if (!backing)
		return ERR_PTR(-ENOMEM);
	spin_lock_init(&backing->lock);
	INIT_LIST_HEAD(&backing->ops);
	INIT_WORK(&backing->work, work);
	err = bioset_init(&backing->bios, RESERVE, 0, 0);
	if (err)
		goto err_free;
	backing->queue = alloc_workqueue("stillpoint-backing", WQ_MEM_RECLAIM | WQ_HIGHPRI, 1);
	if (!backing->queue) {
		err = -ENOMEM;
		goto err_bios;
	}
	backing->bdev = sp_bdev_open(path, backing);
	if (IS_ERR(backing->bdev)) {
		err = PTR_ERR(backing->bdev);
		goto err_queue;
	}
	return backing;

err_queue:
	destroy_workqueue(backing->queue);
err_bios:
	bioset_exit(&backing->bios);
err_free:
	kfree(backing);
	return ERR_PTR(err);
}

void sp_backing_close(struct sp_backing *backing)
{
	destroy_workqueue(backing->queue);
	sp_bdev_close(backing->bdev);
	bioset_exit(&backing->bios);
	kfree(backing);
}
