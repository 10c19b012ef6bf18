// SPDX-License-Identifier: GPL-2.0
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "msg.h"
#include "signals.h"
#include "tracker.h"

static const struct tracker_ops *const trackers[] = {
	&tracker_guest,
	&tracker_logdirty,
	&tracker_none,
	&tracker_compare,
};

#define TRACKERS (sizeof(trackers) / sizeof(trackers[0]))

int tracker_find(const char *name, const struct tracker_ops **ops)
{
	size_t i;

	*ops = NULL;
	if (!strcmp(name, "auto"))
		return 0;
	for (i = 0; i < TRACKERS; i++) {
		if (strcmp(trackers[i]->name, name))
			continue;
		*ops = trackers[i];
		return 0;
	}
	return -1;
}

static int tracker_try(struct tracker *tracker, const struct tracker_ops *ops)
{
	tracker->ops = ops;
	if (!ops->start(tracker))
		return 0;
	tracker_stop(tracker);
	memset(&tracker->harvest, 0, sizeof(tracker->harvest));
	return -1;
}

int tracker_start(struct tracker *tracker, const struct tracker_ops *ops)
{
	size_t used = 0, i;

	tracker->why[0] = '\0';
	if (ops)
		return tracker_try(tracker, ops);
	/* The last of these, "none", always works. */
	for (i = 0; trackers[i] != &tracker_none; i++) {
		if (!tracker_try(tracker, trackers[i]))
			return 0;
		if (signals_check())
			return -1;
		used += snprintf(tracker->why + used, sizeof(tracker->why) - used, "%s%s: %s",
				 used ? "; " : "", trackers[i]->name, msg_error_text());
		if (used >= sizeof(tracker->why))
			used = sizeof(tracker->why) - 1;
		msg_error_clear();
	}
	return tracker_try(tracker, &tracker_none);
}

void tracker_stop(struct tracker *tracker)
{
	if (tracker->ops)
		tracker->ops->stop(tracker);
	tracker->ops = NULL;
}

bool tracker_has_guest(const struct tracker *tracker)
{
	return tracker->harvest.half.epoch;
}
