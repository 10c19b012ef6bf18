/* SPDX-License-Identifier: GPL-2.0 */
/* Writing an image. The layout is the implementation's. */
#ifndef STILLPOINT_IMAGE_H
#define STILLPOINT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "blob.h"
#include "domain.h"
#include "output.h"

struct image;

/**
 * struct image_p2m - the guest's p2m
 * @max_pfn: highest pfn
 * @frames: pfns of the frames that hold the p2m
 * @nframes: their number, one for each 512 pfns
 */
struct image_p2m {
	uint64_t max_pfn;
	uint64_t *frames;
	size_t nframes;
};

/**
 * struct image_head - what stands before the pages
 * @config: the domain's configuration as JSON
 * @xen_major: of the hypervisor
 * @xen_minor: of the hypervisor
 * @cpuid: CPUID policy, as xen_cpuid_leaf_t; may be empty
 * @msrs: MSR policy, as xen_msr_entry_t; may be empty
 */
struct image_head {
	const char *config;
	unsigned int xen_major;
	unsigned int xen_minor;
	struct blob cpuid;
	struct blob msrs;
};

/**
 * struct image_page - one page
 * @type: XEN_DOMCTL_PFINFO_*
 * @data: its bytes, in the stream's form; not looked at if the type has none
 */
struct image_page {
	uint64_t pfn;
	uint32_t type;
	const void *data;
};

/**
 * struct image_tail - what stands behind the pages; frame numbers are pfns
 * @shared_info: one page
 * @vcpus: the online ones
 */
struct image_tail {
	struct tsc_state tsc;
	const void *shared_info;
	const struct vcpu_state *vcpus;
	size_t nvcpus;
};

/**
 * struct image_ops - an implementation of struct image; all return 0, or -1 with an
 *	error recorded
 * @head: begins the image
 * @p2m: describes the p2m from here on; comes before the pages, and again if it
 *	changed. It never has fewer pfns than before
 * @page: adds a page, any number of times; a pfn may come again, and then the last
 *	counts. May keep the pointer to its data until the next flush()
 * @flush: completes all pages so far, so that their data may go away
 * @tail: completes the image; all is appended to the output, not yet on disk
 */
struct image_ops {
	int (*head)(struct image *img, const struct image_head *head);
	int (*p2m)(struct image *img, const struct image_p2m *p2m);
	int (*page)(struct image *img, const struct image_page *page);
	int (*flush)(struct image *img);
	int (*tail)(struct image *img, const struct image_tail *tail);
};

/**
 * struct image - an image that is being written
 * @placed: offset of the newest bytes of each pfn, kept up to date; NULL if nobody asks
 */
struct image {
	const struct image_ops *ops;
	struct output *out;
	uint64_t *placed;
};

#endif /* STILLPOINT_IMAGE_H */
