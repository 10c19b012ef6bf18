/* SPDX-License-Identifier: GPL-2.0 */
/* An image read by rules of its own, to see what a restore would make of it. */
#ifndef STILLPOINT_IMAGE_PARSE_H
#define STILLPOINT_IMAGE_PARSE_H

#include <stddef.h>
#include <stdint.h>

#include <xenctrl.h>

#define PARSE_PFNS 4096

/**
 * struct parsed - what stands in an image
 * @order: last place of each pfn in the stream, 0 if it is not there
 * @pages: pfns in the stream, each as often as it comes
 */
struct parsed {
	uint8_t *file;
	size_t size;
	uint32_t max_pfn;
	const uint64_t *p2m_frames;
	uint32_t np2m_frames;
	uint32_t type[PARSE_PFNS];
	const uint8_t *page[PARSE_PFNS];
	uint32_t order[PARSE_PFNS];
	uint32_t pages;
	uint32_t data_pages;
	const uint8_t *shared_info;
	const vcpu_guest_context_t *vcpu[8];
	const uint8_t *extended[8];
	const uint8_t *xsave[8];
	const uint8_t *msrs[8];
	uint32_t records[32];
};

/* Read the image @path; fails the test on anything unexpected. free() p->file. */
void image_parse(const char *path, struct parsed *p);

#endif /* STILLPOINT_IMAGE_PARSE_H */
