/* SPDX-License-Identifier: GPL-2.0 */
/* When a round is over; needs no Xen and no file system. */
#ifndef SP_DUE_H
#define SP_DUE_H

#include <linux/types.h>

#include <stillpoint/quiesce.h>

/**
 * struct sp_due - what decides it
 * @frozen: the round is frozen, else it is being prepared
 * @restored: this is another domain than the one in which it began
 * @whole: nothing that is held was thawed by somebody else
 * @asked: dom0 has ended it
 * @now_us: microseconds, of a clock that goes on while the guest is parked or paused
 * @prepare_end_us: when it must be frozen
 * @hold_end_us: until when it may be, if it is
 * @lease_end_us: until when dom0 must have given a sign
 */
struct sp_due {
	bool frozen;
	bool restored;
	bool whole;
	bool asked;
	u64 now_us;
	u64 prepare_end_us;
	u64 hold_end_us;
	u64 lease_end_us;
};

/* Why the round is to end now; STILLPOINT_QUIESCE_NONE if it is not. */
enum stillpoint_quiesce_result sp_due(const struct sp_due *due);

#endif /* SP_DUE_H */
