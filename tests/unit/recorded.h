/* SPDX-License-Identifier: GPL-2.0 */
/* An image that remembers what it is given, to compare it with what it should be. */
#ifndef STILLPOINT_RECORDED_H
#define STILLPOINT_RECORDED_H

#include "image/image.h"
#include "page.h"
#include "pools.h"

#define RECORDED_PFNS 4096

/**
 * struct recorded_page - what a pfn had last
 * @given: how often it came
 * @order: which of all pages it was then
 * @data: a copy, if it is of kind DATA
 */
struct recorded_page {
	unsigned int given;
	unsigned int order;
	uint32_t type;
	enum stillpoint_page_kind kind;
	uint8_t *data;
};

/**
 * struct recorded - the image
 * @steps: a letter for each call: h, p for p2m, d for pages and m for tmem (once for those in
 *	a row), t
 * @tmem: what was given of tmem pools
 * @kept: pages of which only the pointer was kept so far, as an image may until flush()
 * @fail_at: the call that fails: one of @steps' letters, 0 for none
 */
struct recorded {
	struct image img;
	char steps[256];
	char *config;
	unsigned int xen_major;
	unsigned int xen_minor;
	struct blob cpuid;
	struct blob msrs;
	struct image_p2m p2m;
	unsigned int pages;
	struct pools tmem;
	struct recorded_page page[RECORDED_PFNS];
	struct image_page kept[2048];
	unsigned int nkept;
	struct tsc_state tsc;
	uint8_t shared_info[PAGE_BYTES];
	struct vcpu_state *vcpus;
	size_t nvcpus;
	char fail_at;
};

/* free() it with recorded_free(). */
struct recorded *recorded_new(void);
void recorded_free(struct recorded *rec);

/* Read the image @path, which must be right, into a new one. */
struct recorded *recorded_read(const char *path, const char *key_file);

/*
 * Fail the test unless a restore makes the same of both: kinds ZERO, FREE and DATA of
 * zeroes are the same, and so are pages that are missing and those of type XTAB.
 */
void recorded_assert_equal(struct recorded *a, struct recorded *b);

#endif /* STILLPOINT_RECORDED_H */
