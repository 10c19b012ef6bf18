/* SPDX-License-Identifier: GPL-2.0 */
/* What the agent does between a freeze and its thaw. */
#ifndef AGENT_ROUND_H
#define AGENT_ROUND_H

#include <stdbool.h>
#include <stddef.h>

#include <stillpoint/agent.h>

#include "hooks.h"
#include "report.h"
#include "settings.h"

/**
 * struct round - the one under way
 * @settings: the agent's
 * @device: the module's
 * @signals: when there is something to be read from it, the agent is to end
 * @mountinfo: where changes of the table of mounts show while it is frozen; -1 else
 * @active: freeze hooks ran, and their thaw is to come
 * @number: of the round
 * @excludes: those of the settings, then dom0's; NULL at the end
 * @event: dom0's wishes, and what @excludes points into
 * @hooks: those that were found
 * @ran: how many were called with "freeze"; these get a "thaw"
 * @prepare_end_us: by when all is frozen, or nothing, by clock_us()
 * @hook_end_us: by when they must be through, by clock_us()
 * @held: mounts are told apart by major and minor number here
 * @held_count: file systems that the module holds, or that cannot be frozen
 * @frozen: whether it holds any
 * @report: for dom0
 */
struct round {
	const struct settings *settings;
	int device;
	int signals;
	int mountinfo;
	bool active;
	__u32 number;
	const char **excludes;
	struct stillpoint_agent_event event;
	struct hooks hooks;
	size_t ran;
	uint64_t prepare_end_us;
	uint64_t hook_end_us;
	struct {
		unsigned int dev_major;
		unsigned int dev_minor;
	} held[STILLPOINT_HOLD_LIMIT];
	size_t held_count;
	bool frozen;
	struct report report;
};

void round_init(struct round *round, const struct settings *settings, int device, int signals);
void round_exit(struct round *round);

/*
 * round->event is a STILLPOINT_AGENT_FREEZE: freeze, or say why not. If the agent is to end,
 * nothing is frozen any more; the module learns of that when the device is closed.
 */
void round_freeze(struct round *round);

/* The table of mounts changed while all is frozen: is there a file system that is not? */
void round_look(struct round *round);

/* Nothing is frozen any more, as the enum stillpoint_quiesce_result @result says why. */
void round_thaw(struct round *round, __u32 result);

/* Call what hooks an agent before this one had yet to call. */
void round_recover(struct round *round);

/* The hooks of a guest that was restored. If the agent is to end, the next one calls them all. */
void round_restored(struct round *round);

#endif /* AGENT_ROUND_H */
