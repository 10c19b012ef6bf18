// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "control.h"
#include "free_pages.h"
#include "guest_map.h"
#include "page.h"

int free_pages_grow(struct free_pages *fp, uint64_t size)
{
	return bitmap_grow(&fp->now, size) || bitmap_grow(&fp->plain, size) ||
			       bitmap_grow(&fp->image, size) ?
		       -1 :
		       0;
}

int free_pages_read(struct free_pages *fp, const struct channel *ch, struct ram *mem,
		    const struct bitmap *granted)
{
	struct stillpoint_guest_half half;
	uint64_t pfn;

	bitmap_zero(&fp->now);
	fp->us = 0;
	control_read(ch, &half);
	if (!(half.features & STILLPOINT_FEATURE_FREE))
		return 0;
	if (guest_map_read(mem, "free", half.free_pfns, half.free_dir, &fp->now))
		return -1;
	for (pfn = bitmap_next(&fp->now, half.free_pfns); pfn < fp->now.bits;
	     pfn = bitmap_next(&fp->now, pfn + 1))
		bitmap_clear(&fp->now, pfn);
	bitmap_subtract(&fp->now, granted);
	fp->us = half.free_us;
	return 0;
}

uint64_t free_pages_rest(const struct free_pages *fp, const struct bitmap *pending)
{
	return bitmap_count(pending) - bitmap_count_both(pending, &fp->now);
}

static void free_pages_put(struct free_pages *fp, struct snapshot *snap, uint64_t pfn)
{
	snap->types[pfn] = XEN_DOMCTL_PFINFO_NOTAB;
	bitmap_set(&fp->image, pfn);
}

void free_pages_take(struct free_pages *fp, struct snapshot *snap, struct bitmap *pending)
{
	const struct bitmap *plain = &fp->plain;
	uint64_t pfn;

	for (pfn = bitmap_next(plain, 0); pfn < plain->bits; pfn = bitmap_next(plain, pfn + 1)) {
		if (!bitmap_test(&fp->now, pfn) || !bitmap_test(pending, pfn) ||
		    snap->mem->p2m[pfn] > MFN_MAX || !snap->mem->page[pfn])
			continue;
		bitmap_clear(pending, pfn);
		free_pages_put(fp, snap, pfn);
	}
}

void free_pages_take_listed(struct free_pages *fp, struct snapshot *snap)
{
	uint64_t i, n = 0;
	uint32_t pfn;

	for (i = 0; i < snap->n; i++) {
		pfn = snap->list[i];
		if (bitmap_test(&fp->now, pfn) && snap->types[pfn] == XEN_DOMCTL_PFINFO_NOTAB)
			free_pages_put(fp, snap, pfn);
		else
			snap->list[n++] = pfn;
	}
	snap->n = n;
}

void free_pages_take_written(struct free_pages *fp, const struct snapshot *snap)
{
	const struct bitmap *now = &fp->now;
	uint64_t pfn;

	for (pfn = bitmap_next(now, 0); pfn < now->bits; pfn = bitmap_next(now, pfn + 1))
		if (snap->types[pfn] == XEN_DOMCTL_PFINFO_NOTAB)
			bitmap_set(&fp->image, pfn);
}

void free_pages_free(struct free_pages *fp)
{
	bitmap_free(&fp->now);
	bitmap_free(&fp->plain);
	bitmap_free(&fp->image);
	memset(fp, 0, sizeof(*fp));
}
