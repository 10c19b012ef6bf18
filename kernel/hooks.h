/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Notes the pages whose dirty bit goes away between two harvests: with the
 * mapping that had it, or because somebody clears it for a purpose of his own;
 * and what is written where no harvest looks. ftrace calls us at the entry of
 * the kernel's functions that do so, only while the guest is tracked.
 */
#ifndef SP_HOOKS_H
#define SP_HOOKS_H

#include <linux/types.h>

#include "bitmap.h"

/**
 * sp_hooks_arm() - begins
 * @noted: where the pages go that need to be in the next set
 * @again: where those go that need to be in the set after that as well, as they may
 *	still be written for a moment
 * @moved: where the top-level tables go within which entries are moved
 * @extras: only what the hypervisor's log does not see
 *
 * Return: 0 or a negative errno.
 */
int sp_hooks_arm(struct sp_bitmap *noted, struct sp_bitmap *again, struct sp_bitmap *moved,
		 bool extras);

/* Ends; when it returns, the bitmaps are no longer used. Sleeps. */
void sp_hooks_disarm(void);

/* When they are armed no more. */
void sp_hooks_exit(void);

/* How often they were called since they were armed. */
u64 sp_hooks_calls(void);

#endif /* SP_HOOKS_H */
