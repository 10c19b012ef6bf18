/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The blocks' way between bios and the store. A block is a page; there is
 * one request for a block at a time, and others for it wait. What a request needs is
 * made with the device, so that writing a page out needs no memory.
 */
#ifndef SP_TMEM_SWAPIO_H
#define SP_TMEM_SWAPIO_H

#include <linux/bio.h>
#include <linux/types.h>

#include "blocks.h"
#include "pools.h"

struct sp_backing;
struct sp_swapio;

/**
 * struct sp_swapio_stats - blocks, by where they are
 * @of: of each enum sp_block
 * @stale: that the store is yet to be told of
 */
struct sp_swapio_stats {
	unsigned long of[SP_BLOCK_KINDS];
	unsigned long stale;
};

/*
 * A device of @blocks empty blocks, over @pool and, where the store refuses, over @backing,
 * which may be NULL; both must live as long. An ERR_PTR if there is no memory.
 */
struct sp_swapio *sp_swapio_make(unsigned long blocks, struct sp_tmem_pool *pool,
				 struct sp_backing *backing);
/* Waits for what is under way, and retires the pool; there must be no more bios. Sleeps. */
void sp_swapio_free(struct sp_swapio *io);

/* Serves @bio, and ends it. Sleeps. */
void sp_swapio_submit(struct sp_swapio *io, struct bio *bio);
/* Nobody wants @block any more. Any context. */
void sp_swapio_drop(struct sp_swapio *io, unsigned long block);

void sp_swapio_stats(struct sp_swapio *io, struct sp_swapio_stats *stats);

#endif /* SP_TMEM_SWAPIO_H */
