/* SPDX-License-Identifier: GPL-2.0 */
/* The second suspend entry point. */
#ifndef SP_PARK_H
#define SP_PARK_H

#include <linux/types.h>

#include <stillpoint/control.h>

#include "control.h"

/**
 * struct sp_park - one park
 * @number: of the request
 * @generation: of the park
 * @deadline_us: microseconds in the loop
 * @result: how it ended
 * @err: negative errno with STILLPOINT_RESULT_FAILED
 * @times: how long it took
 */
struct sp_park {
	u32 number;
	u64 generation;
	u64 deadline_us;
	enum stillpoint_result result;
	int err;
	struct sp_park_times times;
};

/**
 * sp_park() - canonicalizes the guest, spins until dom0 answers, undoes it
 *
 * Sleeps; may take as long as the deadline, or for ever where dom0 keeps the
 * domain paused. On return the guest is whole again, also in a restored
 * domain, where every device has been reconnected.
 */
void sp_park(struct sp_park *park);

#endif /* SP_PARK_H */
