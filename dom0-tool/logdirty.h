/* SPDX-License-Identifier: GPL-2.0 */
/* Sets of dirty pages that the hypervisor makes, where it can (it needs shadow paging). */
#ifndef STILLPOINT_LOGDIRTY_H
#define STILLPOINT_LOGDIRTY_H

#include "bitmap.h"
#include "domain.h"

/**
 * struct logdirty - the hypervisor's log
 * @on: it logs, as far as we know
 * @set: pages written between the last two logdirty_next()
 */
struct logdirty {
	struct domain *dom;
	bool on;
	struct bitmap set;
};

/*
 * Start to log the writes to @pfns pages. Returns 0, or -1 with an error recorded;
 * logdirty_stop() is due either way.
 */
int logdirty_start(struct logdirty *log, struct domain *dom, uint64_t pfns);

/* Take the set, and begin another. There are @pfns pages by now. 0 or -1, recorded. */
int logdirty_next(struct logdirty *log, uint64_t pfns);

/*
 * The same for the last set. A log that somebody switched off meanwhile, which had empty sets
 * since, is an error: one that is on cannot be switched on.
 */
int logdirty_last(struct logdirty *log, uint64_t pfns);

/* Log no more. */
void logdirty_stop(struct logdirty *log);

#endif /* STILLPOINT_LOGDIRTY_H */
