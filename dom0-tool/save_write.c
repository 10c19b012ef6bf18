// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "msg.h"
#include "save_state.h"
#include "signals.h"

/* Pages between two reports of progress. */
#define SAVE_PROGRESS 4096

static int save_head(struct save *s)
{
	struct image_head head = {
		.config = s->config,
		.xen_major = s->info.xen_major,
		.xen_minor = s->info.xen_minor,
		.cpuid = s->cpuid,
		.msrs = s->msrs,
		.max_pfn = s->mem.size - 1,
		.np2m_frames = s->p2m.nframes,
	};
	uint64_t *pfns = malloc(s->p2m.nframes * sizeof(*pfns));
	int ret = -1;
	size_t i;

	if (!pfns)
		return msg_error("out of memory for the frames of the p2m");
	for (i = 0; i < s->p2m.nframes; i++) {
		pfns[i] = inverse_pfn(&s->inverse, s->p2m.frames[i]);
		if (pfns[i] != INVALID_FRAME && s->snap.types[pfns[i]] == XEN_DOMCTL_PFINFO_NOTAB)
			continue;
		msg_error(
			"frame %zu of the guest's p2m (machine frame %#llx) is not plain memory of the guest",
			i, (unsigned long long)s->p2m.frames[i]);
		goto out;
	}
	head.p2m_frames = pfns;
	ret = s->xl.img.ops->head(&s->xl.img, &head);
	s->head_written = true;
out:
	free(pfns);
	return ret;
}

/* Index the frames that the guest owns. Others are in no page table of a parked guest. */
static int save_build_inverse(struct save *s)
{
	uint64_t pfn;

	for (pfn = 0; pfn < s->mem.size; pfn++)
		if (!page_type_has_data(s->snap.types[pfn]))
			s->mem.p2m[pfn] = INVALID_FRAME;
	return inverse_build(&s->inverse, s->mem.p2m, s->mem.size);
}

static int save_page(struct save *s, uint64_t pfn, const void *data)
{
	struct image_page page = { .pfn = pfn, .type = s->snap.types[pfn], .data = data };

	return s->xl.img.ops->page(&s->xl.img, &page);
}

int save_spill(struct save *s)
{
	uint64_t pfn;

	if (s->snap.staged == s->snap.pages)
		return 0;
	if (save_build_inverse(s) || save_head(s))
		return -1;
	for (pfn = 0; pfn < s->mem.size; pfn++)
		if (snapshot_spilled(&s->snap, pfn) && save_page(s, pfn, s->mem.page[pfn]))
			return -1;
	return s->xl.img.ops->flush(&s->xl.img);
}

static void save_progress(const struct save *s, uint64_t done)
{
	if (s->opts->progress && !s->park.paused &&
	    (done % SAVE_PROGRESS == 0 || done == s->snap.pages))
		s->opts->progress(done, s->snap.pages);
}

/* All pages that are not in the image yet; page tables come last. */
static int save_pages(struct save *s)
{
	uint64_t done = s->snap.pages - s->snap.staged;
	unsigned int tables;
	uint64_t pfn;

	for (tables = 0; tables < 2; tables++) {
		for (pfn = 0; pfn < s->mem.size; pfn++) {
			if (snapshot_spilled(&s->snap, pfn) ||
			    (page_type_level(s->snap.types[pfn]) != 0) != tables)
				continue;
			if (save_page(s, pfn, s->snap.copy[pfn]))
				return -1;
			done += page_type_has_data(s->snap.types[pfn]);
			save_progress(s, done);
		}
	}
	return 0;
}

int save_write(struct save *s)
{
	struct image_tail tail = {
		.tsc = s->snap.tsc,
		.shared_info = s->snap.shared_info,
		.vcpus = s->snap.vcpus,
		.nvcpus = s->snap.nvcpus,
	};

	save_phase(s, SAVE_WRITING);
	if (!s->head_written && save_build_inverse(s))
		return -1;
	if (snapshot_normalise(&s->snap, &s->inverse))
		return -1;
	if (!s->head_written && save_head(s))
		return -1;
	if (save_pages(s) || s->xl.img.ops->tail(&s->xl.img, &tail) || output_flush(&s->out))
		return -1;
	save_phase(s, SAVE_WRITTEN);
	if (output_sync(&s->out))
		return -1;
	save_phase(s, SAVE_SYNCED);
	if (signals_check() || output_publish(&s->out))
		return -1;
	save_phase(s, SAVE_RENAMED);
	s->res->bytes = s->out.length;
	return 0;
}
