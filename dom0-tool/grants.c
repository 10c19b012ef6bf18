// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "grants.h"
#include "page.h"

static int grants_order(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int grants_read(struct grants *grants, struct domain *dom)
{
	int ret;

	memset(grants, 0, sizeof(*grants));
	ret = dom->ops->granted(dom, &grants->mfns, &grants->n);
	if (ret) {
		memset(grants, 0, sizeof(*grants));
		return ret;
	}
	qsort(grants->mfns, grants->n, sizeof(*grants->mfns), grants_order);
	return 0;
}

bool grants_has(const struct grants *grants, uint64_t mfn)
{
	return grants->n && bsearch(&mfn, grants->mfns, grants->n, sizeof(mfn), grants_order);
}

void grants_free(struct grants *grants)
{
	free(grants->mfns);
	memset(grants, 0, sizeof(*grants));
}

int grants_mark(struct domain *dom, const struct ram *mem, const struct inverse *inv,
		struct bitmap *set)
{
	struct grants grants;
	uint64_t pfn;
	size_t i, unknown = 0;
	int ret;

	ret = grants_read(&grants, dom);
	if (ret)
		return ret;
	for (i = 0; i < grants.n; i++) {
		pfn = inverse_pfn(inv, grants.mfns[i]);
		if (pfn == INVALID_FRAME)
			unknown++;
		else
			bitmap_set(set, pfn);
	}
	/* Not the guest's, or under another pfn by now. */
	for (pfn = 0; unknown && pfn < mem->size; pfn++)
		if (grants_has(&grants, mem->p2m[pfn]))
			bitmap_set(set, pfn);
	grants_free(&grants);
	return 0;
}
