/* SPDX-License-Identifier: GPL-2.0 */
/* Writing an image. The layout is the implementation's. */
#ifndef STILLPOINT_IMAGE_IMAGE_H
#define STILLPOINT_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stillpoint/image.h>

#include "blob.h"
#include "codec.h"
#include "crypt.h"
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
 * @kind: STILLPOINT_PAGE_NONE if the type has no data, else one of the others; a
 *	writer finds by itself that DATA is zero
 * @data: its bytes, in the stream's form; only looked at if @kind is DATA
 */
struct image_page {
	uint64_t pfn;
	uint32_t type;
	enum stillpoint_page_kind kind;
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
 * struct image_tmem - what stands in a TMEM section, but for TMEM_IMAGE
 * @type: STILLPOINT_SECTION_TMEM_*
 * @mandatory: nothing may be restored without it
 * @body: the section's, in the clear; whoever passes it on has checked it
 */
struct image_tmem {
	uint32_t type;
	bool mandatory;
	const void *body;
	size_t size;
};

/**
 * struct image_ops - an implementation of struct image; all return 0, or -1 with an
 *	error recorded
 * @head: begins the image
 * @p2m: describes the p2m from here on; comes before the pages, and again if it
 *	changed. It never has fewer pfns than before
 * @page: adds a page, any number of times; a pfn may come again, and then the last
 *	counts. May keep the pointer to its data until the next flush()
 * @copy: adds @n pages of plain memory of the ascending @pfns, as page() would, but the bytes
 *	at @src may change at any time: each page is copied once. @src must stay until
 *	flush() has worked, or until free(). NULL if pages have to be copied for page()
 * @tmem: adds a part of the tmem pools, which is copied, any number of times after head();
 *	NULL if the image has no place for them. The parts are in order
 * @flush: completes all pages so far, so that their data may go away
 * @read: what was written last for @pfn, of kind DATA, ZERO or FREE, becomes the page
 *	at @data; only if the image is readable; may be slow
 * @tail: completes the image; all is given to the output, not yet on disk
 * @free: frees the image, complete or not
 */
struct image_ops {
	int (*head)(struct image *img, const struct image_head *head);
	int (*p2m)(struct image *img, const struct image_p2m *p2m);
	int (*page)(struct image *img, const struct image_page *page);
	int (*copy)(struct image *img, const uint32_t *pfns, const uint8_t *const *src, size_t n);
	int (*tmem)(struct image *img, const struct image_tmem *part);
	int (*flush)(struct image *img);
	int (*read)(struct image *img, uint64_t pfn, void *data);
	int (*tail)(struct image *img, const struct image_tail *tail);
	void (*free)(struct image *img);
};

/**
 * struct image - an image that is being written; the first member of an
 *	implementation's own
 */
struct image {
	const struct image_ops *ops;
	struct output *out;
};

enum image_layout {
	IMAGE_XL,
	IMAGE_PACKED,
	IMAGE_MAPPED,
};

/**
 * struct image_options - how to write one
 * @compress: of the packed layout
 * @secret: to encrypt with, NULL for none; only the packed layout can
 * @threads: that compress, at least 1
 * @readable: read() will be used
 * @pfns_max: the mapped layout has no more places for pages; 0 for any number
 * @side: the tmem pools of an image in xl's layout are in a side file
 */
struct image_options {
	enum image_layout layout;
	struct codec_choice compress;
	const struct crypt_secret *secret;
	unsigned int threads;
	bool readable;
	uint64_t pfns_max;
	bool side;
};

/* Understand "xl", "packed" or "mapped". Returns 0, or -1 with an error recorded. */
int image_parse_layout(const char *text, enum image_layout *layout);

/* The reverse. */
const char *image_layout_name(enum image_layout layout);

/* An image that is written to @out. Returns NULL with an error recorded. */
struct image *image_new(struct output *out, const struct image_options *opts);

/* Returns 0 if an image has room for @config, else -1 with an error recorded. */
int image_check_config(const char *config);

/* Add @part to @img. An image with no place for it is an error. 0 or -1, recorded. */
int image_tmem(struct image *img, const struct image_tmem *part);

/* A vCPU's state has fewer bytes: the extended state is the largest part. */
#define IMAGE_VCPU_BYTES (64u << 10)

/* Xen's TSC_MODE_PVRDTSCP, the last mode there was. */
#define IMAGE_TSC_MODE_MAX 3u

/*
 * An upper bound of the bytes of an image of @pages pages that each are written once,
 * with a configuration of @config bytes. That of the mapped layout holds however often
 * pages are written.
 */
uint64_t image_bytes(const struct image_options *opts, uint64_t pages, uint64_t pfns,
		     uint64_t vcpus, uint64_t config);

#endif /* STILLPOINT_IMAGE_IMAGE_H */
