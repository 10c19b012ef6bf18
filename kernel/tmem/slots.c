// SPDX-License-Identifier: GPL-2.0
#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/errno.h>

#include "slots.h"

#define SLOT_BITS 8
#define SLOT_MASK ((1U << SLOT_BITS) - 1)

void sp_slots_init(struct sp_slots *slots, unsigned int count)
{
	slots->taken = 0;
	slots->count = count;
}

int sp_slots_take(struct sp_slots *slots)
{
	u64 free = ~slots->taken;
	unsigned int slot;

	if (!free || __ffs64(free) >= slots->count)
		return -EBUSY;
	slot = __ffs64(free);
	slots->taken |= BIT_ULL(slot);
	slots->id[slot] = ++slots->turn << SLOT_BITS | slot;
	return slot;
}

int sp_slots_find(const struct sp_slots *slots, u32 id)
{
	unsigned int slot = id & SLOT_MASK;

	if (slot >= slots->count || !sp_slots_is_taken(slots, slot) || slots->id[slot] != id)
		return -ENOENT;
	return slot;
}

void sp_slots_put(struct sp_slots *slots, unsigned int slot)
{
	slots->taken &= ~BIT_ULL(slot);
}
