// SPDX-License-Identifier: GPL-2.0
/* When sp_due() ends a round of quiesce, and with which reason. */
#include <kunit/test.h>
#include <linux/limits.h>

#include "due.h"

/* Nothing is wrong, and no time is up. */
static struct sp_due quiet(bool frozen)
{
	return (struct sp_due){
		.frozen = frozen,
		.whole = true,
		.now_us = 1000,
		.prepare_end_us = 2000,
		.hold_end_us = 3000,
		.lease_end_us = 4000,
	};
}

static void goes_on_while_all_is_well(struct kunit *test)
{
	struct sp_due due = quiet(false);

	KUNIT_EXPECT_EQ(test, sp_due(&due), STILLPOINT_QUIESCE_NONE);
	due.frozen = true;
	KUNIT_EXPECT_EQ(test, sp_due(&due), STILLPOINT_QUIESCE_NONE);
}

static void ask_ends_it(struct kunit *test)
{
	struct sp_due due = quiet(true);

	due.asked = true;
	KUNIT_EXPECT_EQ(test, sp_due(&due), STILLPOINT_QUIESCE_THAWED);
	due.frozen = false;
	KUNIT_EXPECT_EQ(test, sp_due(&due), STILLPOINT_QUIESCE_CANCELLED);
}

static void asked_late_is_still_thawed(struct kunit *test)
{
	struct sp_due due = quiet(true);

	due.asked = true;
	due.now_us = U64_MAX;
	KUNIT_EXPECT_EQ(test, sp_due(&due), STILLPOINT_QUIESCE_THAWED);
}

static void thawed_by_another_is_never_good(struct kunit *test)
{
	struct sp_due due = quiet(true);

	due.whole = false;
	KUNIT_EXPECT_EQ(test, sp_due(&due), STILLPOINT_QUIESCE_BROKEN);
	due.asked = true;
	KUNIT_EXPECT_EQ(test, sp_due(&due), STILLPOINT_QUIESCE_BROKEN);
}

static void restored_comes_before_all(struct kunit *test)
{
	struct sp_due due = quiet(true);

	due.restored = true;
	due.whole = false;
	due.asked = true;
	due.now_us = U64_MAX;
	KUNIT_EXPECT_EQ(test, sp_due(&due), STILLPOINT_QUIESCE_RESTORED);
}

static void each_time_is_up_at_its_end(struct kunit *test)
{
	struct sp_due due = quiet(true);

	due.now_us = 2999;
	KUNIT_EXPECT_EQ(test, sp_due(&due), STILLPOINT_QUIESCE_NONE);
	due.now_us = 3000;
	KUNIT_EXPECT_EQ(test, sp_due(&due), STILLPOINT_QUIESCE_EXPIRED);
	due.frozen = false;
	due.now_us = 1999;
	KUNIT_EXPECT_EQ(test, sp_due(&due), STILLPOINT_QUIESCE_NONE);
	due.now_us = 2000;
	KUNIT_EXPECT_EQ(test, sp_due(&due), STILLPOINT_QUIESCE_LATE);
}

static void lease_ends_either(struct kunit *test)
{
	struct sp_due due = quiet(true);

	due.lease_end_us = 1000;
	KUNIT_EXPECT_EQ(test, sp_due(&due), STILLPOINT_QUIESCE_DOM0_GONE);
	due.frozen = false;
	KUNIT_EXPECT_EQ(test, sp_due(&due), STILLPOINT_QUIESCE_DOM0_GONE);
}

static struct kunit_case due_cases[] = {
	KUNIT_CASE(goes_on_while_all_is_well),	KUNIT_CASE(ask_ends_it),
	KUNIT_CASE(asked_late_is_still_thawed), KUNIT_CASE(thawed_by_another_is_never_good),
	KUNIT_CASE(restored_comes_before_all),	KUNIT_CASE(each_time_is_up_at_its_end),
	KUNIT_CASE(lease_ends_either),		{},
};

static struct kunit_suite due_suite = {
	.name = "stillpoint-due",
	.test_cases = due_cases,
};

kunit_test_suite(due_suite);
