/* SPDX-License-Identifier: GPL-2.0 */
/* Waiting for a parked guest's block requests. */
#ifndef STILLPOINT_DRAIN_H
#define STILLPOINT_DRAIN_H

#include "domain.h"

/*
 * Wait at most @timeout_ms until backends answered every block request of @dom, which makes
 * no more: what they wrote is then where a snapshot of the disks finds it. Returns 0, or -1 with
 * an error recorded.
 */
int drain_wait(struct domain *dom, uint64_t timeout_ms);

#endif /* STILLPOINT_DRAIN_H */
