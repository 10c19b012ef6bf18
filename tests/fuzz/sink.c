// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include <xxhash.h>

#include "fuzz.h"
#include "image/tmem_state.h"
#include "msg.h"
#include "page.h"
#include "sink.h"

/* Set in sink.kinds of what was given, so that the kind 0 is told from nothing. */
#define SINK_GIVEN 0x80

static struct sink *sink_of(struct image *img)
{
	return (struct sink *)img;
}

/* Returns 0, or -1, recorded, if it is time to fail. Nothing comes after that. */
static int sink_call(struct sink *sink)
{
	fuzz_check(!sink->failed && !sink->tail);
	if (sink->fail_after < 0 || sink->fail_after-- > 0)
		return 0;
	sink->failed = true;
	return msg_error("the sink is full");
}

/* Read all of it, for whoever watches memory. */
static uint64_t sink_read(const void *data, size_t size)
{
	return size ? XXH3_64bits(data, size) : 0;
}

static int sink_head(struct image *img, const struct image_head *head)
{
	struct sink *sink = sink_of(img);

	fuzz_check(!sink->head && !sink->pfns && !sink->side);
	sink->head = true;
	fuzz_check(head->config);
	sink_read(head->config, strlen(head->config));
	sink_read(head->cpuid.data, head->cpuid.size);
	sink_read(head->msrs.data, head->msrs.size);
	fuzz_check(head->cpuid.size % sizeof(xen_cpuid_leaf_t) == 0);
	fuzz_check(head->msrs.size % sizeof(xen_msr_entry_t) == 0);
	return sink_call(sink);
}

static int sink_p2m(struct image *img, const struct image_p2m *p2m)
{
	struct sink *sink = sink_of(img);
	size_t i;

	fuzz_check(sink->head && p2m->max_pfn + 1 >= sink->pfns);
	fuzz_check(p2m->max_pfn < STILLPOINT_PFN_LIMIT);
	fuzz_check(p2m->nframes == p2m->max_pfn / ENTRIES_PER_PAGE + 1);
	for (i = 0; i < p2m->nframes; i++)
		fuzz_check(p2m->frames[i] <= p2m->max_pfn);
	sink->pfns = p2m->max_pfn + 1;
	return sink_call(sink);
}

static void sink_check_kind(const struct image_page *page)
{
	fuzz_check(page_type_known(page->type));
	switch (page->kind) {
	case STILLPOINT_PAGE_NONE:
		fuzz_check(!page_type_has_data(page->type));
		break;
	case STILLPOINT_PAGE_DATA:
		fuzz_check(page_type_has_data(page->type) && page->data);
		break;
	default:
		fuzz_check(page->kind == STILLPOINT_PAGE_ZERO ||
			   page->kind == STILLPOINT_PAGE_FREE);
		fuzz_check(page->type == XEN_DOMCTL_PFINFO_NOTAB);
	}
}

static int sink_page(struct image *img, const struct image_page *page)
{
	struct sink *sink = sink_of(img);

	fuzz_check(page->pfn < sink->pfns);
	sink_check_kind(page);
	if (page->pfn < SINK_PFNS)
		sink->kinds[page->pfn] = SINK_GIVEN | page->kind;
	if (page->kind == STILLPOINT_PAGE_DATA && sink->kept < SINK_KEPT) {
		sink->page[sink->kept] = *page;
		sink->sum[sink->kept++] = sink_read(page->data, PAGE_BYTES);
	}
	return sink_call(sink);
}

static int sink_tmem(struct image *img, const struct image_tmem *part)
{
	struct sink *sink = sink_of(img);

	fuzz_check(sink->head != sink->side && tmem_section(part->type));
	fuzz_check(part->type == STILLPOINT_SECTION_TMEM_POOLS || sink->pools);
	sink->pools = true;
	sink_read(part->body, part->size);
	return sink_call(sink);
}

static int sink_flush(struct image *img)
{
	struct sink *sink = sink_of(img);
	unsigned int i;

	for (i = 0; i < sink->kept; i++)
		fuzz_check(sink_read(sink->page[i].data, PAGE_BYTES) == sink->sum[i]);
	sink->kept = 0;
	return sink_call(sink);
}

static void sink_vcpu(const struct vcpu_state *vcpu)
{
	sink_read(&vcpu->basic, sizeof(vcpu->basic));
	sink_read(vcpu->extended.data, vcpu->extended.size);
	sink_read(vcpu->xsave.data, vcpu->xsave.size);
	sink_read(vcpu->msrs.data, vcpu->msrs.size);
	fuzz_check(vcpu->extended.size + vcpu->xsave.size + vcpu->msrs.size <=
		   3 * (size_t)IMAGE_VCPU_BYTES);
}

static int sink_tail(struct image *img, const struct image_tail *tail)
{
	struct sink *sink = sink_of(img);
	bool boots = false;
	size_t i;

	fuzz_check(sink->pfns && !sink->kept);
	sink_read(tail->shared_info, PAGE_BYTES);
	for (i = 0; i < tail->nvcpus; i++) {
		sink_vcpu(&tail->vcpus[i]);
		boots |= !tail->vcpus[i].id;
	}
	fuzz_check(boots);
	if (sink_call(sink))
		return -1;
	sink->tail = true;
	return 0;
}

static const struct image_ops sink_ops = {
	.head = sink_head,
	.p2m = sink_p2m,
	.page = sink_page,
	.tmem = sink_tmem,
	.flush = sink_flush,
	.tail = sink_tail,
};

void sink_init(struct sink *sink, int fail_after)
{
	memset(sink, 0, sizeof(*sink));
	sink->img.ops = &sink_ops;
	sink->fail_after = fail_after;
}

void sink_check_pages(const struct sink *sink, const uint64_t pages[4])
{
	uint64_t given[4] = { 0 };
	unsigned int i;

	if (sink->pfns > SINK_PFNS)
		return;
	for (i = 0; i < SINK_PFNS; i++)
		if (sink->kinds[i])
			given[sink->kinds[i] & ~SINK_GIVEN]++;
	for (i = STILLPOINT_PAGE_DATA; i < 4; i++)
		fuzz_check(given[i] == pages[i]);
}
