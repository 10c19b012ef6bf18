/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which slots of the window are taken, and by which request. No lock of its own.
 *
 * A request's id names its slot and the turn in which it was taken, so that an answer
 * that comes twice, or for nothing, is told from one that is waited for.
 */
#ifndef SP_TMEM_SLOTS_H
#define SP_TMEM_SLOTS_H

#include <linux/types.h>

#include <stillpoint/tmem.h>

/**
 * struct sp_slots - the slots of one session
 * @taken: bit for each slot that is
 * @count: how many there are
 * @turn: of the slot taken last
 * @id: of the requests that have them
 */
struct sp_slots {
	u64 taken;
	unsigned int count;
	u32 turn;
	u32 id[STILLPOINT_TMEM_SLOTS_MAX];
};

/* @count: 1 to STILLPOINT_TMEM_SLOTS_MAX. All are free; ids go on from where they were. */
void sp_slots_init(struct sp_slots *slots, unsigned int count);

/* Takes a slot; its number, or -EBUSY if all are taken. */
int sp_slots_take(struct sp_slots *slots);

/* The slot of the request with @id, or -ENOENT if no request that is under way has it. */
int sp_slots_find(const struct sp_slots *slots, u32 id);

/* Gives a taken slot back. */
void sp_slots_put(struct sp_slots *slots, unsigned int slot);

static inline bool sp_slots_is_taken(const struct sp_slots *slots, unsigned int slot)
{
	return slots->taken >> slot & 1;
}

static inline bool sp_slots_are_free(const struct sp_slots *slots)
{
	return !slots->taken;
}

static inline u32 sp_slots_id(const struct sp_slots *slots, unsigned int slot)
{
	return slots->id[slot];
}

#endif /* SP_TMEM_SLOTS_H */
