// SPDX-License-Identifier: GPL-2.0
#include "due.h"

enum stillpoint_quiesce_result sp_due(const struct sp_due *due)
{
	if (due->restored)
		return STILLPOINT_QUIESCE_RESTORED;
	if (!due->whole)
		return STILLPOINT_QUIESCE_BROKEN;
	/* All was held until now, so that this is true even when it is late. */
	if (due->asked)
		return due->frozen ? STILLPOINT_QUIESCE_THAWED : STILLPOINT_QUIESCE_CANCELLED;
	if (!due->frozen && due->now_us >= due->prepare_end_us)
		return STILLPOINT_QUIESCE_LATE;
	if (due->frozen && due->now_us >= due->hold_end_us)
		return STILLPOINT_QUIESCE_EXPIRED;
	if (due->now_us >= due->lease_end_us)
		return STILLPOINT_QUIESCE_DOM0_GONE;
	return STILLPOINT_QUIESCE_NONE;
}
