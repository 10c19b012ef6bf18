// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "msg.h"
#include "page.h"

void *frames_map(struct domain *dom, const uint64_t *mfns, size_t n, const char *what)
{
	int *err = calloc(n, sizeof(*err));
	void *map = NULL;
	size_t i;

	if (!err) {
		msg_error("out of memory to map %zu frames", n);
		return NULL;
	}
	map = dom->ops->map(dom, mfns, n, err);
	if (!map) {
		msg_error("cannot map the guest's %s: %s", what, strerror(errno));
		goto out;
	}
	for (i = 0; i < n; i++) {
		if (!err[i])
			continue;
		msg_error("cannot map machine frame %#llx of the guest's %s: %s",
			  (unsigned long long)mfns[i], what, strerror(-err[i]));
		dom->ops->unmap(dom, map, n);
		map = NULL;
		break;
	}
out:
	free(err);
	return map;
}

uint64_t *frames_copy(struct domain *dom, const uint64_t *mfns, size_t n, size_t first,
		      size_t count, const char *what)
{
	uint64_t *copy = malloc(count * sizeof(*copy));
	const uint64_t *map;

	if (!copy) {
		msg_error("out of memory to read the guest's %s", what);
		return NULL;
	}
	map = frames_map(dom, mfns, n, what);
	if (!map) {
		free(copy);
		return NULL;
	}
	memcpy(copy, map + first, count * sizeof(*copy));
	dom->ops->unmap(dom, (void *)map, n);
	return copy;
}
