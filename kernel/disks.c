// SPDX-License-Identifier: GPL-2.0
#include <linux/blkdev.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <xen/xenbus.h>

#include "compat/blk-mq.h"
#include "devices.h"
#include "disks.h"

/* Room for disks, and requests of theirs, that appear between prepare and stop. */
#define SPARE_DISKS 16
#define SPARE_MARKS 1024

static struct gendisk **disks;
static struct request **marks;
static unsigned int nr_disks, max_disks;
static unsigned int nr_marks, max_marks;

typedef void (*disk_fn)(struct gendisk *disk);

static int each_child(struct device *dev, void *fn)
{
	/* A partition is a child of its disk, not of the xenbus device. */
	if (dev->type && !strcmp(dev->type->name, "disk"))
		((disk_fn)fn)(dev_to_disk(dev));
	return 0;
}

bool sp_disks_is(struct device *dev)
{
	return !strcmp(to_xenbus_device(dev)->devicetype, "vbd");
}

static int each_device(struct device *dev, void *fn)
{
	if (sp_disks_is(dev))
		device_for_each_child(dev, fn, each_child);
	return 0;
}

/* Calls @fn for every blkfront disk. Takes spinlocks only. */
static void walk_disks(disk_fn fn)
{
	bus_for_each_dev(sp_devices_bus(), NULL, fn, each_device);
}

static int is_connecting(struct device *dev, void *unused)
{
	return sp_disks_is(dev) && to_xenbus_device(dev)->state == XenbusStateInitialised;
}

bool sp_disks_are_settled(void)
{
	return !bus_for_each_dev(sp_devices_bus(), NULL, NULL, is_connecting);
}

static void count_disk(struct gendisk *disk)
{
	struct blk_mq_tag_set *set = disk->queue->tag_set;

	max_disks++;
	max_marks += set->queue_depth * set->nr_hw_queues;
}

int sp_disks_prepare(void)
{
	nr_disks = 0;
	nr_marks = 0;
	max_disks = SPARE_DISKS;
	max_marks = SPARE_MARKS;
	walk_disks(count_disk);

	disks = kcalloc(max_disks, sizeof(*disks), GFP_NOIO);
	marks = kcalloc(max_marks, sizeof(*marks), GFP_NOIO);
	if (disks && marks)
		return 0;
	sp_disks_release();
	return -ENOMEM;
}

void sp_disks_release(void)
{
	kfree(marks);
	kfree(disks);
	marks = NULL;
	disks = NULL;
}

static void stop_disk(struct gendisk *disk)
{
	if (WARN_ON_ONCE(nr_disks == max_disks))
		return;
	get_device(disk_to_dev(disk));
	blk_mq_quiesce_queue_nowait(disk->queue);
	disks[nr_disks++] = disk;
}

void sp_disks_stop(void)
{
	walk_disks(stop_disk);
}

/*
 * blkfront_resume() requeues a request whole if it has REQ_FUA. The flag must
 * be gone before the request is dispatched again: most backends have no FUA.
 * While the queue is quiesced the request cannot be dispatched, so it stays
 * allocated and the pointer stays good.
 */
static bool mark_request(struct request *rq, void *data)
{
	if (!(rq->rq_flags & RQF_FLUSH_SEQ) || req_op(rq) == REQ_OP_FLUSH ||
	    (rq->cmd_flags & REQ_FUA))
		return true;
	if (WARN_ON_ONCE(nr_marks == max_marks))
		return false;
	rq->cmd_flags |= REQ_FUA;
	marks[nr_marks++] = rq;
	return true;
}

static void unmark_requests(struct request_queue *q)
{
	unsigned int i;

	for (i = 0; i < nr_marks; i++) {
		if (!marks[i] || marks[i]->q != q)
			continue;
		marks[i]->cmd_flags &= ~REQ_FUA;
		marks[i] = NULL;
	}
}

void sp_disks_settle(void)
{
	unsigned int i;

	for (i = 0; i < nr_disks; i++) {
		sp_blk_mq_wait_quiesce_done(disks[i]->queue);
		blk_mq_tagset_busy_iter(disks[i]->queue->tag_set, mark_request, NULL);
	}
}

void sp_disks_start(struct device *dev)
{
	unsigned int i;

	for (i = 0; i < nr_disks; i++) {
		if (!disks[i] || (dev && disk_to_dev(disks[i])->parent != dev))
			continue;
		unmark_requests(disks[i]->queue);
		blk_mq_unquiesce_queue(disks[i]->queue);
		put_device(disk_to_dev(disks[i]));
		disks[i] = NULL;
	}
}
