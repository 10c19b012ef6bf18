// SPDX-License-Identifier: GPL-2.0
/* The ids of tmem's pools. */
#include <kunit/test.h>

#include "tmem/ids.h"

static void gives_each_id_once(struct kunit *test)
{
	struct sp_ids ids = {};
	int i;

	KUNIT_EXPECT_TRUE(test, sp_ids_are_free(&ids));
	for (i = 1; i <= SP_POOL_IDS; i++) {
		KUNIT_EXPECT_EQ(test, sp_ids_take(&ids), i);
		KUNIT_EXPECT_FALSE(test, sp_ids_are_free(&ids));
	}
	KUNIT_EXPECT_EQ(test, sp_ids_take(&ids), -ENFILE);
}

static void the_lowest_free_one_is_next(struct kunit *test)
{
	struct sp_ids ids = {};
	int i;

	for (i = 0; i < SP_POOL_IDS; i++)
		sp_ids_take(&ids);
	sp_ids_put(&ids, SP_POOL_IDS);
	sp_ids_put(&ids, 3);
	KUNIT_EXPECT_EQ(test, sp_ids_take(&ids), 3);
	KUNIT_EXPECT_EQ(test, sp_ids_take(&ids), SP_POOL_IDS);
	for (i = 1; i <= SP_POOL_IDS; i++)
		sp_ids_put(&ids, i);
	KUNIT_EXPECT_TRUE(test, sp_ids_are_free(&ids));
}

static void each_has_a_place(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, sp_ids_place(1), 0u);
	KUNIT_EXPECT_EQ(test, sp_ids_place(SP_POOL_IDS), SP_POOL_IDS - 1u);
}

static struct kunit_case ids_cases[] = {
	KUNIT_CASE(gives_each_id_once),
	KUNIT_CASE(the_lowest_free_one_is_next),
	KUNIT_CASE(each_has_a_place),
	{},
};

static struct kunit_suite ids_suite = {
	.name = "stillpoint-tmem-ids",
	.test_cases = ids_cases,
};

kunit_test_suite(ids_suite);
