/* SPDX-License-Identifier: GPL-2.0 */
/* Comparing two images of a guest by what a restore would make of them. */
#ifndef STILLPOINT_DIFF_H
#define STILLPOINT_DIFF_H

#include "image/image.h"
#include "image/tmem_state.h"

/**
 * struct diff_result - what was found
 * @pages: that a restore makes, of the first and of the second image
 * @same: pages that do not differ
 * @content: pages whose bytes differ
 * @type: pages whose bytes are the same, but not their type
 * @only: pages that only the first has, or only the second
 * @config: configurations differ, as text
 * @platform: versions of Xen or CPU policies differ
 * @p2m: the p2m is of another size or lies elsewhere
 * @time: the guest's time differs
 * @shared_info: the page differs
 * @vcpus: the state of the vCPUs differs
 * @tmem: what differs in tmem pools
 */
struct diff_result {
	uint64_t pages[2];
	uint64_t same;
	uint64_t content;
	uint64_t type;
	uint64_t only[2];
	bool config;
	bool platform;
	bool p2m;
	bool time;
	bool shared_info;
	bool vcpus;
	struct tmem_compare tmem;
};

/* A comparison. Memory: 25 bytes for each pfn, and about 80 for each page in tmem pools. */
struct diff;

/* NULL with an error recorded. */
struct diff *diff_new(void);

/*
 * What the first image is pumped into; then what the second is. The diff's own, as
 * the image_ops' free() does nothing.
 */
struct image *diff_first(struct diff *d);
struct image *diff_second(struct diff *d);

/* Both were pumped: what differs. */
void diff_finish(struct diff *d, struct diff_result *res);

/* True if nothing differs. */
bool diff_same(const struct diff_result *res);

/*
 * The next range of pages that differ, from pfn *first on, to *last. Returns false if
 * there is none. After diff_finish().
 */
bool diff_range(const struct diff *d, uint64_t *first, uint64_t *last);

void diff_free(struct diff *d);

#endif /* STILLPOINT_DIFF_H */
