/* SPDX-License-Identifier: GPL-2.0 */
/* Where an image differs from the guest. */
#ifndef STILLPOINT_AUDIT_H
#define STILLPOINT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Differences that are told one by one; of more there is only the number. */
#define AUDIT_TOLD 64

/* The round of a page that was copied while the guest was paused. */
#define AUDIT_PAUSED 0

/**
 * struct audit_miss - a page that is not in the image as the guest has it
 * @type: its type now, XEN_DOMCTL_PFINFO_*
 * @image_type: its type in the image
 * @owner: who may have written it: page table, granted, user, kernel or unknown
 * @offset: of the first byte that differs; PAGE_BYTES if only the type does, or if it
 *	is free in the image and not in the guest
 * @round: in which it was copied last
 * @late: it was written after it was copied from the paused guest: by a backend, or
 *	by the hypervisor to a field that it shares with the guest. No miss
 */
struct audit_miss {
	uint64_t pfn;
	uint64_t mfn;
	uint32_t type;
	uint32_t image_type;
	const char *owner;
	unsigned int offset;
	unsigned int round;
	bool late;
};

/**
 * struct audit_result - what an audit found
 * @pages: compared
 * @free: not compared, as the image has them as free; looked at whether they are
 * @missed: of these, the ones that differ
 * @late: of these, the ones written after their copy; not in @missed
 * @miss: the first @told of both
 */
struct audit_result {
	uint64_t pages;
	uint64_t free;
	uint64_t missed;
	uint64_t late;
	struct audit_miss miss[AUDIT_TOLD];
	unsigned int told;
};

/**
 * struct audit - what must be known of each of @room pfns for an audit
 * @round: in which it was copied last
 */
struct audit {
	uint8_t *round;
	uint64_t room;
};

/* Returns 0, or -1 with an error recorded. */
int audit_grow(struct audit *audit, uint64_t size);

void audit_free(struct audit *audit);

#endif /* STILLPOINT_AUDIT_H */
