/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A store with the pools of one machine, as a saver sees the daemon's (tmem/protocol.h).
 * The guest changes them whenever a test says so.
 */
#ifndef STILLPOINT_FAKE_TMEM_H
#define STILLPOINT_FAKE_TMEM_H

#include "domain_file.h"
#include "pool_export.h"
#include "pools.h"

#define FAKE_EVENTS 65536

/* What may have changed. */
struct fake_event {
	enum tmem_record_type type;
	struct stillpoint_tmem_handle handle;
	struct stillpoint_tmem_pool pool;
};

/**
 * struct fake_tmem - the store
 * @live: what is in the pools
 * @mark: what was when they were marked
 * @exporting: an export is under way
 * @ephemeral: it has the contents of ephemeral pools
 * @held: the ring is not served
 * @marked: there is a mark
 * @events: what the export has to look at, from @first to @last - 1
 * @steps: a letter for each call: n for next, h for hold, r for release, R for released, c
 * @on_next: called before records are taken: the guest goes on, unless it is held
 * @on_serve: called when the ring is served for the last time before a hold, and for the first
 *	time behind it
 * @fail_step: the call of that letter fails, after @fail_after that do not
 * @expired: the hold ends by itself
 * @wrong: the totals are wrong
 * @incarnations: of pools, so far
 * @puts: so far, also what is put
 * @opened: how often it was opened
 * @appears: it has pools only when it is opened the second time
 */
struct fake_tmem {
	struct pool_export exp;
	struct machine *m;
	struct pools live;
	struct pools mark;
	bool exporting;
	bool ephemeral;
	bool held;
	bool marked;
	struct fake_event *events;
	unsigned int first;
	unsigned int last;
	char steps[65536];
	unsigned int nsteps;
	void (*on_next)(struct fake_tmem *f);
	void (*on_serve)(struct fake_tmem *f);
	char fail_step;
	unsigned int fail_after;
	bool expired;
	bool wrong;
	uint32_t incarnations;
	uint32_t puts;
	unsigned int opened;
	bool appears;
	uint8_t records[TMEM_RECORDS_MAX];
};

/* The pools of @m, of which there are none yet. */
struct fake_tmem *fake_tmem_new(struct machine *m);
void fake_tmem_free(struct fake_tmem *f);

/* What the guest does. */
void fake_pool(struct fake_tmem *f, uint32_t id, uint32_t flags);
void fake_destroy(struct fake_tmem *f, uint32_t id);
void fake_put(struct fake_tmem *f, uint32_t pool, uint64_t object, uint32_t index);
void fake_invalidate(struct fake_tmem *f, uint32_t pool, uint64_t object, uint32_t index);

#endif /* STILLPOINT_FAKE_TMEM_H */
