// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "diff.h"
#include "msg.h"
#include "page.h"

/* Entries that the tables have at least. */
#define DIFF_ROOM 1024

/* A page that is not in an image at all. */
#define DIFF_MISSING XEN_DOMCTL_PFINFO_XTAB

enum diff_judgement {
	DIFF_UNSEEN, /* the second image did not have it so far */
	DIFF_SAME,
	DIFF_CONTENT,
	DIFF_TYPE,
	DIFF_ONLY_FIRST,
	DIFF_ONLY_SECOND,
};

/**
 * struct diff_page - a page of the first image
 * @hash: XXH3-128 of its bytes, zeroes if it has none
 * @seen: the image has it
 * @type: page_type_number()
 */
struct diff_page {
	XXH128_hash_t hash;
	bool seen;
	uint8_t type;
};

/**
 * struct diff_state - XXH3-128 of what is no page
 */
struct diff_state {
	XXH128_hash_t config;
	XXH128_hash_t platform;
	XXH128_hash_t p2m;
	XXH128_hash_t time;
	XXH128_hash_t shared_info;
	XXH128_hash_t vcpus;
};

/**
 * struct diff_sink - takes one image
 */
struct diff_sink {
	struct image img;
	struct diff *diff;
	bool second;
};

/**
 * struct diff - the comparison
 * @room: pfns that the tables have room for
 * @first: the pages of the first image, as they were last
 * @judged: enum diff_judgement for what the second one had last
 * @zero: hash of a page of zeroes
 * @tmem: the pools of both
 */
struct diff {
	uint64_t room;
	struct diff_page *first;
	uint8_t *judged;
	XXH128_hash_t zero;
	struct diff_state state[2];
	struct tmem_state tmem[2];
	struct diff_sink sink[2];
	uint64_t pages[2];
};

static struct diff_sink *diff_of(struct image *img)
{
	return (struct diff_sink *)img;
}

static struct diff_state *diff_state_of(struct image *img)
{
	return &diff_of(img)->diff->state[diff_of(img)->second];
}

static int diff_head(struct image *img, const struct image_head *head)
{
	struct diff_state *state = diff_state_of(img);
	unsigned int xen[2] = { head->xen_major, head->xen_minor };
	XXH128_hash_t parts[3] = {
		XXH3_128bits(xen, sizeof(xen)),
		XXH3_128bits(head->cpuid.data, head->cpuid.size),
		XXH3_128bits(head->msrs.data, head->msrs.size),
	};

	state->config = XXH3_128bits(head->config, strlen(head->config));
	state->platform = XXH3_128bits(parts, sizeof(parts));
	return 0;
}

static int diff_p2m(struct image *img, const struct image_p2m *p2m)
{
	XXH128_hash_t parts[2] = {
		XXH3_128bits(&p2m->max_pfn, sizeof(p2m->max_pfn)),
		XXH3_128bits(p2m->frames, p2m->nframes * sizeof(*p2m->frames)),
	};

	diff_state_of(img)->p2m = XXH3_128bits(parts, sizeof(parts));
	return 0;
}

/* New memory is only used where it is written to. */
static void *diff_extend(void *old, uint64_t have, uint64_t want, size_t size)
{
	void *array = calloc(want, size);

	if (array && have)
		memcpy(array, old, have * size);
	if (array)
		free(old);
	return array;
}

static int diff_grow(struct diff *d, uint64_t pfn)
{
	uint64_t room = d->room ? d->room : DIFF_ROOM;
	struct diff_page *first;
	uint8_t *judged;

	if (pfn >= STILLPOINT_PFN_LIMIT)
		return msg_error("pfn %#llx is too high to be compared", (unsigned long long)pfn);
	while (room <= pfn)
		room *= 2;
	first = diff_extend(d->first, d->room, room, sizeof(*first));
	if (first)
		d->first = first;
	judged = diff_extend(d->judged, d->room, room, sizeof(*judged));
	if (judged)
		d->judged = judged;
	if (!first || !judged)
		return msg_error("out of memory to compare %llu pages", (unsigned long long)room);
	d->room = room;
	return 0;
}

/* A restore makes a page of that type. */
static bool diff_is_page(unsigned int type)
{
	return page_type_has_data((uint32_t)type << XEN_DOMCTL_PFINFO_LTAB_SHIFT);
}

/* What the first image has, in the form of a page of the second. */
static struct diff_page diff_first_page(const struct diff *d, uint64_t pfn)
{
	struct diff_page missing = { .type = page_type_number(DIFF_MISSING) };

	return d->first[pfn].seen ? d->first[pfn] : missing;
}

static enum diff_judgement diff_judge(const struct diff_page *a, const struct diff_page *b)
{
	if (diff_is_page(a->type) != diff_is_page(b->type))
		return diff_is_page(a->type) ? DIFF_ONLY_FIRST : DIFF_ONLY_SECOND;
	if (!XXH128_isEqual(a->hash, b->hash))
		return DIFF_CONTENT;
	return a->type == b->type ? DIFF_SAME : DIFF_TYPE;
}

static int diff_page(struct image *img, const struct image_page *page)
{
	struct diff *d = diff_of(img)->diff;
	struct diff_page now = { .seen = true, .type = page_type_number(page->type) }, first;

	if (page->pfn >= d->room && diff_grow(d, page->pfn))
		return -1;
	if (page->kind == STILLPOINT_PAGE_DATA)
		now.hash = XXH3_128bits(page->data, PAGE_BYTES);
	else if (page->kind != STILLPOINT_PAGE_NONE)
		now.hash = d->zero;
	if (!diff_of(img)->second) {
		d->first[page->pfn] = now;
		return 0;
	}
	first = diff_first_page(d, page->pfn);
	d->judged[page->pfn] = diff_judge(&first, &now);
	return 0;
}

static int diff_tmem(struct image *img, const struct image_tmem *part)
{
	return tmem_state_take(&diff_of(img)->diff->tmem[diff_of(img)->second], part, 0);
}

static int diff_flush(struct image *img)
{
	(void)img;
	return 0;
}

static int diff_read(struct image *img, uint64_t pfn, void *data)
{
	(void)img;
	(void)data;
	return msg_error("pfn %#llx cannot be read back from a comparison",
			 (unsigned long long)pfn);
}

static XXH128_hash_t diff_vcpu(const struct vcpu_state *vcpu)
{
	XXH128_hash_t parts[5] = {
		XXH3_128bits(&vcpu->id, sizeof(vcpu->id)),
		XXH3_128bits(&vcpu->basic, sizeof(vcpu->basic)),
		XXH3_128bits(vcpu->extended.data, vcpu->extended.size),
		XXH3_128bits(vcpu->xsave.data, vcpu->xsave.size),
		XXH3_128bits(vcpu->msrs.data, vcpu->msrs.size),
	};

	return XXH3_128bits(parts, sizeof(parts));
}

static int diff_tail(struct image *img, const struct image_tail *tail)
{
	struct diff_state *state = diff_state_of(img);
	uint64_t time[4] = { tail->tsc.mode, tail->tsc.khz, tail->tsc.nsec, tail->tsc.incarnation };
	XXH128_hash_t vcpu;
	size_t i;

	state->time = XXH3_128bits(time, sizeof(time));
	state->shared_info = XXH3_128bits(tail->shared_info, PAGE_BYTES);
	/* In whatever order they come. */
	for (i = 0; i < tail->nvcpus; i++) {
		vcpu = diff_vcpu(&tail->vcpus[i]);
		state->vcpus.low64 += vcpu.low64;
		state->vcpus.high64 += vcpu.high64;
	}
	return 0;
}

static void diff_free_sink(struct image *img)
{
	(void)img;
}

static const struct image_ops diff_ops = {
	.head = diff_head,
	.p2m = diff_p2m,
	.page = diff_page,
	.tmem = diff_tmem,
	.flush = diff_flush,
	.read = diff_read,
	.tail = diff_tail,
	.free = diff_free_sink,
};

struct diff *diff_new(void)
{
	static const uint8_t zeroes[PAGE_BYTES];
	struct diff *d = calloc(1, sizeof(*d));
	unsigned int i;

	if (!d) {
		msg_error("out of memory");
		return NULL;
	}
	d->zero = XXH3_128bits(zeroes, sizeof(zeroes));
	for (i = 0; i < 2; i++)
		d->sink[i] = (struct diff_sink){
			.img = { .ops = &diff_ops },
			.diff = d,
			.second = i,
		};
	for (i = 0; i < 2; i++) {
		if (tmem_state_init(&d->tmem[i], "the image is damaged")) {
			diff_free(d);
			return NULL;
		}
		d->tmem[i].hashes = true;
	}
	return d;
}

struct image *diff_first(struct diff *d)
{
	return &d->sink[0].img;
}

struct image *diff_second(struct diff *d)
{
	return &d->sink[1].img;
}

static void diff_count(const struct diff *d, uint64_t pfn, struct diff_result *res)
{
	bool first = d->first[pfn].seen && diff_is_page(d->first[pfn].type);

	res->pages[0] += first;
	switch (d->judged[pfn]) {
	case DIFF_SAME:
		res->same += first;
		res->pages[1] += first;
		break;
	case DIFF_CONTENT:
		res->content++;
		res->pages[1]++;
		break;
	case DIFF_TYPE:
		res->type++;
		res->pages[1] += first;
		break;
	case DIFF_ONLY_FIRST:
		res->only[0]++;
		break;
	case DIFF_ONLY_SECOND:
		res->only[1]++;
		res->pages[1]++;
		break;
	}
}

void diff_finish(struct diff *d, struct diff_result *res)
{
	struct diff_page missing = { .type = page_type_number(DIFF_MISSING) }, first;
	const struct diff_state *a = &d->state[0], *b = &d->state[1];
	uint64_t pfn;

	memset(res, 0, sizeof(*res));
	for (pfn = 0; pfn < d->room; pfn++) {
		if (d->judged[pfn] == DIFF_UNSEEN && d->first[pfn].seen) {
			first = diff_first_page(d, pfn);
			d->judged[pfn] = diff_judge(&first, &missing);
		}
		diff_count(d, pfn, res);
	}
	res->config = !XXH128_isEqual(a->config, b->config);
	res->platform = !XXH128_isEqual(a->platform, b->platform);
	res->p2m = !XXH128_isEqual(a->p2m, b->p2m);
	res->time = !XXH128_isEqual(a->time, b->time);
	res->shared_info = !XXH128_isEqual(a->shared_info, b->shared_info);
	res->vcpus = !XXH128_isEqual(a->vcpus, b->vcpus);
	tmem_state_compare(&d->tmem[0], &d->tmem[1], &res->tmem);
}

bool diff_same(const struct diff_result *res)
{
	return !res->content && !res->type && !res->only[0] && !res->only[1] && !res->config &&
	       !res->platform && !res->p2m && !res->time && !res->shared_info && !res->vcpus &&
	       !res->tmem.content && !res->tmem.only[0] && !res->tmem.only[1] && !res->tmem.pools;
}

bool diff_range(const struct diff *d, uint64_t *first, uint64_t *last)
{
	uint64_t pfn = *first;

	while (pfn < d->room && d->judged[pfn] <= DIFF_SAME)
		pfn++;
	if (pfn >= d->room)
		return false;
	*first = pfn;
	while (pfn < d->room && d->judged[pfn] > DIFF_SAME)
		pfn++;
	*last = pfn - 1;
	return true;
}

void diff_free(struct diff *d)
{
	if (!d)
		return;
	tmem_state_free(&d->tmem[0]);
	tmem_state_free(&d->tmem[1]);
	free(d->first);
	free(d->judged);
	free(d);
}
