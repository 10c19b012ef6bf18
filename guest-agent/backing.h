/* SPDX-License-Identifier: GPL-2.0 */
/* What block devices are made of, from /sys/dev/block. */
#ifndef AGENT_BACKING_H
#define AGENT_BACKING_H

#include "mounts.h"

/* As &struct plan_rules.backing. */
void backing_find(const struct mounts *mounts, const struct mount *mount,
		  void (*found)(void *to, const struct mount *backing), void *to);

#endif /* AGENT_BACKING_H */
