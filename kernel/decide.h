/* SPDX-License-Identifier: GPL-2.0 */
/* What the module decides from numbers alone; needs no Xen. */
#ifndef SP_DECIDE_H
#define SP_DECIDE_H

#include <linux/types.h>

enum sp_verdict {
	SP_IGNORE, /* a repeat, or nothing was asked */
	SP_PARK,
	SP_HARVEST,
	SP_UNTRACK,
	SP_REFUSE,    /* an operation that this module does not know */
	SP_CANCELLED, /* dom0 gave it up before it was taken up */
};

/**
 * struct sp_ask - dom0's half of the control page, each field read once
 * @request: number of the request
 * @op: enum stillpoint_op, unchecked
 * @cancel: number of the request that dom0 gave up
 * @flags: STILLPOINT_TRACK_*, unchecked
 * @deadline_us: microseconds, unchecked
 * @lease_us: microseconds, unchecked
 */
struct sp_ask {
	u32 request;
	u32 op;
	u32 cancel;
	u32 flags;
	u64 deadline_us;
	u64 lease_us;
};

/* What to do with @ask if @taken is the number of the last request taken up. */
enum sp_verdict sp_decide(const struct sp_ask *ask, u32 taken);

/**
 * sp_deadline_cycles() - a deadline in TSC cycles
 * @us: microseconds; clamped to the bounds of stillpoint/control.h
 * @khz: frequency of the TSC
 */
u64 sp_deadline_cycles(u64 us, u32 khz);

/* A lease of @us microseconds, clamped to the bounds, in milliseconds. */
unsigned int sp_lease_ms(u64 us);

/* @cycles of a TSC of @khz in microseconds; 0 if @khz is 0. */
u64 sp_cycles_to_us(u64 cycles, u32 khz);

#endif /* SP_DECIDE_H */
