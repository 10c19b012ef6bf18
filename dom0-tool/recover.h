/* SPDX-License-Identifier: GPL-2.0 */
/* Letting go a guest that a killed tool left paused in its park. */
#ifndef STILLPOINT_RECOVER_H
#define STILLPOINT_RECOVER_H

#include <stdbool.h>
#include <stddef.h>

#include "domain.h"

/* Where a domain stands between running and parked. */
enum recover_state {
	RECOVER_RUNNING,   /* not paused */
	RECOVER_ELSEWHERE, /* paused, but in no park */
	RECOVER_WAITING,   /* paused in its park, rax says parked */
	RECOVER_FLIPPED,   /* paused in its park, rax says run on */
	RECOVER_BETWEEN,   /* paused in its park while it reads the TSC */
};

/*
 * Find out. With RECOVER_WAITING and RECOVER_FLIPPED *regs are vCPU 0's. Returns an
 * enum recover_state, or -1 with an error recorded.
 */
int recover_look(struct domain *dom, vcpu_guest_context_t *regs);

/*
 * Recover @dom, whose lock the caller holds. @text becomes what was done, without a
 * newline. Returns 0 also if there was nothing to do, or -1 with an error recorded.
 */
int recover_run(struct domain *dom, char *text, size_t size);

/*
 * Undo the one pause of a save that is gone, and let a guest that is in its park run on at once.
 * The caller holds the lock of @dom. Returns 1 if the domain was unpaused, 0 if it was not
 * paused, or -1 with an error recorded.
 */
int recover_own(struct domain *dom);

#endif /* STILLPOINT_RECOVER_H */
