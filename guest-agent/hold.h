/* SPDX-License-Identifier: GPL-2.0 */
/* Having the module freeze file systems. */
#ifndef AGENT_HOLD_H
#define AGENT_HOLD_H

#include "plan.h"
#include "round.h"

/*
 * Plan, and have everything held, again until nothing was mounted meanwhile. Each file
 * system gets its line in the report. Returns 0; -ESTALE if the round is over; or the
 * negative errno of what failed first.
 */
int hold_all(struct round *round);

/* True if there is a file system that should be held and is not; its line is in the report. */
bool hold_misses_one(struct round *round);

/* Print the plan for a person. Returns 0 or a negative errno. */
int hold_list(const struct settings *settings);

#endif /* AGENT_HOLD_H */
