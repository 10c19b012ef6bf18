/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where each block of the swap device is, and which of them the store holds for
 * nothing. No lock of its own, and no allocation once made.
 *
 * A block is stale if the store may hold a page for it that nobody wants any more.
 * A stale block of which no write is under way is never SP_BLOCK_STORED: what makes
 * a block stale empties it, and a write that begins replaces what the store holds.
 */
#ifndef SP_TMEM_BLOCKS_H
#define SP_TMEM_BLOCKS_H

#include <linux/types.h>

/**
 * enum sp_block - where a block's data is
 * @SP_BLOCK_EMPTY: nowhere, it reads as zeroes
 * @SP_BLOCK_STORED: in the store
 * @SP_BLOCK_BACKED: in the backing device
 * @SP_BLOCK_LOST: its last write failed, and what it was before is gone
 */
enum sp_block {
	SP_BLOCK_EMPTY,
	SP_BLOCK_STORED,
	SP_BLOCK_BACKED,
	SP_BLOCK_LOST,
	SP_BLOCK_KINDS,
};

/**
 * struct sp_blocks - the blocks of one device
 * @count: how many there are
 * @of: how many of them are of each enum sp_block
 * @stale_count: how many are stale
 * @low: bit 0 of a block's enum sp_block
 * @high: bit 1 of it
 * @stale: bit for each that is
 */
struct sp_blocks {
	unsigned long count;
	unsigned long of[SP_BLOCK_KINDS];
	unsigned long stale_count;
	unsigned long *low;
	unsigned long *high;
	unsigned long *stale;
};

/* @count blocks, all empty. -ENOMEM; sp_blocks_free() frees a zeroed one, too. */
int sp_blocks_init(struct sp_blocks *blocks, unsigned long count);
void sp_blocks_free(struct sp_blocks *blocks);

enum sp_block sp_blocks_where(const struct sp_blocks *blocks, unsigned long block);

/* A write of @block begins. */
void sp_blocks_begin(struct sp_blocks *blocks, unsigned long block);
/*
 * It ended: the data is @where. If the block was dropped meanwhile it is empty, and stale
 * if the store has it.
 */
void sp_blocks_end(struct sp_blocks *blocks, unsigned long block, enum sp_block where);

/*
 * Nobody wants @block any more. @writing: a write of it is under way. True if it
 * is stale then.
 */
bool sp_blocks_drop(struct sp_blocks *blocks, unsigned long block, bool writing);

/* The first stale block from @from on, or blocks->count. */
unsigned long sp_blocks_next_stale(const struct sp_blocks *blocks, unsigned long from);
/* @block, which is stale, is so no more: somebody tells the store. */
void sp_blocks_take_stale(struct sp_blocks *blocks, unsigned long block);

#endif /* SP_TMEM_BLOCKS_H */
