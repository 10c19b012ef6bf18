/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who may ask the store about a block: one request at a time, the others in the order in
 * which they came. Two for the same handle in the ring would be done in any order. No
 * lock of its own, and no allocation.
 */
#ifndef SP_TMEM_TURNS_H
#define SP_TMEM_TURNS_H

#include <linux/list.h>
#include <linux/types.h>

#define SP_TURNS_BITS 7

/**
 * struct sp_turn - a request's turn, from sp_turns_take() to sp_turns_give()
 * @block: that it is about
 * @node: in the table of those that have theirs
 * @link: in the list of those that wait
 */
struct sp_turn {
	u32 block;
	struct hlist_node node;
	struct list_head link;
};

struct sp_turns {
	struct hlist_head taken[1 << SP_TURNS_BITS];
	struct list_head waiting;
};

void sp_turns_init(struct sp_turns *turns);

/* Who has the turn for @block, or NULL. */
struct sp_turn *sp_turns_holder(struct sp_turns *turns, u32 block);

/* True if @turn has its turn now; else it waits until sp_turns_give() names it. */
bool sp_turns_take(struct sp_turns *turns, struct sp_turn *turn, u32 block);

/* @turn is over. Whose turn it is now, or NULL. */
struct sp_turn *sp_turns_give(struct sp_turns *turns, struct sp_turn *turn);

#endif /* SP_TMEM_TURNS_H */
