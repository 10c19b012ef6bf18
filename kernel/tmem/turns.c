// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/hash.h>

#include "turns.h"

static struct hlist_head *bucket(struct sp_turns *turns, u32 block)
{
	return &turns->taken[hash_32(block, SP_TURNS_BITS)];
}

void sp_turns_init(struct sp_turns *turns)
{
	unsigned int i;

	for (i = 0; i < 1 << SP_TURNS_BITS; i++)
		INIT_HLIST_HEAD(&turns->taken[i]);
	INIT_LIST_HEAD(&turns->waiting);
}
EXPORT_SYMBOL_GPL(sp_turns_init);

struct sp_turn *sp_turns_holder(struct sp_turns *turns, u32 block)
{
	struct sp_turn *turn;

	hlist_for_each_entry(turn, bucket(turns, block), node)
		if (turn->block == block)
			return turn;
	return NULL;
}

bool sp_turns_take(struct sp_turns *turns, struct sp_turn *turn, u32 block)
{
	turn->block = block;
	if (sp_turns_holder(turns, block)) {
		list_add_tail(&turn->link, &turns->waiting);
		return false;
	}
	hlist_add_head(&turn->node, bucket(turns, block));
	return true;
}
EXPORT_SYMBOL_GPL(sp_turns_take);

static struct sp_turn *first_waiting(struct sp_turns *turns, u32 block)
{
	struct list_head *at;

	list_for_each(at, &turns->waiting)
		if (list_entry(at, struct sp_turn, link)->block == block)
			return list_entry(at, struct sp_turn, link);
	return NULL;
}

struct sp_turn *sp_turns_give(struct sp_turns *turns, struct sp_turn *turn)
{
	struct sp_turn *next;

	hlist_del_init(&turn->node);
	next = first_waiting(turns, turn->block);
	if (next) {
		list_del_init(&next->link);
		hlist_add_head(&next->node, bucket(turns, next->block));
	}
	return next;
}
EXPORT_SYMBOL_GPL(sp_turns_give);
