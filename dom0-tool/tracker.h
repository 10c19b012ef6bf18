/* SPDX-License-Identifier: GPL-2.0 */
/* Which pages must be copied while the guest is parked. */
#ifndef STILLPOINT_TRACKER_H
#define STILLPOINT_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

struct tracker;

/**
 * struct tracker_ops - an implementation of struct tracker
 * @name: what --track calls it
 * @start: start tracking; the guest runs. 0, or -1 with an error recorded
 * @parked: the guest is parked and paused, and has @size pfns. 0, or -1 with an
 *	error recorded
 * @must_copy: after parked(): true if page @pfn may differ from any copy made
 *	since start()
 * @stop: stop tracking, on every path after start()
 */
struct tracker_ops {
	const char *name;
	int (*start)(struct tracker *tracker);
	int (*parked)(struct tracker *tracker, uint64_t size);
	bool (*must_copy)(const struct tracker *tracker, uint64_t pfn);
	void (*stop)(struct tracker *tracker);
};

struct tracker {
	const struct tracker_ops *ops;
};

/* Tracks nothing: every page is copied while the guest is parked. */
extern struct tracker tracker_none;

/* The tracker that --track calls @name, or NULL. */
struct tracker *tracker_find(const char *name);

#endif /* STILLPOINT_TRACKER_H */
