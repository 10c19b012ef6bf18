/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SP_COMPAT_BLK_MQ_H
#define SP_COMPAT_BLK_MQ_H

#include <linux/blk-mq.h>
#include <linux/version.h>

/* Since 6.7 the wait is for all queues of a tag set; it took a queue before. */
static inline void sp_blk_mq_wait_quiesce_done(struct request_queue *q)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	blk_mq_wait_quiesce_done(q->tag_set);
#else
	blk_mq_wait_quiesce_done(q);
#endif
}

#endif /* SP_COMPAT_BLK_MQ_H */
