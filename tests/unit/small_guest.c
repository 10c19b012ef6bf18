// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include "page.h"
#include "small_guest.h"

#define NOTAB XEN_DOMCTL_PFINFO_NOTAB
#define L1 (XEN_DOMCTL_PFINFO_L1TAB | XEN_DOMCTL_PFINFO_LPINTAB)
#define L4 XEN_DOMCTL_PFINFO_L4TAB

void small_page(uint8_t *page, unsigned int seed)
{
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	size_t i;

	memset(page, seed, PAGE_BYTES);
	for (i = 0; i < PAGE_BYTES / 2; i++) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
		page[i] = x >> 56;
	}
}

void small_head(struct image *img)
{
	struct image_head head = {
		.config = "{\"c_info\":{\"name\":\"small\"}}",
		.xen_major = 4,
		.xen_minor = 17,
		.cpuid = { .data = "a CPUID leaf of 24 byte", .size = 24 },
		.msrs = { .data = "an MSR of 16 by", .size = 16 },
	};

	assert_works(img->ops->head(img, &head));
}

void small_p2m(struct image *img, uint64_t max_pfn)
{
	uint64_t frames[64];
	struct image_p2m p2m = { .max_pfn = max_pfn, .frames = frames };

	p2m.nframes = max_pfn / 512 + 1;
	assert_true(p2m.nframes <= 64);
	for (unsigned int i = 0; i < p2m.nframes; i++)
		frames[i] = 2;
	assert_works(img->ops->p2m(img, &p2m));
}

void small_data(struct image *img, uint64_t pfn, uint32_t type, unsigned int seed)
{
	static uint8_t bytes[64][PAGE_BYTES];
	static unsigned int n;
	struct image_page page = {
		.pfn = pfn,
		.type = type,
		.kind = STILLPOINT_PAGE_DATA,
		.data = bytes[n],
	};

	small_page(bytes[n], seed);
	assert_works(img->ops->page(img, &page));
	n = (n + 1) % 64;
	if (!n)
		assert_works(img->ops->flush(img));
}

void small_other(struct image *img, uint64_t pfn, uint32_t type, enum stillpoint_page_kind kind)
{
	struct image_page page = { .pfn = pfn, .type = type, .kind = kind };

	assert_works(img->ops->page(img, &page));
}

static void small_vcpu(struct vcpu_state *vcpu, unsigned int id)
{
	memset(vcpu, 0, sizeof(*vcpu));
	vcpu->id = id;
	vcpu->basic.user_regs.rax = 2;
	vcpu->basic.user_regs.rdx = id;
	vcpu->extended = (struct blob){ .data = "extended", .size = 9 };
	if (id % 2)
		return;
	vcpu->xsave = (struct blob){ .data = "0123456789abcdef", .size = 16 };
	vcpu->msrs = (struct blob){ .data = "fedcba9876543210", .size = 16 };
}

void small_tail(struct image *img, unsigned int nvcpus)
{
	static uint8_t shared_info[PAGE_BYTES];
	struct vcpu_state vcpus[8];
	struct image_tail tail = {
		.tsc = { .mode = 1, .khz = 2, .nsec = 3, .incarnation = 4 },
		.shared_info = shared_info,
		.vcpus = vcpus,
		.nvcpus = nvcpus,
	};
	unsigned int i;

	small_page(shared_info, 4711);
	for (i = 0; i < nvcpus; i++)
		small_vcpu(&vcpus[i], 2 * i);
	if (nvcpus > 1)
		small_vcpu(&vcpus[1], 1);
	assert_works(img->ops->tail(img, &tail));
}

static void small_pages(struct image *img, unsigned int pages)
{
	unsigned int i;

	for (i = 0; i < pages; i++) {
		if (i % 7 == 3)
			small_other(img, 16 + i, NOTAB, STILLPOINT_PAGE_ZERO);
		else if (i % 31 > 27)
			small_other(img, 16 + i, NOTAB, STILLPOINT_PAGE_FREE);
		else
			small_data(img, 16 + i, NOTAB, 100 + i / 2);
	}
}

void small_guest(struct image *img, unsigned int pages)
{
	small_head(img);
	small_p2m(img, 9);
	small_other(img, 0, XEN_DOMCTL_PFINFO_XTAB, STILLPOINT_PAGE_NONE);
	small_data(img, 1, NOTAB, 1);
	small_data(img, 2, NOTAB, 2);
	small_other(img, 3, NOTAB, STILLPOINT_PAGE_ZERO);
	small_other(img, 4, NOTAB, STILLPOINT_PAGE_FREE);
	small_other(img, 5, XEN_DOMCTL_PFINFO_BROKEN, STILLPOINT_PAGE_NONE);
	small_data(img, 9, NOTAB, 3);
	/* Twice, and downwards. */
	small_data(img, 1, NOTAB, 4);
	small_data(img, 4, NOTAB, 5);
	small_other(img, 3, NOTAB, STILLPOINT_PAGE_FREE);
	small_p2m(img, 15 + pages);
	small_data(img, 10, NOTAB, 6);
	small_other(img, 9, XEN_DOMCTL_PFINFO_XALLOC, STILLPOINT_PAGE_NONE);
	small_pages(img, pages);
	small_data(img, 6, L1, 7);
	small_data(img, 7, L4, 8);
	small_data(img, 6, L1, 9);
	small_tail(img, 3);
}
