// SPDX-License-Identifier: GPL-2.0
/*
 * Where the blocks of the swap device are: each step by itself, then long random
 * sequences beside a store that is as simple as can be, of which no page may be lost or
 * stay for nothing.
 */
#include <kunit/test.h>

#include "tmem/blocks.h"

#define BLOCKS 70
#define STEPS 20000

static struct sp_blocks *make(struct kunit *test)
{
	struct sp_blocks *blocks = kunit_kzalloc(test, sizeof(*blocks), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, blocks);
	KUNIT_ASSERT_EQ(test, sp_blocks_init(blocks, BLOCKS), 0);
	return blocks;
}

static void write(struct sp_blocks *blocks, unsigned long block, enum sp_block where)
{
	sp_blocks_begin(blocks, block);
	sp_blocks_end(blocks, block, where);
}

static void begins_empty(struct kunit *test)
{
	struct sp_blocks *blocks = make(test);
	unsigned long i;

	for (i = 0; i < BLOCKS; i++)
		KUNIT_EXPECT_EQ(test, sp_blocks_where(blocks, i), SP_BLOCK_EMPTY);
	KUNIT_EXPECT_EQ(test, blocks->of[SP_BLOCK_EMPTY], (unsigned long)BLOCKS);
	KUNIT_EXPECT_EQ(test, sp_blocks_next_stale(blocks, 0), (unsigned long)BLOCKS);
	sp_blocks_free(blocks);
	sp_blocks_free(blocks);
}

static void each_is_where_its_last_write_went(struct kunit *test)
{
	struct sp_blocks *blocks = make(test);
	enum sp_block from, to;

	for (from = 0; from < SP_BLOCK_KINDS; from++) {
		for (to = SP_BLOCK_STORED; to < SP_BLOCK_KINDS; to++) {
			write(blocks, 64, from);
			write(blocks, 64, to);
			KUNIT_EXPECT_EQ(test, sp_blocks_where(blocks, 64), to);
			KUNIT_EXPECT_EQ(test, blocks->of[to], 1ul);
			KUNIT_EXPECT_EQ(test, blocks->of[SP_BLOCK_EMPTY], BLOCKS - 1ul);
			KUNIT_EXPECT_EQ(test, sp_blocks_where(blocks, 63), SP_BLOCK_EMPTY);
			KUNIT_EXPECT_EQ(test, sp_blocks_where(blocks, 65), SP_BLOCK_EMPTY);
		}
	}
	sp_blocks_free(blocks);
}

static void only_what_is_stored_becomes_stale(struct kunit *test)
{
	struct sp_blocks *blocks = make(test);

	KUNIT_EXPECT_FALSE(test, sp_blocks_drop(blocks, 1, false));
	write(blocks, 2, SP_BLOCK_BACKED);
	KUNIT_EXPECT_FALSE(test, sp_blocks_drop(blocks, 2, false));
	write(blocks, 3, SP_BLOCK_LOST);
	KUNIT_EXPECT_FALSE(test, sp_blocks_drop(blocks, 3, false));
	write(blocks, 4, SP_BLOCK_STORED);
	KUNIT_EXPECT_TRUE(test, sp_blocks_drop(blocks, 4, false));
	KUNIT_EXPECT_TRUE(test, sp_blocks_drop(blocks, 4, false));
	KUNIT_EXPECT_EQ(test, blocks->stale_count, 1ul);
	KUNIT_EXPECT_EQ(test, blocks->of[SP_BLOCK_EMPTY], (unsigned long)BLOCKS);
	KUNIT_EXPECT_EQ(test, sp_blocks_next_stale(blocks, 0), 4ul);
	KUNIT_EXPECT_EQ(test, sp_blocks_next_stale(blocks, 5), (unsigned long)BLOCKS);
	sp_blocks_take_stale(blocks, 4);
	KUNIT_EXPECT_EQ(test, blocks->stale_count, 0ul);
	sp_blocks_free(blocks);
}

/* Or the older invalidate would follow the newer put. */
static void a_write_overtakes_what_is_stale(struct kunit *test)
{
	struct sp_blocks *blocks = make(test);

	write(blocks, 7, SP_BLOCK_STORED);
	sp_blocks_drop(blocks, 7, false);
	sp_blocks_begin(blocks, 7);
	KUNIT_EXPECT_EQ(test, sp_blocks_next_stale(blocks, 0), (unsigned long)BLOCKS);
	sp_blocks_end(blocks, 7, SP_BLOCK_STORED);
	KUNIT_EXPECT_EQ(test, sp_blocks_where(blocks, 7), SP_BLOCK_STORED);
	KUNIT_EXPECT_EQ(test, blocks->stale_count, 0ul);
	sp_blocks_free(blocks);
}

static void what_is_dropped_while_written_is_empty(struct kunit *test)
{
	static const enum sp_block ends[] = { SP_BLOCK_STORED, SP_BLOCK_BACKED, SP_BLOCK_LOST };
	struct sp_blocks *blocks = make(test);
	unsigned long i;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		sp_blocks_begin(blocks, i);
		sp_blocks_drop(blocks, i, true);
		sp_blocks_end(blocks, i, ends[i]);
		KUNIT_EXPECT_EQ(test, sp_blocks_where(blocks, i), SP_BLOCK_EMPTY);
	}
	/* Only the first is in the store for nothing. */
	KUNIT_EXPECT_EQ(test, blocks->stale_count, 1ul);
	KUNIT_EXPECT_EQ(test, sp_blocks_next_stale(blocks, 0), 0ul);
	sp_blocks_free(blocks);
}

/**
 * struct model - what a device does with its blocks, one step at a time
 * @stored: what the store holds
 * @wanted: what must be readable: written, and not dropped since
 * @writing: a write is under way
 */
struct model {
	struct sp_blocks *blocks;
	bool stored[BLOCKS];
	bool wanted[BLOCKS];
	bool writing[BLOCKS];
	u32 random;
};

static u32 next_random(struct model *model)
{
	model->random = model->random * 1664525 + 1013904223;
	return model->random >> 8;
}

static void end_write(struct model *model, unsigned long i)
{
	bool stored = next_random(model) % 4;

	model->stored[i] = stored;
	model->writing[i] = false;
	sp_blocks_end(model->blocks, i, stored ? SP_BLOCK_STORED : SP_BLOCK_LOST);
	if (!stored)
		model->wanted[i] = false;
}

static void invalidate(struct model *model, unsigned long from)
{
	unsigned long i = sp_blocks_next_stale(model->blocks, from);

	if (i == BLOCKS || model->writing[i])
		return;
	sp_blocks_take_stale(model->blocks, i);
	model->stored[i] = false;
}

static void step(struct model *model)
{
	unsigned long i = next_random(model) % BLOCKS;

	switch (next_random(model) % 4) {
	case 0:
		if (model->writing[i]) {
			end_write(model, i);
			break;
		}
		sp_blocks_begin(model->blocks, i);
		model->writing[i] = true;
		model->wanted[i] = true;
		break;
	case 1:
		sp_blocks_drop(model->blocks, i, model->writing[i]);
		model->wanted[i] = false;
		break;
	default:
		invalidate(model, i);
		break;
	}
}

static void check(struct kunit *test, const struct model *model)
{
	unsigned long i;
	bool stored;

	for (i = 0; i < BLOCKS; i++) {
		if (model->writing[i])
			continue;
		stored = sp_blocks_where(model->blocks, i) == SP_BLOCK_STORED;
		if (stored != model->wanted[i] || (stored && !model->stored[i]))
			KUNIT_FAIL(test, "block %lu is lost, or not gone", i);
	}
}

static void nothing_is_lost_and_nothing_stays(struct kunit *test)
{
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	unsigned long i;

	KUNIT_ASSERT_NOT_NULL(test, model);
	model->blocks = make(test);
	model->random = 1;
	for (i = 0; i < STEPS; i++) {
		step(model);
		check(test, model);
	}
	for (i = 0; i < BLOCKS; i++)
		if (model->writing[i])
			end_write(model, i);
	while (model->blocks->stale_count)
		invalidate(model, 0);
	for (i = 0; i < BLOCKS; i++)
		KUNIT_EXPECT_EQ(test, model->stored[i], model->wanted[i]);
	sp_blocks_free(model->blocks);
}

static struct kunit_case blocks_cases[] = {
	KUNIT_CASE(begins_empty),
	KUNIT_CASE(each_is_where_its_last_write_went),
	KUNIT_CASE(only_what_is_stored_becomes_stale),
	KUNIT_CASE(a_write_overtakes_what_is_stale),
	KUNIT_CASE(what_is_dropped_while_written_is_empty),
	KUNIT_CASE(nothing_is_lost_and_nothing_stays),
	{},
};

static struct kunit_suite blocks_suite = {
	.name = "stillpoint-tmem-blocks",
	.test_cases = blocks_cases,
};

kunit_test_suite(blocks_suite);
