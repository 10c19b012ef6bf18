/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control page and its event channel, from the guest's side.
 *
 * Only the request worker writes the page, or a function that runs while every
 * CPU is stopped on the worker's behalf; no lock is needed.
 */
#ifndef SP_CONTROL_H
#define SP_CONTROL_H

#include <linux/types.h>

#include <stillpoint/control.h>

#include "decide.h"

/**
 * struct sp_park_times - microseconds of a park; all 0 if restored, as the TSC
 * is another one then
 * @all: from the stop of the CPUs until they run
 * @stop: of these, until it was in the loop
 * @run: of these, since it left the loop
 */
struct sp_park_times {
	u64 all;
	u64 stop;
	u64 run;
};

/**
 * struct sp_tracking - the fields of struct stillpoint_guest_half of the same names
 */
struct sp_tracking {
	u32 epoch;
	u32 harvests;
	u64 bitmap_pfns;
	u64 set_pages;
	u64 harvest_us;
	u32 slice_max_us;
	u32 slices;
	u64 hooks;
	u64 bitmap_dir[STILLPOINT_DIRS];
};

/**
 * struct sp_free_report - the fields of struct stillpoint_guest_half of the same names
 */
struct sp_free_report {
	u64 free_pfns;
	u64 free_pages;
	u64 free_us;
	u64 free_dir[STILLPOINT_DIRS];
};

/* Allocates the page, fills it in; @features: STILLPOINT_FEATURE_*. -ENOMEM. */
int sp_control_init(u64 features);
/* After sp_control_disconnect(); dom0 may still map the page, so its freeing is deferred. */
void sp_control_exit(void);

/**
 * sp_control_connect() - grants the page to dom0 and opens an event channel
 * @event: called in interrupt context at every event from dom0
 *
 * Forgets what dom0 wrote: nothing from before a restore is a request now.
 * Return: 0 or a negative errno; nothing is left open on error.
 */
int sp_control_connect(void (*event)(void));
void sp_control_disconnect(void);

/* Grant reference and port, for publishing; valid while connected. */
u32 sp_control_ref(void);
u32 sp_control_port(void);
/* STILLPOINT_FEATURE_* of sp_control_init(). */
u64 sp_control_features(void);

/* dom0's half, each field read once, the request's number first. */
void sp_control_read(struct sp_ask *ask);
bool sp_control_is_cancelled(u32 number);

void sp_control_notify(void);

/* What changes while dom0 lives and asks for sets. */
u64 sp_control_signs(void);

/* Takes request @number up. */
void sp_control_take(u32 number);
/* The generation of the park to come. */
u64 sp_control_next_generation(void);
/* The guest is about to enter the loop; tells dom0. */
void sp_control_parked(void);
/* The guest left the loop. */
void sp_control_left(const struct sp_park_times *times);
/* The epoch and its last set; an @tracking that is zero if there is no epoch. */
void sp_control_tracking(const struct sp_tracking *tracking);
/* The bitmap of free pages; a @report that is zero if there is none. */
void sp_control_free(const struct sp_free_report *report);
/* The request taken up last is over; counts it, tells dom0. @err: negative errno or 0. */
void sp_control_done(enum stillpoint_result result, int err);

/* A consistent enough copy of the page for an administrator, of what dom0 wrote into it, too. */
void sp_control_stats(struct stillpoint_guest_half *stats);

#endif /* SP_CONTROL_H */
