/* SPDX-License-Identifier: GPL-2.0 */
/* A block device that takes the pages that the store refuses. */
#ifndef SP_TMEM_BACKING_H
#define SP_TMEM_BACKING_H

#include <linux/bio.h>
#include <linux/list.h>
#include <linux/types.h>

struct sp_backing;

/**
 * struct sp_backing_op - a page's transfer, from its submission until @done is called
 * @link: ours
 * @backing: ours
 * @bio: what has the data and says which way
 * @at: where in @bio; its bi_size is a page's
 * @sector: where on the device
 * @done: called when it ended, in any context
 */
struct sp_backing_op {
	struct list_head link;
	struct sp_backing *backing;
	struct bio *bio;
	struct bvec_iter at;
	sector_t sector;
	void (*done)(struct sp_backing_op *op, blk_status_t error);
};

/* Opens the device @path for ourselves alone. An ERR_PTR on error. Sleeps. */
struct sp_backing *sp_backing_open(const char *path);
/* When no transfer is under way. Sleeps. */
void sp_backing_close(struct sp_backing *backing);

/* Its size in bytes. */
loff_t sp_backing_size(const struct sp_backing *backing);

/* Any context; allocates nothing here, and from a reserve later. */
void sp_backing_submit(struct sp_backing *backing, struct sp_backing_op *op);

#endif /* SP_TMEM_BACKING_H */
