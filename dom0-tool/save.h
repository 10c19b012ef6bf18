/* SPDX-License-Identifier: GPL-2.0 */
/* Saving a guest: domain -> tracker -> image writer, in the one right order. */
#ifndef STILLPOINT_SAVE_H
#define STILLPOINT_SAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "audit.h"
#include "disk_hook.h"
#include "domain.h"
#include "freeze.h"
#include "image/image.h"
#include "image/tmem_state.h"
#include "tracker.h"

/*
 * What may be reported while a save goes on, in this order. SAVE_TRACKING and the
 * rounds are missing if nothing is tracked; between two rounds comes SAVE_HARVESTED.
 * After SAVE_FROZEN there is another round. What was not asked for is missing, too.
 */
#define SAVE_TRACKING "tracking"
#define SAVE_ROUND "round %u"
#define SAVE_HARVESTED "harvested"
#define SAVE_FREEZING "freezing"
#define SAVE_FROZEN "frozen"
#define SAVE_REQUESTING "requesting"
#define SAVE_PARKED "parked"
#define SAVE_DRAINING "draining"
#define SAVE_HOOK "disk hook"
#define SAVE_PAUSED "paused"
#define SAVE_COPYING "copying"
#define SAVE_COPIED "copied"
#define SAVE_FLIPPED "flipped"
#define SAVE_RUNNING "running"
#define SAVE_THAWED "thawed"
#define SAVE_WRITING "writing"
#define SAVE_WRITTEN "written"
#define SAVE_SYNCED "synced"
#define SAVE_RENAMED "renamed"

enum save_after {
	SAVE_RUN_ON, /* the guest runs on as soon as it is copied */
	SAVE_PAUSE,  /* it stays paused, with rax flipped, when the image is complete */
	SAVE_STOP,   /* it is destroyed when the image is complete */
};

/**
 * struct save_options - how
 * @path: of the image
 * @replace: an existing file may be replaced
 * @after: what becomes of the guest
 * @park_timeout_ms: how long the guest may take for a set of dirty pages, and to park
 * @deadline_ms: how long it stays in its loop when nobody pauses it
 * @staging: bytes of memory for the copy
 * @track: how dirty pages are found, NULL for the best way
 * @max_rounds: how often pages are copied while the guest runs; 1 to SAVE_ROUNDS_MAX
 * @threads: that copy, and that compress
 * @max_pause_us: refuse to park if a longer pause is expected; 0 for any
 * @force_pause: park nevertheless
 * @image: the layout; readable, threads and pfns_max are set here
 * @audit: compare the image with the guest before it runs on
 * @ephemeral: the contents of ephemeral tmem pools are copied, too
 * @tmem_path: of a side file for the tmem pools, with xl's layout only; NULL for none
 * @freeze: keep the guest's file systems frozen while it parks, NULL for not
 * @hook: run this for the disks while the guest is parked, NULL for nothing
 * @disks: the guest's, as the hook is to find them; NULL to look when the save begins
 * @note: told of what was decided; only while the guest runs
 * @phase: told of each phase; must not block for long, the guest may be paused
 * @progress: told of pages written, of how many, and in which round, 0 being after
 *	the park; only while the guest runs
 */
struct save_options {
	const char *path;
	bool replace;
	enum save_after after;
	uint64_t park_timeout_ms;
	uint64_t deadline_ms;
	uint64_t staging;
	const struct tracker_ops *track;
	uint64_t max_rounds;
	uint64_t threads;
	uint64_t max_pause_us;
	bool force_pause;
	struct image_options image;
	bool audit;
	bool ephemeral;
	const char *tmem_path;
	const struct freeze_options *freeze;
	const struct disk_hook *hook;
	const struct disks *disks;
	void (*phase)(const char *name);
	void (*note)(const char *text);
	void (*progress)(unsigned int round, uint64_t done, uint64_t total);
};

#define SAVE_ROUNDS_MAX 100

/* How long backends may take to answer what a parked guest asked for before. */
#define SAVE_DRAIN_MS 5000

/**
 * struct save_round - pages that were copied while the guest ran; times in microseconds
 * @set: pages in the set that began it; in the first round all pages that are not free
 * @sent: pages copied
 * @send_us: to copy and write them
 * @interval_us: from the set before to this one; 0 in the first round
 * @harvest_us: to have the set made
 * @guest_harvest_us: of these, the guest's own measure
 * @slice_max_us: the longest that it stopped the guest's CPUs
 * @slices: how often it did
 * @hooks: see control.h
 */
struct save_round {
	uint64_t set;
	uint64_t sent;
	uint64_t send_us;
	uint64_t interval_us;
	uint64_t harvest_us;
	uint64_t guest_harvest_us;
	uint32_t slice_max_us;
	uint32_t slices;
	uint64_t hooks;
};

/**
 * struct save_tmem - what was copied of tmem pools
 * @any: there are pools
 * @sum: that are in the image
 * @live: pages that were copied before the guest was parked, again if they changed
 * @rest: pages copied behind that
 * @invalidates: handles that were invalidated after their page was copied
 * @hold_us: what it took to stop the ring and mark the pools, which is part of the pause
 * @release_us: and to serve the ring again
 */
struct save_tmem {
	bool any;
	struct tmem_sum sum;
	uint64_t live;
	uint64_t rest;
	uint64_t invalidates;
	uint64_t hold_us;
	uint64_t release_us;
};

/**
 * struct save_result - what happened; times in microseconds
 * @tracker: what --track calls the one that was used, NULL if none was started
 * @why: why it was not a better one, "" if there is nothing to say
 * @rounds: what was copied while the guest ran
 * @bytes: length of the image
 * @pages: pages that the image describes, those that are free among them
 * @free: of these, those that the guest has free
 * @sent: pages written while the guest ran; a page may have been written repeatedly
 * @last_set: pages in the set made at the park
 * @pending: pages that were left for the pause, and not free then
 * @staged: of these, copied to memory; of the rest, those with data were written
 * @predicted_pause_us: before the park
 * @request_to_parked_us: from the request until the guest was seen parked
 * @set_us: to find what must be copied
 * @copy_us: to copy it
 * @flip_us: to let the guest go
 * @pause_us: from the guest seen parked to its unpause
 * @domain_pause_us: from its pause to its unpause
 * @total_us: of all
 * @guest_park_us: the guest's own measure, 0 if it did not say
 * @guest_stop_us: of these, until it was in its loop
 * @guest_set_us: of these, to make the last set
 * @guest_free_us: of @guest_stop_us, to find its free pages
 * @guest_run_us: since it left its loop
 * @freeze_us: to freeze the guest's file systems, hooks included
 * @frozen_us: from there until they were thawed
 * @frozen: how many there were
 * @drain_us: of @pause_us, until the guest's block requests were answered
 * @hook_us: and to run the disk hook
 * @hook_time: when that had done its part, in seconds since 1970
 * @confirmed: the guest said that it runs on
 * @audit: what was found
 * @tmem: what was copied beside the memory
 */
struct save_result {
	const char *tracker;
	char why[256];
	struct save_round rounds[SAVE_ROUNDS_MAX + 1];
	unsigned int nrounds;
	uint64_t bytes;
	uint64_t pages;
	uint64_t free;
	uint64_t sent;
	uint64_t last_set;
	uint64_t pending;
	uint64_t staged;
	uint64_t predicted_pause_us;
	uint64_t request_to_parked_us;
	uint64_t set_us;
	uint64_t copy_us;
	uint64_t flip_us;
	uint64_t pause_us;
	uint64_t domain_pause_us;
	uint64_t total_us;
	uint64_t guest_park_us;
	uint64_t guest_stop_us;
	uint64_t guest_set_us;
	uint64_t guest_free_us;
	uint64_t guest_run_us;
	uint64_t freeze_us;
	uint64_t frozen_us;
	uint64_t frozen;
	uint64_t drain_us;
	uint64_t hook_us;
	uint64_t hook_time;
	bool confirmed;
	struct audit_result audit;
	struct save_tmem tmem;
};

/*
 * Save @dom. On an error, -1, with the error recorded, the guest runs on and
 * no file was made; only when the last step of SAVE_STOP fails the image is
 * complete and the guest paused, and the error says so.
 */
int save_run(struct domain *dom, const struct save_options *opts, struct save_result *result);

#endif /* STILLPOINT_SAVE_H */
