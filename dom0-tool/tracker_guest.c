// SPDX-License-Identifier: GPL-2.0
/* The guest's module tracks. */
#include "tracker.h"

static int guest_start(struct tracker *t)
{
	if (harvest_start(&t->harvest, t->ch, t->mem, 0, t->timeout_ms))
		return -1;
	t->us = t->harvest.us;
	return 0;
}

static int guest_harvest(struct tracker *t)
{
	if (harvest_next(&t->harvest))
		return -1;
	t->us = t->harvest.us;
	return 0;
}

static int guest_parked(struct tracker *t)
{
	return harvest_parked(&t->harvest);
}

static int guest_collect(struct tracker *t, struct bitmap *set)
{
	return harvest_collect(&t->harvest, set);
}

static void guest_stop(struct tracker *t)
{
	harvest_stop(&t->harvest);
}

const struct tracker_ops tracker_guest = {
	.name = "guest",
	.start = guest_start,
	.harvest = guest_harvest,
	.parked = guest_parked,
	.collect = guest_collect,
	.stop = guest_stop,
};
