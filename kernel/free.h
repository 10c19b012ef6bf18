/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pages that the kernel has free: what is in them has no meaning. They are those
 * in the free lists of the buddy allocator. What the CPUs keep for themselves, what
 * compaction has taken aside, ballooned pages and those not accepted or offline are in
 * no free list, and not reported.
 *
 * Called by the request worker only, or on its behalf while every CPU is stopped.
 */
#ifndef SP_FREE_H
#define SP_FREE_H

#include <linux/types.h>

/* Whether this kernel can do without what is in free pages; says why not. */
bool sp_free_is_possible(void);

/*
 * Makes room for the map, unless there is. Without any the functions below do
 * nothing: to know of fewer free pages is never wrong. Sleeps.
 */
void sp_free_prepare(void);
/* Gives it back, and tells dom0; also if there is none. */
void sp_free_release(void);

/*
 * Make the map, in two steps: sp_free_note_grants() while grants can be read,
 * sp_free_walk() as late as can be. At the park that is when nothing is allocated
 * any more; its time is bounded.
 */
void sp_free_note_grants(void);
void sp_free_walk(void);

#endif /* SP_FREE_H */
