// SPDX-License-Identifier: GPL-2.0
/* Turns: one request for a block at a time, the others in their order. */
#include <kunit/test.h>

#include "tmem/turns.h"

#define MANY 300

static struct sp_turns *make(struct kunit *test)
{
	struct sp_turns *turns = kunit_kzalloc(test, sizeof(*turns), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, turns);
	sp_turns_init(turns);
	return turns;
}

static void different_blocks_do_not_wait(struct kunit *test)
{
	struct sp_turn *turn = kunit_kzalloc(test, MANY * sizeof(*turn), GFP_KERNEL);
	struct sp_turns *turns = make(test);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, turn);
	for (i = 0; i < MANY; i++) {
		KUNIT_EXPECT_NULL(test, sp_turns_holder(turns, i));
		KUNIT_EXPECT_TRUE(test, sp_turns_take(turns, &turn[i], i));
	}
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_PTR_EQ(test, sp_turns_holder(turns, i), &turn[i]);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_NULL(test, sp_turns_give(turns, &turn[i]));
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_NULL(test, sp_turns_holder(turns, i));
}

static void the_same_block_waits_in_order(struct kunit *test)
{
	struct sp_turns *turns = make(test);
	struct sp_turn first, second, third, other, waits;

	KUNIT_EXPECT_TRUE(test, sp_turns_take(turns, &first, 5));
	KUNIT_EXPECT_TRUE(test, sp_turns_take(turns, &other, U32_MAX));
	KUNIT_EXPECT_FALSE(test, sp_turns_take(turns, &second, 5));
	KUNIT_EXPECT_FALSE(test, sp_turns_take(turns, &waits, U32_MAX));
	KUNIT_EXPECT_FALSE(test, sp_turns_take(turns, &third, 5));
	KUNIT_EXPECT_PTR_EQ(test, sp_turns_give(turns, &first), &second);
	KUNIT_EXPECT_PTR_EQ(test, sp_turns_holder(turns, 5), &second);
	/* Who comes again comes last. */
	KUNIT_EXPECT_FALSE(test, sp_turns_take(turns, &first, 5));
	KUNIT_EXPECT_PTR_EQ(test, sp_turns_give(turns, &second), &third);
	KUNIT_EXPECT_PTR_EQ(test, sp_turns_give(turns, &third), &first);
	KUNIT_EXPECT_NULL(test, sp_turns_give(turns, &first));
	KUNIT_EXPECT_PTR_EQ(test, sp_turns_give(turns, &other), &waits);
	KUNIT_EXPECT_NULL(test, sp_turns_give(turns, &waits));
}

static struct kunit_case turns_cases[] = {
	KUNIT_CASE(different_blocks_do_not_wait),
	KUNIT_CASE(the_same_block_waits_in_order),
	{},
};

static struct kunit_suite turns_suite = {
	.name = "stillpoint-tmem-turns",
	.test_cases = turns_cases,
};

kunit_test_suite(turns_suite);
