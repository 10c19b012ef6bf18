// SPDX-License-Identifier: GPL-2.0
/*
 * The hypervisor tracks the guest's own writes; what backends and the hypervisor
 * itself write is told by the module. If it cannot, what backends may write is looked
 * up in the grant table; the hypervisor logs a page that they wrote once they unmap it.
 */
#include <string.h>

#include "clock.h"
#include "control.h"
#include "grants.h"
#include "msg.h"
#include "tracker.h"

static int log_start(struct tracker *t)
{
	uint64_t start = clock_us();
	struct stillpoint_guest_half half;

	if (control_get(t->ch, &half) || logdirty_start(&t->log, t->dom, t->mem->size))
		return -1;
	if ((half.features & STILLPOINT_FEATURE_TRACK) &&
	    harvest_start(&t->harvest, t->ch, t->mem, STILLPOINT_TRACK_EXTRAS, t->timeout_ms))
		return -1;
	t->us = clock_us() - start;
	return logdirty_next(&t->log, t->mem->size);
}

static int log_harvest(struct tracker *t)
{
	uint64_t start = clock_us();

	if (t->harvest.tracked && harvest_next(&t->harvest))
		return -1;
	if (logdirty_next(&t->log, t->mem->size))
		return -1;
	t->us = clock_us() - start;
	return 0;
}

static int log_parked(struct tracker *t)
{
	if (t->harvest.tracked && harvest_parked(&t->harvest))
		return -1;
	return logdirty_last(&t->log, t->mem->size);
}

static int log_collect_grants(struct tracker *t, struct bitmap *set)
{
	int ret = grants_mark(t->dom, t->mem, t->inverse, set);

	return ret ? msg_error("cannot read the guest's grants: %s", strerror(-ret)) : 0;
}

static int log_collect(struct tracker *t, struct bitmap *set)
{
	bitmap_or(set, &t->log.set);
	return tracker_has_guest(t) ? harvest_collect(&t->harvest, set) :
				      log_collect_grants(t, set);
}

static void log_stop(struct tracker *t)
{
	logdirty_stop(&t->log);
	harvest_stop(&t->harvest);
}

const struct tracker_ops tracker_logdirty = {
	.name = "logdirty",
	.start = log_start,
	.harvest = log_harvest,
	.parked = log_parked,
	.collect = log_collect,
	.stop = log_stop,
};
