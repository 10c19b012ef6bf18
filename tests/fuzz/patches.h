/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hostile guest: a well-behaved machine (domain_file.h), in which the input changes
 * words of whatever a guest can write, at one moment or another.
 */
#ifndef STILLPOINT_FUZZ_PATCHES_H
#define STILLPOINT_FUZZ_PATCHES_H

#include "../unit/domain_file.h"
#include "fuzz.h"

/* pfns of the machine; above enum machine_pfn a few are plain memory. */
#define PATCHES_PFNS 40

/* What a patch changes. */
enum patch_what {
	PATCH_PAGE,    /* words of the guest's memory, from pfn @where / 512 on */
	PATCH_CONTROL, /* words of its half of the control page */
	PATCH_ANCHOR,  /* where it has its p2m: enum patch_anchor */
	PATCH_TYPE,    /* types of its frames */
	PATCH_VCPU,    /* words of its vCPUs' registers */
	PATCH_VCPUS,   /* which vCPUs are online */
	PATCH_GRANT,   /* the frame that others may write */
	PATCH_MODULE,  /* what its module does */
	PATCH_FREE,    /* pages that it has free */
	PATCH_WHATS,
};

enum patch_anchor {
	ANCHOR_MAX_PFN,
	ANCHOR_CR3,
	ANCHOR_VADDR,
	ANCHOR_TREE,
	ANCHOR_GENERATION,
	ANCHORS,
};

/* What a value stands for. */
enum patch_form {
	FORM_RAW,
	FORM_FRAME, /* the machine frame of that pfn */
	FORM_ENTRY, /* a page-table entry for the pfn in the low half, with flags in the high one */
	FORM_XOR,
	FORM_ADD,
	FORMS,
};

/**
 * struct patch - as it stands in the input
 * @when: number of the event before which it is done, 0 for the beginning
 * @count: words from @where on, one at least; each has a value higher by @step
 */
struct patch {
	uint8_t when;
	uint8_t what;
	uint8_t form;
	uint8_t count;
	uint16_t where;
	uint16_t step;
	uint64_t value;
};

/* The machine as it was before all patches, with those of event 0 made. */
struct machine *patches_begin(const uint8_t *data, size_t size);

/* An event: the patches that wait for it are made. */
void patches_event(void);

#endif /* STILLPOINT_FUZZ_PATCHES_H */
