/* SPDX-License-Identifier: GPL-2.0 */
/* vCPU contexts as a stream has them: pfns where the guest has machine frames. */
#ifndef STILLPOINT_VCPU_H
#define STILLPOINT_VCPU_H

#include "domain.h"
#include "inverse.h"

/*
 * Rewrite the frame numbers in @vcpu: the descriptor table's, and both page-table
 * roots. vCPU 0 also gets the registers of a restored guest (park.h): rax says so,
 * and rdx becomes the pfn of start_info. Returns 0, or -1 with an error recorded.
 */
int vcpu_normalise(struct vcpu_state *vcpu, const struct inverse *inv);

#endif /* STILLPOINT_VCPU_H */
