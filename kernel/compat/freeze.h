/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SP_COMPAT_FREEZE_H
#define SP_COMPAT_FREEZE_H

#include <linux/fs.h>
#include <linux/version.h>

/*
 * Since 6.6 a file system knows whether the kernel or a process froze it, and what a
 * process thaws stays frozen for the kernel. Before that, whoever comes thaws it.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define SP_FREEZE_ARGS(sb) (sb), FREEZE_HOLDER_KERNEL
#else
#define SP_FREEZE_ARGS(sb) (sb)
#endif

static inline int sp_freeze_super(struct super_block *sb)
{
	if (sb->s_op->freeze_super)
		return sb->s_op->freeze_super(SP_FREEZE_ARGS(sb));
	return freeze_super(SP_FREEZE_ARGS(sb));
}

static inline int sp_thaw_super(struct super_block *sb)
{
	if (sb->s_op->thaw_super)
		return sb->s_op->thaw_super(SP_FREEZE_ARGS(sb));
	return thaw_super(SP_FREEZE_ARGS(sb));
}

#endif /* SP_COMPAT_FREEZE_H */
