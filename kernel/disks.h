/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keeps blkfront's recovery away from what it does not expect.
 *
 * The recovery (blkfront_resume) walks the requests in flight and then drops
 * the ring. Nothing stops a new request from entering the ring in between, for
 * it relies on stock suspend having frozen every task; here none is. And of a
 * data request it keeps only the bios and ends the request at once, which for
 * a write inside a flush sequence (a journal commit) completes the bio, before
 * the data is on the disk, and then submits it again. So:
 *
 *   sp_disks_stop	while every CPU is stopped, quiesces every blkfront queue:
 *			nothing new is dispatched from then on
 *   sp_disks_settle	waits for dispatches that were under way, then marks each
 *			write of a flush sequence so that it is requeued whole
 *   (a device reconnects)
 *   sp_disks_start	takes its marks off and lets its queue run
 */
#ifndef SP_DISKS_H
#define SP_DISKS_H

#include <linux/device.h>

/**
 * sp_disks_prepare() - makes room for remembering disks and marks
 *
 * Return: 0 or -ENOMEM. sp_disks_release() undoes it.
 */
int sp_disks_prepare(void);
/* True for the xenbus device of a disk. */
bool sp_disks_is(struct device *dev);
/* True if none waits for its backend to connect, which xenwatch sees, unless its mutex is held. */
bool sp_disks_are_settled(void);
void sp_disks_release(void);

/* Interrupts off, every other CPU stopped. Takes a reference to each disk. */
void sp_disks_stop(void);
void sp_disks_settle(void);
/* Starts the disks of xenbus device @dev, or all that are still stopped for NULL. */
void sp_disks_start(struct device *dev);

#endif /* SP_DISKS_H */
