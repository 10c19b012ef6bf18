// SPDX-License-Identifier: GPL-2.0
/* Nothing is tracked: every page may have changed. */
#include "tracker.h"

static int none_nothing(struct tracker *tracker)
{
	(void)tracker;
	return 0;
}

static int none_collect(struct tracker *tracker, struct bitmap *set)
{
	(void)tracker;
	bitmap_fill(set, 0);
	return 0;
}

static void none_stop(struct tracker *tracker)
{
	(void)tracker;
}

const struct tracker_ops tracker_none = {
	.name = "none",
	.start = none_nothing,
	.parked = none_nothing,
	.collect = none_collect,
	.stop = none_stop,
};
