// SPDX-License-Identifier: GPL-2.0
#include <stddef.h>
#include <string.h>

#include "tracker.h"

static struct tracker *const trackers[] = { &tracker_none };

struct tracker *tracker_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(trackers) / sizeof(trackers[0]); i++)
		if (!strcmp(trackers[i]->ops->name, name))
			return trackers[i];
	return NULL;
}
