// SPDX-License-Identifier: GPL-2.0
/* What sp_decide() makes of a request, and the two conversions of TSC cycles. */
#include <kunit/test.h>
#include <linux/limits.h>

#include <stillpoint/control.h>

#include "decide.h"

#define HALF_RANGE 0x80000000u

#define LAST U32_MAX

static enum sp_verdict verdict(u32 request, u32 taken)
{
	const struct sp_ask ask = {
		.request = request,
		.op = STILLPOINT_OP_PARK,
		.deadline_us = STILLPOINT_DEADLINE_MAX_US,
	};

	return sp_decide(&ask, taken);
}

static void zero_is_no_request(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, verdict(0, 0), SP_IGNORE);
	KUNIT_EXPECT_EQ(test, verdict(0, 1), SP_IGNORE);
	KUNIT_EXPECT_EQ(test, verdict(0, HALF_RANGE), SP_IGNORE);
	/* Serial-number arithmetic alone would call 0 the next one here. */
	KUNIT_EXPECT_EQ(test, verdict(0, LAST), SP_IGNORE);
}

static void next_request_parks(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, verdict(1, 0), SP_PARK);
	KUNIT_EXPECT_EQ(test, verdict(2, 1), SP_PARK);
	KUNIT_EXPECT_EQ(test, verdict(HALF_RANGE, HALF_RANGE - 1), SP_PARK);
	KUNIT_EXPECT_EQ(test, verdict(LAST, LAST - 1), SP_PARK);
}

static void skipped_numbers_park(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, verdict(1000, 1), SP_PARK);
	KUNIT_EXPECT_EQ(test, verdict(LAST, HALF_RANGE), SP_PARK);
}

static void repeat_is_ignored(struct kunit *test)
{
	static const u32 numbers[] = { 1, 2, HALF_RANGE - 1, HALF_RANGE, HALF_RANGE + 1, LAST };
	struct sp_ask ask = {};
	int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		ask.request = numbers[i];
		ask.op = STILLPOINT_OP_PARK;
		ask.cancel = 0;
		KUNIT_EXPECT_EQ(test, sp_decide(&ask, numbers[i]), SP_IGNORE);
		ask.op = U32_MAX;
		KUNIT_EXPECT_EQ(test, sp_decide(&ask, numbers[i]), SP_IGNORE);
		ask.cancel = numbers[i];
		KUNIT_EXPECT_EQ(test, sp_decide(&ask, numbers[i]), SP_IGNORE);
	}
}

static void older_is_ignored(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, verdict(1, 2), SP_IGNORE);
	KUNIT_EXPECT_EQ(test, verdict(1, 1000), SP_IGNORE);
	KUNIT_EXPECT_EQ(test, verdict(HALF_RANGE, LAST), SP_IGNORE);
}

static void numbers_wrap(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, verdict(1, LAST), SP_PARK);
	KUNIT_EXPECT_EQ(test, verdict(16, LAST - 15), SP_PARK);
	KUNIT_EXPECT_EQ(test, verdict(LAST, 1), SP_IGNORE);
	KUNIT_EXPECT_EQ(test, verdict(LAST - 15, 16), SP_IGNORE);
}

static void half_range_divides_new_from_old(struct kunit *test)
{
	static const u32 taken[] = { 0, 1, 77, HALF_RANGE - 1, HALF_RANGE + 1, LAST - 1, LAST };
	int i;

	for (i = 0; i < ARRAY_SIZE(taken); i++) {
		u32 newest = taken[i] + (HALF_RANGE - 1);

		/* Half of 2^32 ahead is as far behind: RFC 1982 leaves it undefined. */
		KUNIT_EXPECT_EQ(test, verdict(newest, taken[i]), newest ? SP_PARK : SP_IGNORE);
		KUNIT_EXPECT_EQ(test, verdict(newest + 1, taken[i]), SP_IGNORE);
		KUNIT_EXPECT_EQ(test, verdict(newest + 2, taken[i]), SP_IGNORE);
	}
}

static void cancelled_before_taken(struct kunit *test)
{
	struct sp_ask ask = { .request = 7, .op = STILLPOINT_OP_PARK, .cancel = 7 };

	KUNIT_EXPECT_EQ(test, sp_decide(&ask, 6), SP_CANCELLED);
	KUNIT_EXPECT_EQ(test, sp_decide(&ask, LAST), SP_CANCELLED);
	/* Given up is given up, whatever it asked for. */
	ask.op = U32_MAX;
	KUNIT_EXPECT_EQ(test, sp_decide(&ask, 6), SP_CANCELLED);
}

static void cancel_of_another_request_parks(struct kunit *test)
{
	struct sp_ask ask = { .request = 7, .op = STILLPOINT_OP_PARK };
	static const u32 others[] = { 0, 1, 6, 8, 7 + HALF_RANGE, LAST };
	int i;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		ask.cancel = others[i];
		KUNIT_EXPECT_EQ(test, sp_decide(&ask, 6), SP_PARK);
	}
}

static void each_operation_has_its_verdict(struct kunit *test)
{
	struct sp_ask ask = { .request = 7 };

	ask.op = STILLPOINT_OP_PARK;
	KUNIT_EXPECT_EQ(test, sp_decide(&ask, 6), SP_PARK);
	ask.op = STILLPOINT_OP_HARVEST;
	KUNIT_EXPECT_EQ(test, sp_decide(&ask, 6), SP_HARVEST);
	ask.op = STILLPOINT_OP_UNTRACK;
	KUNIT_EXPECT_EQ(test, sp_decide(&ask, 6), SP_UNTRACK);
	/* A harvest that is made twice forgets what the first one found. */
	KUNIT_EXPECT_EQ(test, sp_decide(&ask, 7), SP_IGNORE);
}

static void lease_is_clamped(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, sp_lease_ms(0), 1000u);
	KUNIT_EXPECT_EQ(test, sp_lease_ms(STILLPOINT_LEASE_MIN_US - 1), 1000u);
	KUNIT_EXPECT_EQ(test, sp_lease_ms(STILLPOINT_LEASE_MIN_US + 1000), 1001u);
	KUNIT_EXPECT_EQ(test, sp_lease_ms(STILLPOINT_LEASE_MAX_US), 600000u);
	KUNIT_EXPECT_EQ(test, sp_lease_ms(STILLPOINT_LEASE_MAX_US + 1), 600000u);
	KUNIT_EXPECT_EQ(test, sp_lease_ms(U64_MAX), 600000u);
}

static void unknown_operation_is_refused(struct kunit *test)
{
	static const u32 ops[] = {
		STILLPOINT_OP_NONE,
		STILLPOINT_OP_UNTRACK + 1,
		0x100 | STILLPOINT_OP_PARK,
		HALF_RANGE | STILLPOINT_OP_PARK,
		U32_MAX,
	};
	struct sp_ask ask = { .request = 7 };
	int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		ask.op = ops[i];
		KUNIT_EXPECT_EQ(test, sp_decide(&ask, 6), SP_REFUSE);
	}
}

static void deadline_is_clamped_from_below(struct kunit *test)
{
	const u64 shortest = 3000000; /* 1 ms at 3 GHz */

	KUNIT_EXPECT_EQ(test, sp_deadline_cycles(0, 3000000), shortest);
	KUNIT_EXPECT_EQ(test, sp_deadline_cycles(1, 3000000), shortest);
	KUNIT_EXPECT_EQ(test, sp_deadline_cycles(STILLPOINT_DEADLINE_MIN_US - 1, 3000000),
			shortest);
	KUNIT_EXPECT_EQ(test, sp_deadline_cycles(STILLPOINT_DEADLINE_MIN_US, 3000000), shortest);
	KUNIT_EXPECT_EQ(test, sp_deadline_cycles(STILLPOINT_DEADLINE_MIN_US + 1, 3000000),
			shortest + 3000);
}

static void deadline_is_clamped_from_above(struct kunit *test)
{
	const u64 longest = 180000000000; /* 60 s at 3 GHz */

	KUNIT_EXPECT_EQ(test, sp_deadline_cycles(STILLPOINT_DEADLINE_MAX_US - 1, 3000000),
			longest - 3000);
	KUNIT_EXPECT_EQ(test, sp_deadline_cycles(STILLPOINT_DEADLINE_MAX_US, 3000000), longest);
	KUNIT_EXPECT_EQ(test, sp_deadline_cycles(STILLPOINT_DEADLINE_MAX_US + 1, 3000000), longest);
	/* Short in 32 bits, and negative in 64. */
	KUNIT_EXPECT_EQ(test, sp_deadline_cycles(1ULL << 32 | 5000, 3000000), longest);
	KUNIT_EXPECT_EQ(test, sp_deadline_cycles(1ULL << 63, 3000000), longest);
	KUNIT_EXPECT_EQ(test, sp_deadline_cycles(U64_MAX, 3000000), longest);
}

static void deadline_between_the_bounds(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, sp_deadline_cycles(5000, 2400000), 12000000ULL);
	KUNIT_EXPECT_EQ(test, sp_deadline_cycles(250000, 1996249), 499062250ULL);
	KUNIT_EXPECT_EQ(test, sp_deadline_cycles(1001, 1999), 2000ULL);
}

static void deadline_of_the_fastest_tsc(struct kunit *test)
{
	/* 60 s of (2^32 - 1) kHz: the product has 58 bits. */
	KUNIT_EXPECT_EQ(test, sp_deadline_cycles(STILLPOINT_DEADLINE_MAX_US, U32_MAX),
			257698037700000ULL);
	KUNIT_EXPECT_EQ(test, sp_deadline_cycles(U64_MAX, U32_MAX), 257698037700000ULL);
	KUNIT_EXPECT_EQ(test, sp_deadline_cycles(STILLPOINT_DEADLINE_MIN_US, U32_MAX),
			(u64)U32_MAX);
}

static void cycles_round_down_to_us(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, sp_cycles_to_us(0, 3000000), 0ULL);
	KUNIT_EXPECT_EQ(test, sp_cycles_to_us(2999, 3000000), 0ULL);
	KUNIT_EXPECT_EQ(test, sp_cycles_to_us(3000, 3000000), 1ULL);
	KUNIT_EXPECT_EQ(test, sp_cycles_to_us(5999, 3000000), 1ULL);
	KUNIT_EXPECT_EQ(test, sp_cycles_to_us(12000000, 2400000), 5000ULL);
}

static void cycles_of_an_unknown_tsc(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, sp_cycles_to_us(0, 0), 0ULL);
	KUNIT_EXPECT_EQ(test, sp_cycles_to_us(1, 0), 0ULL);
	KUNIT_EXPECT_EQ(test, sp_cycles_to_us(U64_MAX, 0), 0ULL);
}

static void cycles_that_overflow_in_64_bits(struct kunit *test)
{
	/* Times 1000, each of these needs more than 64 bits. */
	KUNIT_EXPECT_EQ(test, sp_cycles_to_us(1ULL << 60, 1 << 20), 1099511627776000ULL);
	KUNIT_EXPECT_EQ(test, sp_cycles_to_us(U64_MAX, 1000), U64_MAX);
	KUNIT_EXPECT_EQ(test, sp_cycles_to_us(U64_MAX, 3000000), 6148914691236517ULL);
	/* 2^64 - 1 = (2^32 - 1) * (2^32 + 1) */
	KUNIT_EXPECT_EQ(test, sp_cycles_to_us(U64_MAX, U32_MAX), 4294967297000ULL);
}

static void deadline_survives_the_way_back(struct kunit *test)
{
	static const u32 khz[] = { 1000, 1996249, 2400000, 3000000, U32_MAX };
	static const u64 us[] = { STILLPOINT_DEADLINE_MIN_US, 1001, 33333, 59999999,
				  STILLPOINT_DEADLINE_MAX_US };
	int i, j;

	for (i = 0; i < ARRAY_SIZE(khz); i++) {
		for (j = 0; j < ARRAY_SIZE(us); j++) {
			u64 back = sp_cycles_to_us(sp_deadline_cycles(us[j], khz[i]), khz[i]);

			/* Both ways round down. */
			KUNIT_EXPECT_LE(test, back, us[j]);
			KUNIT_EXPECT_GE(test, back + 1, us[j]);
		}
	}
}

static struct kunit_case decide_cases[] = {
	KUNIT_CASE(zero_is_no_request),
	KUNIT_CASE(next_request_parks),
	KUNIT_CASE(skipped_numbers_park),
	KUNIT_CASE(repeat_is_ignored),
	KUNIT_CASE(older_is_ignored),
	KUNIT_CASE(numbers_wrap),
	KUNIT_CASE(half_range_divides_new_from_old),
	KUNIT_CASE(cancelled_before_taken),
	KUNIT_CASE(cancel_of_another_request_parks),
	KUNIT_CASE(each_operation_has_its_verdict),
	KUNIT_CASE(lease_is_clamped),
	KUNIT_CASE(unknown_operation_is_refused),
	KUNIT_CASE(deadline_is_clamped_from_below),
	KUNIT_CASE(deadline_is_clamped_from_above),
	KUNIT_CASE(deadline_between_the_bounds),
	KUNIT_CASE(deadline_of_the_fastest_tsc),
	KUNIT_CASE(cycles_round_down_to_us),
	KUNIT_CASE(cycles_of_an_unknown_tsc),
	KUNIT_CASE(cycles_that_overflow_in_64_bits),
	KUNIT_CASE(deadline_survives_the_way_back),
	{},
};

static struct kunit_suite decide_suite = {
	.name = "stillpoint-decide",
	.test_cases = decide_cases,
};

kunit_test_suite(decide_suite);
