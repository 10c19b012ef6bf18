/* SPDX-License-Identifier: GPL-2.0 */
/* The module's character device; see stillpoint/agent.h. */
#ifndef AGENT_DEVICE_H
#define AGENT_DEVICE_H

#include <stillpoint/agent.h>

#include "mounts.h"

/* All return 0 or a negative errno; device_open() a descriptor. */
int device_open(const char *path);
/* The next event; -EAGAIN if there is none. */
int device_read(int device, struct stillpoint_agent_event *event);
int device_hold(int device, __u32 round, int fd, const struct mount *mount);
/* @what: STILLPOINT_AGENT_FROZEN, _FAILED, _DONE or _LOOKED. */
int device_mark(int device, unsigned long what, __u32 round, int error);

#endif /* AGENT_DEVICE_H */
