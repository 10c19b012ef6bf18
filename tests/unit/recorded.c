// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "image/source.h"
#include "input.h"
#include "recorded.h"

static struct recorded *recorded_of(struct image *img)
{
	return (struct recorded *)img;
}

static int recorded_step(struct recorded *rec, char step)
{
	size_t n = strlen(rec->steps);

	if (rec->fail_at == step)
		return msg_error("the test wants this to fail");
	if ((step == 'd' || step == 'm') && n && rec->steps[n - 1] == step)
		return 0;
	assert_true(n + 1 < sizeof(rec->steps));
	rec->steps[n] = step;
	rec->steps[n + 1] = '\0';
	return 0;
}

static struct blob recorded_blob(const struct blob *b)
{
	struct blob copy = { .data = malloc(b->size + 1), .size = b->size };

	assert_non_null(copy.data);
	if (b->size)
		memcpy(copy.data, b->data, b->size);
	return copy;
}

static int recorded_head(struct image *img, const struct image_head *head)
{
	struct recorded *rec = recorded_of(img);

	assert_null(rec->config);
	rec->config = strdup(head->config);
	rec->xen_major = head->xen_major;
	rec->xen_minor = head->xen_minor;
	rec->cpuid = recorded_blob(&head->cpuid);
	rec->msrs = recorded_blob(&head->msrs);
	return recorded_step(rec, 'h');
}

static int recorded_p2m(struct image *img, const struct image_p2m *p2m)
{
	struct recorded *rec = recorded_of(img);

	assert_non_null(rec->config);
	assert_int_equal(p2m->nframes, p2m->max_pfn / ENTRIES_PER_PAGE + 1);
	assert_true(p2m->max_pfn < RECORDED_PFNS && p2m->max_pfn >= rec->p2m.max_pfn);
	free(rec->p2m.frames);
	rec->p2m = *p2m;
	rec->p2m.frames = malloc(p2m->nframes * sizeof(*p2m->frames));
	assert_non_null(rec->p2m.frames);
	memcpy(rec->p2m.frames, p2m->frames, p2m->nframes * sizeof(*p2m->frames));
	return recorded_step(rec, 'p');
}

static void recorded_take(struct recorded *rec)
{
	const struct image_page *page;
	struct recorded_page *p;

	for (page = rec->kept; page < rec->kept + rec->nkept; page++) {
		p = &rec->page[page->pfn];
		p->given++;
		p->order = ++rec->pages;
		p->type = page->type;
		p->kind = page->kind;
		free(p->data);
		p->data = NULL;
		if (page->kind != STILLPOINT_PAGE_DATA)
			continue;
		p->data = malloc(PAGE_BYTES);
		assert_non_null(p->data);
		memcpy(p->data, page->data, PAGE_BYTES);
	}
	rec->nkept = 0;
}

static int recorded_page(struct image *img, const struct image_page *page)
{
	struct recorded *rec = recorded_of(img);

	assert_non_null(rec->p2m.frames);
	assert_true(page->pfn <= rec->p2m.max_pfn);
	assert_int_equal(page_type_has_data(page->type), page->kind != STILLPOINT_PAGE_NONE);
	rec->kept[rec->nkept++] = *page;
	assert_true(rec->nkept < sizeof(rec->kept) / sizeof(rec->kept[0]));
	return recorded_step(rec, 'd');
}

static int recorded_tmem(struct image *img, const struct image_tmem *part)
{
	struct recorded *rec = recorded_of(img);

	assert_non_null(rec->config);
	pools_take(&rec->tmem, part);
	return recorded_step(rec, 'm');
}

static int recorded_flush(struct image *img)
{
	recorded_take(recorded_of(img));
	return 0;
}

static int recorded_read_page(struct image *img, uint64_t pfn, void *data)
{
	(void)img;
	(void)pfn;
	(void)data;
	fail_msg("nobody reads from what is recorded");
	return -1;
}

static int recorded_tail(struct image *img, const struct image_tail *tail)
{
	struct recorded *rec = recorded_of(img);
	size_t i;

	assert_int_equal(rec->nkept, 0);
	rec->tsc = tail->tsc;
	memcpy(rec->shared_info, tail->shared_info, PAGE_BYTES);
	rec->nvcpus = tail->nvcpus;
	rec->vcpus = calloc(rec->nvcpus, sizeof(*rec->vcpus));
	assert_non_null(rec->vcpus);
	for (i = 0; i < rec->nvcpus; i++) {
		rec->vcpus[i] = tail->vcpus[i];
		rec->vcpus[i].extended = recorded_blob(&tail->vcpus[i].extended);
		rec->vcpus[i].xsave = recorded_blob(&tail->vcpus[i].xsave);
		rec->vcpus[i].msrs = recorded_blob(&tail->vcpus[i].msrs);
	}
	return recorded_step(rec, 't');
}

static void recorded_free_image(struct image *img)
{
	(void)img;
}

static const struct image_ops recorded_ops = {
	.head = recorded_head,
	.p2m = recorded_p2m,
	.page = recorded_page,
	.tmem = recorded_tmem,
	.flush = recorded_flush,
	.read = recorded_read_page,
	.tail = recorded_tail,
	.free = recorded_free_image,
};

struct recorded *recorded_new(void)
{
	struct recorded *rec = calloc(1, sizeof(*rec));

	assert_non_null(rec);
	rec->img.ops = &recorded_ops;
	pools_init(&rec->tmem);
	return rec;
}

void recorded_free(struct recorded *rec)
{
	size_t i;

	pools_free(&rec->tmem);
	for (i = 0; i < RECORDED_PFNS; i++)
		free(rec->page[i].data);
	for (i = 0; i < rec->nvcpus; i++)
		vcpu_state_free(&rec->vcpus[i]);
	free(rec->vcpus);
	free(rec->p2m.frames);
	blob_free(&rec->cpuid);
	blob_free(&rec->msrs);
	free(rec->config);
	free(rec);
}

struct recorded *recorded_read(const char *path, const char *key_file)
{
	static const struct source_options opts = { .threads = 2 };
	struct recorded *rec = recorded_new();
	struct input in;

	assert_works(input_open(&in, path, key_file));
	assert_works(input_recognise(&in, &opts));
	assert_works(source_pump(in.src, &rec->img));
	input_close(&in);
	return rec;
}

static void recorded_assert_blob(const struct blob *a, const struct blob *b)
{
	assert_int_equal(a->size, b->size);
	assert_memory_equal(a->data, b->data, a->size);
}

static void recorded_assert_page(const struct recorded_page *a, const struct recorded_page *b,
				 uint64_t pfn)
{
	static const uint8_t zeroes[PAGE_BYTES];
	uint32_t type_a = a->given ? a->type : XEN_DOMCTL_PFINFO_XTAB;
	uint32_t type_b = b->given ? b->type : XEN_DOMCTL_PFINFO_XTAB;

	if (type_a != type_b)
		fail_msg("pfn %#lx has types %#x and %#x", (unsigned long)pfn, type_a, type_b);
	if (memcmp(a->data ? a->data : zeroes, b->data ? b->data : zeroes, PAGE_BYTES))
		fail_msg("pfn %#lx is not the same", (unsigned long)pfn);
}

static void recorded_assert_vcpu(const struct vcpu_state *a, const struct vcpu_state *b)
{
	assert_int_equal(a->id, b->id);
	assert_memory_equal(&a->basic, &b->basic, sizeof(a->basic));
	recorded_assert_blob(&a->extended, &b->extended);
	recorded_assert_blob(&a->xsave, &b->xsave);
	recorded_assert_blob(&a->msrs, &b->msrs);
}

void recorded_assert_equal(struct recorded *a, struct recorded *b)
{
	size_t i;

	assert_string_equal(a->config, b->config);
	assert_int_equal(a->xen_major, b->xen_major);
	assert_int_equal(a->xen_minor, b->xen_minor);
	recorded_assert_blob(&a->cpuid, &b->cpuid);
	recorded_assert_blob(&a->msrs, &b->msrs);
	assert_int_equal(a->p2m.max_pfn, b->p2m.max_pfn);
	assert_int_equal(a->p2m.nframes, b->p2m.nframes);
	assert_memory_equal(a->p2m.frames, b->p2m.frames, a->p2m.nframes * sizeof(*a->p2m.frames));
	for (i = 0; i < RECORDED_PFNS; i++)
		recorded_assert_page(&a->page[i], &b->page[i], i);
	assert_int_equal(a->tsc.mode, b->tsc.mode);
	assert_int_equal(a->tsc.khz, b->tsc.khz);
	assert_int_equal(a->tsc.nsec, b->tsc.nsec);
	assert_int_equal(a->tsc.incarnation, b->tsc.incarnation);
	assert_memory_equal(a->shared_info, b->shared_info, PAGE_BYTES);
	assert_int_equal(a->nvcpus, b->nvcpus);
	for (i = 0; i < a->nvcpus; i++)
		recorded_assert_vcpu(&a->vcpus[i], &b->vcpus[i]);
	pools_assert_equal(&a->tmem, &b->tmem);
}
