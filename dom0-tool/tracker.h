/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which pages change. A tracker makes sets: a page that is copied after a set was
 * made is consistent, or in the next set. The last set is made at the park; what is
 * in no set since it was copied last is as the guest left it.
 */
#ifndef STILLPOINT_TRACKER_H
#define STILLPOINT_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

#include "bitmap.h"
#include "harvest.h"
#include "inverse.h"
#include "logdirty.h"

struct tracker;

/**
 * struct tracker_ops - an implementation; all return 0, or -1 with an error recorded
 * @name: what --track calls it
 * @start: start tracking; the guest runs. stop() is due even if it fails
 * @harvest: have a set made; NULL if only the last set can be
 * @parked: have the last set made; the guest is parked and paused
 * @collect: add the set that was made to @set, which has a bit for each pfn. The
 *	memory was updated since the set was made
 * @stop: track no more. The guest runs or is in no need to, see harvest_stop()
 */
struct tracker_ops {
	const char *name;
	int (*start)(struct tracker *tracker);
	int (*harvest)(struct tracker *tracker);
	int (*parked)(struct tracker *tracker);
	int (*collect)(struct tracker *tracker, struct bitmap *set);
	void (*stop)(struct tracker *tracker);
};

/**
 * struct tracker - pages of a guest
 * @ops: NULL before tracker_start() and after tracker_stop()
 * @inverse: of the p2m at some time
 * @timeout_ms: how long the guest may take to make a set
 * @why: why it was this one that --track auto took, "" if there was no choice
 * @harvest: the module's sets
 * @log: the hypervisor's sets
 * @set: the module's set before the last, of the tracker that compares
 * @owed: what it expects in the module's next set
 * @last: the guest is parked, and there is no next set
 * @us: how long the last harvest took
 */
struct tracker {
	const struct tracker_ops *ops;
	struct domain *dom;
	struct channel *ch;
	struct ram *mem;
	const struct inverse *inverse;
	uint64_t timeout_ms;
	char why[256];
	struct harvest harvest;
	struct logdirty log;
	struct bitmap set;
	struct bitmap owed;
	bool last;
	uint64_t us;
};

/* The trackers, from the best to the worst, and the one that checks them. */
extern const struct tracker_ops tracker_guest;
extern const struct tracker_ops tracker_logdirty;
extern const struct tracker_ops tracker_none;
extern const struct tracker_ops tracker_compare;

/*
 * Find what --track calls @name. *ops becomes NULL for "auto". Returns 0, or -1 if
 * there is none.
 */
int tracker_find(const char *name, const struct tracker_ops **ops);

/*
 * Start @ops, or the best that works if it is NULL. @dom, @ch, @mem, @inverse and
 * @timeout_ms are set. Returns 0, or -1 with an error recorded.
 */
int tracker_start(struct tracker *tracker, const struct tracker_ops *ops);

/* Stop it; safe at any time. */
void tracker_stop(struct tracker *tracker);

/* True if the module's numbers are those of the last set. */
bool tracker_has_guest(const struct tracker *tracker);

#endif /* STILLPOINT_TRACKER_H */
