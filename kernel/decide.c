// SPDX-License-Identifier: GPL-2.0
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include <stillpoint/control.h>

#include "decide.h"

enum sp_verdict sp_decide(const struct sp_ask *ask, u32 taken)
{
	if (!ask->request || !stillpoint_seq_after(ask->request, taken))
		return SP_IGNORE;
	if (ask->cancel == ask->request)
		return SP_CANCELLED;
	switch (ask->op) {
	case STILLPOINT_OP_PARK:
		return SP_PARK;
	case STILLPOINT_OP_HARVEST:
		return SP_HARVEST;
	case STILLPOINT_OP_UNTRACK:
		return SP_UNTRACK;
	default:
		return SP_REFUSE;
	}
}

u64 sp_deadline_cycles(u64 us, u32 khz)
{
	us = clamp_t(u64, us, STILLPOINT_DEADLINE_MIN_US, STILLPOINT_DEADLINE_MAX_US);
	return mul_u64_u32_div(us, khz, 1000);
}

unsigned int sp_lease_ms(u64 us)
{
	us = clamp_t(u64, us, STILLPOINT_LEASE_MIN_US, STILLPOINT_LEASE_MAX_US);
	return div_u64(us, 1000);
}

u64 sp_cycles_to_us(u64 cycles, u32 khz)
{
	return khz ? mul_u64_u64_div_u64(cycles, 1000, khz) : 0;
}
