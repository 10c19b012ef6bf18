/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file systems that the module has frozen. Each is thawed by a work of its own, so
 * that one whose disk does not answer keeps no other one frozen.
 */
#ifndef SP_FREEZE_H
#define SP_FREEZE_H

#include <linux/fs.h>
#include <linux/types.h>

/**
 * sp_freeze_init() - makes the queues
 * @none_left: called when sp_freeze_end() was, and nothing is held any more; in a context
 *	that may sleep, with nothing locked
 */
int sp_freeze_init(void (*none_left)(void));
/* After sp_freeze_end() has called back. */
void sp_freeze_exit(void);

/* From now on file systems can be held. Nothing is held yet. */
void sp_freeze_begin(void);

/**
 * sp_freeze_hold() - freezes @sb and holds it
 * @sb: the caller has something open in it
 *
 * Sleeps, without bound: it waits for writes that have begun. If sp_freeze_end() is called
 * meanwhile, @sb is thawed as soon as it is frozen. A file system that is unmounted
 * stays until it is thawed, and so does the module.
 *
 * Return: 0; -ESTALE after sp_freeze_end(); -EOPNOTSUPP; -EALREADY if it is held; -EBUSY
 * if another has frozen it; -ENOSPC; -ENOMEM; or what the file system says.
 */
int sp_freeze_hold(struct super_block *sb);

/* None of those held was thawed by somebody else, as far as can be seen. */
bool sp_freeze_is_whole(void);

/* How many are held. */
unsigned int sp_freeze_count(void);

/* Thaws all, the last one frozen first. Does not sleep. Calls back, also if there is none. */
void sp_freeze_end(void);

#endif /* SP_FREEZE_H */
