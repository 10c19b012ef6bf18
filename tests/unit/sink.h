/* SPDX-License-Identifier: GPL-2.0 */
/* An image that only remembers what it was given. */
#ifndef STILLPOINT_SINK_H
#define STILLPOINT_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "image/image.h"
#include "page.h"

/* Pfns below this one may come. */
#define SINK_PFNS 4096

/**
 * struct sink - the image
 * @came: the pfn came
 * @data: the newest bytes of a page of kind DATA
 * @kept: pages whose bytes are copied at the next flush, as a writer may do
 * @p2ms: how often the p2m came; the last one is in @max_pfn and @frames
 * @heads: how often head() was called, and so on
 * @with_data: of the pages, those of kind DATA
 */
struct sink {
	struct image img;
	bool came[SINK_PFNS];
	uint32_t type[SINK_PFNS];
	enum stillpoint_page_kind kind[SINK_PFNS];
	uint8_t (*data)[PAGE_BYTES];
	struct image_page *kept;
	size_t nkept;
	char *config;
	unsigned int xen_major;
	unsigned int xen_minor;
	struct blob cpuid;
	struct blob msrs;
	uint64_t max_pfn;
	uint64_t frames[SINK_PFNS / 512];
	struct tsc_state tsc;
	uint8_t shared_info[PAGE_BYTES];
	struct vcpu_state *vcpus;
	size_t nvcpus;
	unsigned int heads;
	unsigned int p2ms;
	unsigned int tails;
	uint64_t pages;
	uint64_t with_data;
};

/* Fails the test if what it is given is not in order. */
void sink_init(struct sink *sink);

void sink_free(struct sink *sink);

/* Both were given the same in the end. Fails the test if they were not. */
void sink_assert_same(const struct sink *a, const struct sink *b);

#endif /* STILLPOINT_SINK_H */
