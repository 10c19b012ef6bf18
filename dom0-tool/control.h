/* SPDX-License-Identifier: GPL-2.0 */
/* Reading the guest's half of the control page, and asking through ours. */
#ifndef STILLPOINT_CONTROL_TOOL_H
#define STILLPOINT_CONTROL_TOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "channel.h"

/* Copy the guest's half, each field once. Nothing in it is checked yet. */
void control_read(const struct channel *ch, struct stillpoint_guest_half *half);

/*
 * Check every field of a copy that is used later. Returns 0, or -1 with an
 * error recorded.
 */
int control_check(const struct stillpoint_guest_half *half);

/* control_read() and control_check(). */
int control_get(const struct channel *ch, struct stillpoint_guest_half *half);

/* A number that is ahead of both counters and not 0. */
uint32_t control_next(uint32_t taken, uint32_t request);

/*
 * Ask the guest to park under request @number and to run on by itself after
 * @deadline_us in the loop. Returns 0 or a negative errno.
 */
int control_request_park(struct channel *ch, uint32_t number, uint64_t deadline_us);

/*
 * Ask for a set of dirty pages (STILLPOINT_OP_HARVEST) or for the end of tracking
 * (STILLPOINT_OP_UNTRACK), which comes by itself @lease_us after the last sign of
 * us. @flags are STILLPOINT_TRACK_*. Returns 0 or a negative errno.
 */
int control_request_track(struct channel *ch, uint32_t number, enum stillpoint_op op,
			  uint32_t flags, uint64_t lease_us);

/* Give the guest a sign that we are there. */
void control_beat(struct channel *ch);

/* Say that request @number is no longer waited for. Returns 0 or a negative errno. */
int control_cancel(struct channel *ch, uint32_t number);

/* A word for an enum stillpoint_state; "unknown" for a value that is none. */
const char *control_state_name(uint32_t state);

#endif /* STILLPOINT_CONTROL_TOOL_H */
