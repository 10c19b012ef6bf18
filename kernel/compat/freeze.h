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
#define sp_call_super(call, sb) ((call)((sb), FREEZE_HOLDER_KERNEL))
#else
#define sp_call_super(call, sb) ((call)(sb))
#endif

static inline int sp_freeze_super(struct super_block *sb)
{
	if (sb->s_op->freeze_super)
		return sp_call_super(sb->s_op->freeze_super, sb);
	return sp_call_super(freeze_super, sb);
}

static inline int sp_thaw_super(struct super_block *sb)
{
	if (sb->s_op->thaw_super)
		return sp_call_super(sb->s_op->thaw_super, sb);
	return sp_call_super(thaw_super, sb);
}

#endif /* SP_COMPAT_FREEZE_H */
