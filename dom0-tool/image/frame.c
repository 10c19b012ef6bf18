// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "msg.h"
#include "page.h"

_Static_assert(sizeof(struct stillpoint_run) == 16, "run");
_Static_assert(sizeof(struct stillpoint_frame) == 16, "frame");

static int frame_bad(uint64_t offset, const char *what)
{
	return msg_error("the image is damaged: %s in PAGES at offset %llu", what,
			 (unsigned long long)offset);
}

bool frame_kind_fits(unsigned int kind, unsigned int type)
{
	uint32_t xen = type << XEN_DOMCTL_PFINFO_LTAB_SHIFT;

	if (type > XEN_DOMCTL_PFINFO_LTAB_MASK >> XEN_DOMCTL_PFINFO_LTAB_SHIFT ||
	    !page_type_known(xen))
		return false;
	switch (kind) {
	case STILLPOINT_PAGE_NONE:
		return !page_type_has_data(xen);
	case STILLPOINT_PAGE_DATA:
		return page_type_has_data(xen);
	case STILLPOINT_PAGE_ZERO:
	case STILLPOINT_PAGE_FREE:
		return xen == XEN_DOMCTL_PFINFO_NOTAB;
	default:
		return false;
	}
}

static int frame_check_head(const struct frame *f, size_t size, uint32_t frame_bytes)
{
	const struct stillpoint_frame *h = &f->head;

	if (!codec_name(h->codec))
		return msg_error(
			"PAGES at offset %llu is compressed in the unknown way %u; a newer tool is needed",
			(unsigned long long)f->offset, h->codec);
	if (!h->runs || h->runs > STILLPOINT_FRAME_RUNS_MAX)
		return frame_bad(f->offset, "an impossible number of runs");
	if (h->raw > frame_bytes || h->raw % PAGE_BYTES)
		return frame_bad(f->offset, "an impossible size of pages");
	if (h->codec == STILLPOINT_CODEC_NONE ? h->stored != h->raw : h->stored >= h->raw)
		return frame_bad(f->offset, "an impossible size of what is stored");
	if (size != sizeof(*h) + h->runs * sizeof(struct stillpoint_run) + h->stored)
		return frame_bad(f->offset, "a wrong size");
	return 0;
}

static int frame_check_run(const struct frame *f, const struct stillpoint_run *run, uint64_t pfns)
{
	if (!run->count || run->reserved)
		return frame_bad(f->offset, "an impossible run");
	if (!frame_kind_fits(run->kind, run->type))
		return frame_bad(f->offset, "a page of unknown type");
	if (run->pfn >= pfns || run->count > pfns - run->pfn)
		return frame_bad(f->offset, "a page outside of the guest");
	return 0;
}

static int frame_compare(const void *a, const void *b)
{
	const struct stillpoint_run *x = a, *y = b;

	return (x->pfn > y->pfn) - (x->pfn < y->pfn);
}

static bool frame_ascends(const struct stillpoint_run *runs, uint32_t n)
{
	uint32_t i;

	for (i = 1; i < n; i++)
		if (runs[i].pfn < runs[i - 1].pfn + runs[i - 1].count)
			return false;
	return true;
}

/* No pfn may be there twice; nearly always they ascend. */
static int frame_check_twice(const struct frame *f)
{
	const size_t bytes = f->head.runs * sizeof(*f->runs);
	struct stillpoint_run *sorted;
	bool once;

	if (frame_ascends(f->runs, f->head.runs))
		return 0;
	sorted = malloc(bytes);
	if (!sorted)
		return msg_error("out of memory to check a frame");
	memcpy(sorted, f->runs, bytes);
	qsort(sorted, f->head.runs, sizeof(*sorted), frame_compare);
	once = frame_ascends(sorted, f->head.runs);
	free(sorted);
	return once ? 0 : frame_bad(f->offset, "a page that is there twice");
}

static int frame_check_runs(struct frame *f, uint64_t pfns)
{
	const struct stillpoint_run *run;
	uint64_t data = 0;
	uint32_t i;

	f->lowest = UINT64_MAX;
	f->highest = 0;
	for (i = 0; i < f->head.runs; i++) {
		run = &f->runs[i];
		if (frame_check_run(f, run, pfns))
			return -1;
		if (run->kind == STILLPOINT_PAGE_DATA)
			data += run->count;
		if (run->pfn < f->lowest)
			f->lowest = run->pfn;
		if (run->pfn + run->count - 1 > f->highest)
			f->highest = run->pfn + run->count - 1;
	}
	if (data * PAGE_BYTES != f->head.raw)
		return frame_bad(f->offset, "another number of pages than its runs have");
	return frame_check_twice(f);
}

int frame_parse(struct frame *f, const void *body, size_t size, uint32_t frame_bytes, uint64_t pfns,
		uint64_t offset)
{
	f->offset = offset;
	if (size < sizeof(f->head))
		return frame_bad(offset, "a wrong size");
	memcpy(&f->head, body, sizeof(f->head));
	if (frame_check_head(f, size, frame_bytes))
		return -1;
	f->runs = (const void *)((const uint8_t *)body + sizeof(f->head));
	f->stored = f->runs + f->head.runs;
	return frame_check_runs(f, pfns);
}

const uint8_t *frame_unpack(const struct frame *f, struct codec *codec, void *room)
{
	if (f->head.codec == STILLPOINT_CODEC_NONE)
		return f->stored;
	if (!codec_decompress(codec, f->head.codec, f->stored, f->head.stored, room, f->head.raw))
		return room;
	frame_bad(f->offset, "something that does not decompress");
	return NULL;
}
