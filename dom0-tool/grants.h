/* SPDX-License-Identifier: GPL-2.0 */
/* The pages that a guest lets others write at the moment. */
#ifndef STILLPOINT_GRANTS_H
#define STILLPOINT_GRANTS_H

#include "bitmap.h"
#include "domain.h"
#include "inverse.h"
#include "ram.h"

/**
 * struct grants - their machine frames, in order
 */
struct grants {
	uint64_t *mfns;
	size_t n;
};

/* Returns 0, or a negative errno with nothing recorded; there are no grants then. */
int grants_read(struct grants *grants, struct domain *dom);

bool grants_has(const struct grants *grants, uint64_t mfn);

void grants_free(struct grants *grants);

/*
 * Add the pfns of all of them to @set. @inv may be of an earlier time. Returns as
 * grants_read().
 */
int grants_mark(struct domain *dom, const struct ram *mem, const struct inverse *inv,
		struct bitmap *set);

#endif /* STILLPOINT_GRANTS_H */
