/* SPDX-License-Identifier: GPL-2.0 */
/* The part of an image in xl's layout that libxc reads. */
#ifndef STILLPOINT_LIBXC_READER_H
#define STILLPOINT_LIBXC_READER_H

#include "image.h"
#include "reader.h"
#include "source.h"

/* No domain has a vCPU of that number (Xen's MAX_VIRT_CPUS is 8192). */
#define LIBXC_VCPUS_MAX 8192u

/**
 * struct libxc_reader - what was seen of a stream so far
 * @r: what to read; the three are the caller's
 * @src: its info is filled in
 * @to: where to pass it on, NULL for nowhere
 * @at: offset of the record being read
 * @version: of the stream
 * @width: bytes of a guest word, 0 before X86_PV_INFO
 * @max_pfn: highest pfn so far allowed
 * @room: pfns that there is memory for
 * @types: last type of each pfn, see libxc_type(); 0 where it did not come
 * @p2m: pfn of each frame of the p2m, as described last
 * @came: frames of the p2m that came
 * @given: frames that were passed on, or would have been
 * @static_end: STATIC_DATA_END was there; so on
 * @head: given to @to
 * @cpuid: the policy, only if there is @to; so on
 * @pages: memory for pages on their way to @to
 * @vcpus: in the order in which they came first
 * @vcpu_at: place of vCPU n in @vcpus, plus 1; 0 if it did not come
 * @basic: bit n: vCPU n has its basic context
 */
struct libxc_reader {
	struct reader *r;
	struct source *src;
	struct image *to;
	uint64_t at;
	unsigned int version;
	unsigned int width;
	uint64_t max_pfn;
	uint64_t room;
	uint8_t *types;
	uint64_t *p2m;
	uint64_t came;
	uint64_t given;
	bool static_end;
	bool frames;
	bool has_tsc;
	bool has_shared_info;
	bool head;
	struct blob cpuid;
	struct blob msrs;
	uint8_t *pages;
	struct tsc_state tsc;
	uint8_t shared_info[STILLPOINT_IMAGE_PAGE_BYTES];
	struct vcpu_state *vcpus;
	size_t nvcpus;
	size_t vcpu_room;
	uint16_t vcpu_at[LIBXC_VCPUS_MAX];
	uint64_t basic[LIBXC_VCPUS_MAX / 64];
};

/*
 * Read the stream from its image header to its END record, and check every rule that
 * libxc's restore would fail on after it made a domain. Head, p2m and pages are passed
 * on. 0 or -1, recorded. In both cases libxc_reader_free() is due.
 */
int libxc_read(struct libxc_reader *s);

/* A tail of what was read; points into @s. Returns 0, or -1 with an error recorded. */
int libxc_reader_tail(struct libxc_reader *s, struct image_tail *tail);

void libxc_reader_free(struct libxc_reader *s);

/* The parts of libxc_read(). All return 0 or -1, recorded. */

/* Record that @what is wrong with the record at hand. */
int libxc_bad(const struct libxc_reader *s, const char *what);

int libxc_p2m_frames(struct libxc_reader *s, uint64_t length);
int libxc_page_data(struct libxc_reader *s, uint64_t length);
int libxc_vcpu(struct libxc_reader *s, uint32_t type, uint64_t length);

/* Check and count the pages in the end. */
int libxc_pages_end(struct libxc_reader *s);

/* Give what stands before the pages, once. */
int libxc_give_head(struct libxc_reader *s);

#endif /* STILLPOINT_LIBXC_READER_H */
