// SPDX-License-Identifier: GPL-2.0
/* The slots of tmem's window: that an answer finds its request, and no other one does. */
#include <kunit/test.h>

#include "tmem/slots.h"

static void gives_each_slot_once(struct kunit *test)
{
	static const unsigned int counts[] = { 1, 2, 63, STILLPOINT_TMEM_SLOTS_MAX };
	struct sp_slots slots = {};
	unsigned int i, n;
	u64 seen;
	int slot;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		sp_slots_init(&slots, counts[i]);
		KUNIT_EXPECT_TRUE(test, sp_slots_are_free(&slots));
		for (seen = 0, n = 0; n < counts[i]; n++) {
			slot = sp_slots_take(&slots);
			KUNIT_ASSERT_GE(test, slot, 0);
			KUNIT_ASSERT_LT(test, slot, (int)counts[i]);
			KUNIT_EXPECT_FALSE(test, seen >> slot & 1);
			seen |= 1ULL << slot;
		}
		KUNIT_EXPECT_EQ(test, sp_slots_take(&slots), -EBUSY);
		sp_slots_put(&slots, counts[i] - 1);
		KUNIT_EXPECT_EQ(test, sp_slots_take(&slots), (int)counts[i] - 1);
	}
}

static void an_id_finds_its_slot(struct kunit *test)
{
	struct sp_slots slots = {};
	int slot, other;

	sp_slots_init(&slots, STILLPOINT_TMEM_SLOTS_MAX);
	slot = sp_slots_take(&slots);
	other = sp_slots_take(&slots);
	KUNIT_EXPECT_EQ(test, sp_slots_find(&slots, sp_slots_id(&slots, slot)), slot);
	KUNIT_EXPECT_EQ(test, sp_slots_find(&slots, sp_slots_id(&slots, other)), other);
}

static void an_answer_counts_once(struct kunit *test)
{
	struct sp_slots slots = {};
	int slot;
	u32 id;

	sp_slots_init(&slots, STILLPOINT_TMEM_SLOTS_MAX);
	slot = sp_slots_take(&slots);
	id = sp_slots_id(&slots, slot);
	sp_slots_put(&slots, slot);
	KUNIT_EXPECT_EQ(test, sp_slots_find(&slots, id), -ENOENT);
	/* The slot's next request is another. */
	KUNIT_ASSERT_EQ(test, sp_slots_take(&slots), slot);
	KUNIT_EXPECT_EQ(test, sp_slots_find(&slots, id), -ENOENT);
	KUNIT_EXPECT_NE(test, sp_slots_id(&slots, slot), id);
}

static void an_answer_of_another_session_is_none(struct kunit *test)
{
	struct sp_slots slots = {};
	u32 id;

	sp_slots_init(&slots, 4);
	id = sp_slots_id(&slots, sp_slots_take(&slots));
	sp_slots_init(&slots, 4);
	KUNIT_EXPECT_EQ(test, sp_slots_find(&slots, id), -ENOENT);
	sp_slots_take(&slots);
	KUNIT_EXPECT_EQ(test, sp_slots_find(&slots, id), -ENOENT);
}

static void what_was_never_asked_is_none(struct kunit *test)
{
	static const u32 ids[] = { 0, 1, 3, 4, 63, 64, 255, 256, 257, 0x80000000, U32_MAX };
	struct sp_slots slots = {};
	unsigned int i;

	sp_slots_init(&slots, 4);
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		KUNIT_EXPECT_EQ(test, sp_slots_find(&slots, ids[i]), -ENOENT);
}

static void turns_wrap(struct kunit *test)
{
	struct sp_slots slots = { .turn = U32_MAX };
	int slot;

	sp_slots_init(&slots, 4);
	slot = sp_slots_take(&slots);
	KUNIT_EXPECT_EQ(test, sp_slots_find(&slots, sp_slots_id(&slots, slot)), slot);
}

static struct kunit_case slots_cases[] = {
	KUNIT_CASE(gives_each_slot_once),
	KUNIT_CASE(an_id_finds_its_slot),
	KUNIT_CASE(an_answer_counts_once),
	KUNIT_CASE(an_answer_of_another_session_is_none),
	KUNIT_CASE(what_was_never_asked_is_none),
	KUNIT_CASE(turns_wrap),
	{},
};

static struct kunit_suite slots_suite = {
	.name = "stillpoint-tmem-slots",
	.test_cases = slots_cases,
};

kunit_test_suite(slots_suite);
