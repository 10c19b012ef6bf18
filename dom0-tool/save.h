/* SPDX-License-Identifier: GPL-2.0 */
/* Saving a guest: domain -> tracker -> image writer, in the one right order. */
#ifndef STILLPOINT_SAVE_H
#define STILLPOINT_SAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "domain.h"
#include "tracker.h"

/* What may be reported while a save goes on, in this order. */
#define SAVE_REQUESTING "requesting"
#define SAVE_PARKED "parked"
#define SAVE_PAUSED "paused"
#define SAVE_COPYING "copying"
#define SAVE_COPIED "copied"
#define SAVE_FLIPPED "flipped"
#define SAVE_RUNNING "running"
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
 * @park_timeout_ms: how long the guest may take to park
 * @deadline_ms: how long it stays in its loop when nobody pauses it
 * @staging: bytes of memory for the copy
 * @phase: told of each phase; must not block for long, the guest may be paused
 * @progress: told of pages written, of how many; only while the guest runs
 */
struct save_options {
	const char *path;
	bool replace;
	enum save_after after;
	uint64_t park_timeout_ms;
	uint64_t deadline_ms;
	uint64_t staging;
	void (*phase)(const char *name);
	void (*progress)(uint64_t done, uint64_t total);
};

/**
 * struct save_result - what happened; times in microseconds
 * @bytes: length of the image
 * @pages: pages in it
 * @staged: of those, copied to memory; the rest was written while parked
 * @request_to_parked_us: from the request until the guest was seen parked
 * @set_us: to find what must be copied
 * @copy_us: to copy it
 * @flip_us: to let the guest go
 * @pause_us: from the guest seen parked to its unpause
 * @domain_pause_us: from its pause to its unpause
 * @total_us: of all
 * @guest_park_us: the guest's own measure, 0 if it did not say
 * @confirmed: the guest said that it runs on
 */
struct save_result {
	uint64_t bytes;
	uint64_t pages;
	uint64_t staged;
	uint64_t request_to_parked_us;
	uint64_t set_us;
	uint64_t copy_us;
	uint64_t flip_us;
	uint64_t pause_us;
	uint64_t domain_pause_us;
	uint64_t total_us;
	uint64_t guest_park_us;
	bool confirmed;
};

/*
 * Save @dom. On an error, -1, with the error recorded, the guest runs on and
 * no file was made; only when the last step of SAVE_STOP fails the image is
 * complete and the guest paused, and the error says so.
 */
int save_run(struct domain *dom, struct tracker *tracker, const struct save_options *opts,
	     struct save_result *result);

#endif /* STILLPOINT_SAVE_H */
