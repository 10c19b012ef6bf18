/* SPDX-License-Identifier: GPL-2.0 */
/* Which ids of pools are taken: 1 to SP_POOL_IDS. No lock of its own. */
#ifndef SP_TMEM_IDS_H
#define SP_TMEM_IDS_H

#include <linux/types.h>

#define SP_POOL_IDS 16

/* struct sp_ids - @taken: bit id - 1 for each id that is */
struct sp_ids {
	u32 taken;
};

/* The lowest id that is free, which is taken then; -ENFILE if there is none. */
int sp_ids_take(struct sp_ids *ids);
/* Gives an id back that was taken. */
void sp_ids_put(struct sp_ids *ids, u32 id);

static inline bool sp_ids_are_free(const struct sp_ids *ids)
{
	return !ids->taken;
}

/* Where in an array of SP_POOL_IDS. */
static inline unsigned int sp_ids_place(u32 id)
{
	return id - 1;
}

#endif /* SP_TMEM_IDS_H */
