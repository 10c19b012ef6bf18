// SPDX-License-Identifier: GPL-2.0
#include "tracker.h"

static int none_start(struct tracker *tracker)
{
	(void)tracker;
	return 0;
}

static int none_parked(struct tracker *tracker, uint64_t size)
{
	(void)tracker;
	(void)size;
	return 0;
}

static bool none_must_copy(const struct tracker *tracker, uint64_t pfn)
{
	(void)tracker;
	(void)pfn;
	return true;
}

static void none_stop(struct tracker *tracker)
{
	(void)tracker;
}

static const struct tracker_ops none_ops = {
	.name = "none",
	.start = none_start,
	.parked = none_parked,
	.must_copy = none_must_copy,
	.stop = none_stop,
};

struct tracker tracker_none = { .ops = &none_ops };
