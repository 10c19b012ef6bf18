// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <stdlib.h>

#include "sink.h"

#define SINK_KEPT 100000

static struct sink *sink_of(struct image *img)
{
	return (struct sink *)img;
}

static struct blob blob_copy(const struct blob *b)
{
	struct blob copy = { .size = b->size };

	if (!b->size)
		return copy;
	copy.data = malloc(b->size);
	assert_non_null(copy.data);
	memcpy(copy.data, b->data, b->size);
	return copy;
}

static int sink_head(struct image *img, const struct image_head *head)
{
	struct sink *s = sink_of(img);

	assert_int_equal(s->heads++, 0);
	s->config = strdup(head->config);
	s->xen_major = head->xen_major;
	s->xen_minor = head->xen_minor;
	s->cpuid = blob_copy(&head->cpuid);
	s->msrs = blob_copy(&head->msrs);
	return 0;
}

static int sink_p2m(struct image *img, const struct image_p2m *p2m)
{
	struct sink *s = sink_of(img);

	assert_int_equal(s->heads, 1);
	assert_true(p2m->max_pfn >= s->max_pfn && p2m->max_pfn < SINK_PFNS);
	assert_int_equal(p2m->nframes, p2m->max_pfn / 512 + 1);
	s->p2ms++;
	s->max_pfn = p2m->max_pfn;
	memcpy(s->frames, p2m->frames, p2m->nframes * sizeof(*p2m->frames));
	return 0;
}

static int sink_page(struct image *img, const struct image_page *page)
{
	struct sink *s = sink_of(img);

	assert_true(s->p2ms && page->pfn <= s->max_pfn);
	assert_true(s->nkept < SINK_KEPT);
	s->pages++;
	s->with_data += page->kind == STILLPOINT_PAGE_DATA;
	s->kept[s->nkept++] = *page;
	return 0;
}

static int sink_flush(struct image *img)
{
	struct sink *s = sink_of(img);
	const struct image_page *page;
	size_t i;

	for (i = 0; i < s->nkept; i++) {
		page = &s->kept[i];
		s->came[page->pfn] = true;
		s->type[page->pfn] = page->type;
		s->kind[page->pfn] = page->kind;
		if (page->kind == STILLPOINT_PAGE_DATA)
			memcpy(s->data[page->pfn], page->data, PAGE_BYTES);
	}
	s->nkept = 0;
	return 0;
}

static int sink_tail(struct image *img, const struct image_tail *tail)
{
	struct sink *s = sink_of(img);
	size_t i;

	assert_int_equal(s->tails++, 0);
	sink_flush(img);
	s->tsc = tail->tsc;
	memcpy(s->shared_info, tail->shared_info, PAGE_BYTES);
	s->nvcpus = tail->nvcpus;
	s->vcpus = calloc(tail->nvcpus, sizeof(*s->vcpus));
	assert_non_null(s->vcpus);
	for (i = 0; i < tail->nvcpus; i++) {
		s->vcpus[i] = tail->vcpus[i];
		s->vcpus[i].extended = blob_copy(&tail->vcpus[i].extended);
		s->vcpus[i].xsave = blob_copy(&tail->vcpus[i].xsave);
		s->vcpus[i].msrs = blob_copy(&tail->vcpus[i].msrs);
	}
	return 0;
}

static const struct image_ops sink_ops = {
	.head = sink_head,
	.p2m = sink_p2m,
	.page = sink_page,
	.flush = sink_flush,
	.tail = sink_tail,
};

void sink_init(struct sink *s)
{
	memset(s, 0, sizeof(*s));
	s->img.ops = &sink_ops;
	s->data = calloc(SINK_PFNS, PAGE_BYTES);
	s->kept = malloc(SINK_KEPT * sizeof(*s->kept));
	assert_true(s->data && s->kept);
}

void sink_free(struct sink *s)
{
	size_t i;

	for (i = 0; i < s->nvcpus; i++)
		vcpu_state_free(&s->vcpus[i]);
	free(s->vcpus);
	free(s->config);
	blob_free(&s->cpuid);
	blob_free(&s->msrs);
	free(s->data);
	free(s->kept);
}

static void assert_same_blob(const struct blob *a, const struct blob *b)
{
	assert_int_equal(a->size, b->size);
	if (a->size)
		assert_memory_equal(a->data, b->data, a->size);
}

static void assert_same_vcpu(const struct vcpu_state *a, const struct vcpu_state *b)
{
	assert_int_equal(a->id, b->id);
	assert_memory_equal(&a->basic, &b->basic, sizeof(a->basic));
	assert_same_blob(&a->extended, &b->extended);
	assert_same_blob(&a->xsave, &b->xsave);
	assert_same_blob(&a->msrs, &b->msrs);
}

static void assert_same_page(const struct sink *a, const struct sink *b, unsigned int pfn)
{
	if (a->came[pfn] != b->came[pfn] || a->type[pfn] != b->type[pfn] ||
	    a->kind[pfn] != b->kind[pfn])
		fail_msg("pfn %#x: came %d type %#x kind %d, expected %d %#x %d", pfn, b->came[pfn],
			 b->type[pfn], b->kind[pfn], a->came[pfn], a->type[pfn], a->kind[pfn]);
	if (a->kind[pfn] == STILLPOINT_PAGE_DATA && memcmp(a->data[pfn], b->data[pfn], PAGE_BYTES))
		fail_msg("pfn %#x has other bytes", pfn);
}

void sink_assert_same(const struct sink *a, const struct sink *b)
{
	unsigned int i;

	assert_int_equal(a->heads, b->heads);
	assert_int_equal(a->tails, b->tails);
	assert_string_equal(a->config, b->config);
	assert_int_equal(a->xen_major, b->xen_major);
	assert_int_equal(a->xen_minor, b->xen_minor);
	assert_same_blob(&a->cpuid, &b->cpuid);
	assert_same_blob(&a->msrs, &b->msrs);
	assert_int_equal(a->max_pfn, b->max_pfn);
	assert_memory_equal(a->frames, b->frames, (a->max_pfn / 512 + 1) * sizeof(a->frames[0]));
	for (i = 0; i < SINK_PFNS; i++)
		assert_same_page(a, b, i);
	assert_int_equal(a->tsc.mode, b->tsc.mode);
	assert_int_equal(a->tsc.khz, b->tsc.khz);
	assert_int_equal(a->tsc.nsec, b->tsc.nsec);
	assert_int_equal(a->tsc.incarnation, b->tsc.incarnation);
	assert_memory_equal(a->shared_info, b->shared_info, PAGE_BYTES);
	assert_int_equal(a->nvcpus, b->nvcpus);
	for (i = 0; i < a->nvcpus; i++)
		assert_same_vcpu(&a->vcpus[i], &b->vcpus[i]);
}
