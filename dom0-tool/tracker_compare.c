// SPDX-License-Identifier: GPL-2.0
/*
 * Both trackers at once, for tests: what the hypervisor saw written must be in the
 * module's sets. The hypervisor's set is taken right before the module's; a write
 * between the two is in the module's set at once, and in the hypervisor's next.
 * An entry that the guest moves from a table that the module has not seen yet to one
 * that it has seen (mremap) is in the module's next set; in the last there is none.
 * A page that was written and has no frame any more (ballooned out) has nothing to copy.
 */
#include "msg.h"
#include "page.h"
#include "tracker.h"

static int compare_start(struct tracker *t)
{
	if (bitmap_grow(&t->set, t->mem->size) || logdirty_start(&t->log, t->dom, t->mem->size) ||
	    harvest_start(&t->harvest, t->ch, t->mem, 0, t->timeout_ms))
		return -1;
	t->us = t->harvest.us;
	/* The first set of an epoch holds nothing to compare with. */
	return logdirty_next(&t->log, t->mem->size);
}

static int compare_harvest(struct tracker *t)
{
	if (logdirty_next(&t->log, t->mem->size) || harvest_next(&t->harvest))
		return -1;
	t->us = t->harvest.us;
	return 0;
}

static int compare_parked(struct tracker *t)
{
	t->last = true;
	return logdirty_next(&t->log, t->mem->size) || harvest_parked(&t->harvest) ? -1 : 0;
}

/* Count those of the owed pages that are not in @now. *first is the first of them. */
static uint64_t compare_missed(const struct tracker *t, const struct bitmap *now, uint64_t *first)
{
	const struct bitmap *owed = &t->owed;
	uint64_t missed = 0, pfn;

	for (pfn = bitmap_next(owed, 0); pfn < owed->bits; pfn = bitmap_next(owed, pfn + 1))
		if (!bitmap_test(now, pfn) && t->mem->p2m[pfn] <= MFN_MAX && !missed++)
			*first = pfn;
	return missed;
}

/* Expect what of the hypervisor's set is neither in @now nor in the set before. */
static void compare_owe(struct tracker *t, const struct bitmap *now)
{
	const struct bitmap *seen = &t->log.set;
	uint64_t pfn;

	bitmap_zero(&t->owed);
	for (pfn = bitmap_next(seen, 0); pfn < seen->bits; pfn = bitmap_next(seen, pfn + 1))
		if (!bitmap_test(now, pfn) && !bitmap_test(&t->set, pfn))
			bitmap_set(&t->owed, pfn);
}

static int compare_sets(struct tracker *t, const struct bitmap *now)
{
	uint64_t first = 0, missed = compare_missed(t, now, &first);

	compare_owe(t, now);
	if (!missed && t->last)
		missed = compare_missed(t, now, &first);
	if (!missed)
		return 0;
	return msg_error(
		"the module missed pfn %#llx (machine frame %#llx), which the hypervisor saw written, and %llu more; epoch %u, set %u",
		(unsigned long long)first, (unsigned long long)t->mem->p2m[first],
		(unsigned long long)(missed - 1), t->harvest.half.epoch, t->harvest.half.harvests);
}

static int compare_collect(struct tracker *t, struct bitmap *set)
{
	struct bitmap now = { 0 };
	int ret = -1;

	if (bitmap_grow(&t->set, set->bits) || bitmap_grow(&t->owed, set->bits) ||
	    bitmap_grow(&now, set->bits) || harvest_collect(&t->harvest, &now) ||
	    compare_sets(t, &now))
		goto out;
	bitmap_zero(&t->set);
	bitmap_or(&t->set, &now);
	bitmap_or(set, &now);
	ret = 0;
out:
	bitmap_free(&now);
	return ret;
}

static void compare_stop(struct tracker *t)
{
	logdirty_stop(&t->log);
	harvest_stop(&t->harvest);
	bitmap_free(&t->set);
	bitmap_free(&t->owed);
}

const struct tracker_ops tracker_compare = {
	.name = "compare",
	.start = compare_start,
	.harvest = compare_harvest,
	.parked = compare_parked,
	.collect = compare_collect,
	.stop = compare_stop,
};
