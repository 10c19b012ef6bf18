// SPDX-License-Identifier: GPL-2.0
#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "blocks.h"

static unsigned long *make(unsigned long count)
{
	return kvcalloc(BITS_TO_LONGS(count), sizeof(unsigned long), GFP_KERNEL);
}

int sp_blocks_init(struct sp_blocks *blocks, unsigned long count)
{
	memset(blocks, 0, sizeof(*blocks));
	blocks->low = make(count);
	blocks->high = make(count);
	blocks->stale = make(count);
	if (!blocks->low || !blocks->high || !blocks->stale) {
		sp_blocks_free(blocks);
		return -ENOMEM;
	}
	blocks->count = count;
	blocks->of[SP_BLOCK_EMPTY] = count;
	return 0;
}

void sp_blocks_free(struct sp_blocks *blocks)
{
	kvfree(blocks->low);
	kvfree(blocks->high);
	kvfree(blocks->stale);
	memset(blocks, 0, sizeof(*blocks));
}

enum sp_block sp_blocks_where(const struct sp_blocks *blocks, unsigned long block)
{
	return test_bit(block, blocks->low) | test_bit(block, blocks->high) << 1;
}

static void put(struct sp_blocks *blocks, unsigned long block, enum sp_block where)
{
	blocks->of[sp_blocks_where(blocks, block)]--;
	blocks->of[where]++;
	__assign_bit(block, blocks->low, where & 1);
	__assign_bit(block, blocks->high, where & 2);
}

static void mark_stale(struct sp_blocks *blocks, unsigned long block, bool stale)
{
	if (test_bit(block, blocks->stale) == stale)
		return;
	__assign_bit(block, blocks->stale, stale);
	blocks->stale_count += stale ? 1 : -1;
}

void sp_blocks_begin(struct sp_blocks *blocks, unsigned long block)
{
	mark_stale(blocks, block, false);
}

void sp_blocks_end(struct sp_blocks *blocks, unsigned long block, enum sp_block where)
{
	if (!test_bit(block, blocks->stale)) {
		put(blocks, block, where);
		return;
	}
	put(blocks, block, SP_BLOCK_EMPTY);
	if (where != SP_BLOCK_STORED)
		mark_stale(blocks, block, false);
}

bool sp_blocks_drop(struct sp_blocks *blocks, unsigned long block, bool writing)
{
	if (writing || sp_blocks_where(blocks, block) == SP_BLOCK_STORED)
		mark_stale(blocks, block, true);
	put(blocks, block, SP_BLOCK_EMPTY);
	return test_bit(block, blocks->stale);
}

unsigned long sp_blocks_next_stale(const struct sp_blocks *blocks, unsigned long from)
{
	return find_next_bit(blocks->stale, blocks->count, from);
}

void sp_blocks_take_stale(struct sp_blocks *blocks, unsigned long block)
{
	mark_stale(blocks, block, false);
}
