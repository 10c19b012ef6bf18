// SPDX-License-Identifier: GPL-2.0
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/errno.h>

#include "ids.h"

int sp_ids_take(struct sp_ids *ids)
{
	unsigned int place = ffz(ids->taken);

	BUILD_BUG_ON(SP_POOL_IDS >= 32);
	if (place >= SP_POOL_IDS)
		return -ENFILE;
	ids->taken |= BIT(place);
	return place + 1;
}

void sp_ids_put(struct sp_ids *ids, u32 id)
{
	ids->taken &= ~BIT(sp_ids_place(id));
}
