// SPDX-License-Identifier: GPL-2.0
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <stillpoint/agent.h>

#include "compat/freeze.h"
#include "freeze.h"

#define RETRY_MS 1000

/**
 * struct held - a file system that is frozen, or on its way there
 * @node: in &all
 * @sb: with a reference to it
 * @frozen: it is frozen
 * @thaw: thaws it, then gives up the entry
 * @drop: gives up the reference, which may unmount it
 */
struct held {
	struct list_head node;
	struct super_block *sb;
	bool frozen;
	struct delayed_work thaw;
	struct work_struct drop;
};

/* For all that follows. */
static DEFINE_SPINLOCK(lock);
static LIST_HEAD(all); /* the one that was frozen last is first */
static unsigned int nr_held;
static bool open; /* between begin and end */
static bool called_back = true;

static void (*on_none_left)(void);
static struct workqueue_struct *thaws;
static struct workqueue_struct *drops;
static struct work_struct check_work;

/* An unmount may take as long as the disk does, and allocates. */
static void drop(struct work_struct *work)
{
	struct held *held = container_of(work, struct held, drop);

	deactivate_super(held->sb);
	kfree(held);
}

static void forget(struct held *held)
{
	spin_lock(&lock);
	list_del(&held->node);
	nr_held -= held->frozen;
	spin_unlock(&lock);
	queue_work(drops, &held->drop);
	queue_work(thaws, &check_work);
}

static void thaw(struct work_struct *work)
{
	struct held *held = container_of(work, struct held, thaw.work);
	int err = sp_thaw_super(held->sb);

	/* -EINVAL: another was faster. */
	if (err && err != -EINVAL) {
		pr_err_ratelimited("cannot thaw %s: %d; trying on\n", held->sb->s_id, err);
		queue_delayed_work(thaws, &held->thaw, msecs_to_jiffies(RETRY_MS));
		return;
	}
	forget(held);
}

static void check(struct work_struct *work)
{
	bool call;

	spin_lock(&lock);
	call = !open && !called_back && list_empty(&all);
	called_back |= call;
	spin_unlock(&lock);
	if (call)
		on_none_left();
}

int sp_freeze_init(void (*none_left)(void))
{
	on_none_left = none_left;
	INIT_WORK(&check_work, check);
	/* Thawing is what memory may wait for. */
	thaws = alloc_workqueue("stillpoint-thaw", WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	drops = alloc_workqueue("stillpoint-drop", WQ_UNBOUND, 0);
	if (thaws && drops)
		return 0;
	if (thaws)
		destroy_workqueue(thaws);
	if (drops)
		destroy_workqueue(drops);
	return -ENOMEM;
}

void sp_freeze_exit(void)
{
	destroy_workqueue(thaws);
	destroy_workqueue(drops);
}

void sp_freeze_begin(void)
{
	spin_lock(&lock);
	open = true;
	spin_unlock(&lock);
}

static int add(struct held *held)
{
	const struct held *other;
	int err = 0;

	spin_lock(&lock);
	if (!open)
		err = -ESTALE;
	else if (nr_held >= STILLPOINT_HOLD_LIMIT)
		err = -ENOSPC;
	list_for_each_entry(other, &all, node) {
		if (other->sb == held->sb)
			err = -EALREADY;
	}
	if (!err)
		list_add(&held->node, &all);
	spin_unlock(&lock);
	return err;
}

static struct held *make(struct super_block *sb)
{
	/* File systems that are frozen already cannot give memory back. */
	struct held *held = kzalloc(sizeof(*held), GFP_NOFS);

	if (!held)
		return NULL;
	/* What is open in it keeps it active; this goes on when that is closed. */
	atomic_inc(&sb->s_active);
	held->sb = sb;
	INIT_DELAYED_WORK(&held->thaw, thaw);
	INIT_WORK(&held->drop, drop);
	return held;
}

/* True if the round is over; then it thaws again. */
static bool is_late(struct held *held)
{
	bool late;

	spin_lock(&lock);
	held->frozen = true;
	nr_held++;
	late = !open;
	if (late)
		queue_delayed_work(thaws, &held->thaw, 0);
	spin_unlock(&lock);
	return late;
}

int sp_freeze_hold(struct super_block *sb)
{
	struct held *held;
	int err;

	if (!sb->s_op->freeze_fs && !sb->s_op->freeze_super)
		return -EOPNOTSUPP;
	held = make(sb);
	if (!held)
		return -ENOMEM;
	err = add(held);
	if (err) {
		drop(&held->drop);
		return err;
	}
	err = sp_freeze_super(sb);
	if (err) {
		forget(held);
		return err;
	}
	return is_late(held) ? -ESTALE : 0;
}

bool sp_freeze_is_whole(void)
{
	const struct held *held;
	bool whole = true;

	spin_lock(&lock);
	list_for_each_entry(held, &all, node) {
		if (held->frozen && READ_ONCE(held->sb->s_writers.frozen) != SB_FREEZE_COMPLETE)
			whole = false;
	}
	spin_unlock(&lock);
	return whole;
}

unsigned int sp_freeze_count(void)
{
	return READ_ONCE(nr_held);
}

void sp_freeze_end(void)
{
	struct held *held;

	spin_lock(&lock);
	if (open) {
		open = false;
		called_back = false;
		list_for_each_entry(held, &all, node) {
			if (held->frozen)
				queue_delayed_work(thaws, &held->thaw, 0);
		}
	}
	spin_unlock(&lock);
	queue_work(thaws, &check_work);
}
