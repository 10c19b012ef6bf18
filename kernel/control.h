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

/* Allocates the page, fills it in. -ENOMEM. */
int sp_control_init(void);
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

/* dom0's half, each field read once, the request's number first. */
void sp_control_read(struct sp_ask *ask);
bool sp_control_is_cancelled(u32 number);

void sp_control_notify(void);

/* Takes request @number up: returns the generation of the park to come. */
u64 sp_control_take(u32 number);
/* The guest is about to enter the loop; tells dom0. */
void sp_control_parked(void);
/* The guest left the loop after @park_us. */
void sp_control_left(u64 park_us);
/* The request taken up last is over; counts it, tells dom0. @err: negative errno or 0. */
void sp_control_done(enum stillpoint_result result, int err);

/* A consistent enough copy for an administrator. */
void sp_control_stats(struct stillpoint_guest_half *stats);

#endif /* SP_CONTROL_H */
