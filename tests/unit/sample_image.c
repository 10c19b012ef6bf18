// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include "output.h"
#include "page.h"
#include "sample_image.h"

#define UUID "6f1b2c3d-0001-4002-8003-000400050006"
#define C_INFO "{\"type\":\"pv\",\"name\":\"sample\",\"uuid\":\"" UUID "\"}"
#define B_INFO "{\"max_vcpus\":4,\"max_memkb\":2400,\"target_memkb\":2048}"

static const char config[] = "{\"c_info\":" C_INFO ",\"b_info\":" B_INFO "}";

/* Numbers that look random and are always the same. */
static uint64_t sample_next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* Bytes that cannot be compressed, or words of a few kinds that can. */
static void sample_fill(uint64_t *page, uint64_t seed, bool random)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15 + 1;
	unsigned int i;

	for (i = 0; i < ENTRIES_PER_PAGE; i++) {
		sample_next(&x);
		page[i] = random ? x : seed << 32 | (x & 3);
	}
}

static void sample_page(struct image *img, uint64_t pfn, uint32_t type,
			enum stillpoint_page_kind kind, uint64_t seed)
{
	uint64_t data[ENTRIES_PER_PAGE] = { 0 };
	struct image_page page = { .pfn = pfn, .type = type, .kind = kind };

	if (kind == STILLPOINT_PAGE_DATA)
		page.data = data;
	if (kind == STILLPOINT_PAGE_DATA && seed)
		sample_fill(data, seed, seed % 32 == 1);
	assert_works(img->ops->page(img, &page));
	assert_works(img->ops->flush(img));
}

/* 0 and 1 hold the p2m. Others of no name are missing. */
static void sample_pages(struct image *img)
{
	uint64_t pfn;

	sample_page(img, 0, XEN_DOMCTL_PFINFO_NOTAB, STILLPOINT_PAGE_DATA, 0);
	for (pfn = 1; pfn < 40; pfn++)
		sample_page(img, pfn, XEN_DOMCTL_PFINFO_NOTAB, STILLPOINT_PAGE_DATA, pfn);
	for (pfn = 40; pfn < 50; pfn++)
		sample_page(img, pfn, XEN_DOMCTL_PFINFO_NOTAB, STILLPOINT_PAGE_ZERO, 0);
	for (pfn = 100; pfn < 110; pfn++)
		sample_page(img, pfn, XEN_DOMCTL_PFINFO_NOTAB, STILLPOINT_PAGE_FREE, 0);
	sample_page(img, 200, XEN_DOMCTL_PFINFO_BROKEN, STILLPOINT_PAGE_NONE, 0);
	sample_page(img, 201, XEN_DOMCTL_PFINFO_XALLOC, STILLPOINT_PAGE_NONE, 0);
	sample_page(img, 202, XEN_DOMCTL_PFINFO_XTAB, STILLPOINT_PAGE_NONE, 0);
}

/* Pages that are something else than before, and page tables. */
static void sample_again(struct image *img)
{
	uint64_t pfn;

	sample_page(img, 2, XEN_DOMCTL_PFINFO_NOTAB, STILLPOINT_PAGE_DATA, 1002);
	sample_page(img, 3, XEN_DOMCTL_PFINFO_NOTAB, STILLPOINT_PAGE_DATA, 0);
	sample_page(img, 4, XEN_DOMCTL_PFINFO_XTAB, STILLPOINT_PAGE_NONE, 0);
	sample_page(img, 40, XEN_DOMCTL_PFINFO_NOTAB, STILLPOINT_PAGE_DATA, 1040);
	sample_page(img, 202, XEN_DOMCTL_PFINFO_NOTAB, STILLPOINT_PAGE_DATA, 1202);
	for (pfn = 590; pfn < SAMPLE_PFNS; pfn++)
		sample_page(img, pfn, XEN_DOMCTL_PFINFO_NOTAB, STILLPOINT_PAGE_DATA, pfn);
	sample_page(img, 300, XEN_DOMCTL_PFINFO_L1TAB, STILLPOINT_PAGE_DATA, 300);
	sample_page(img, 301, XEN_DOMCTL_PFINFO_L2TAB, STILLPOINT_PAGE_DATA, 301);
	sample_page(img, 302, XEN_DOMCTL_PFINFO_L3TAB | XEN_DOMCTL_PFINFO_LPINTAB,
		    STILLPOINT_PAGE_DATA, 302);
	sample_page(img, 303, XEN_DOMCTL_PFINFO_L4TAB | XEN_DOMCTL_PFINFO_LPINTAB,
		    STILLPOINT_PAGE_DATA, 303);
}

static void sample_tail(struct image *img)
{
	static uint8_t shared_info[PAGE_BYTES];
	struct vcpu_state vcpus[3];
	struct image_tail tail = {
		.tsc = { .mode = 2, .khz = 2400000, .nsec = UINT64_C(1) << 40, .incarnation = 7 },
		.shared_info = shared_info,
		.vcpus = vcpus,
		.nvcpus = 3,
	};
	unsigned int i;

	sample_fill((uint64_t *)shared_info, 77, true);
	memset(vcpus, 0, sizeof(vcpus));
	for (i = 0; i < 3; i++) {
		vcpus[i].id = i + i / 2;
		vcpus[i].basic.user_regs.rip = 0x1000 * i + 1;
		vcpus[i].basic.ctrlreg[3] = 303 << PAGE_BITS;
		vcpus[i].extended = (struct blob){ .data = "extended", .size = 8 + (i & 1) };
	}
	vcpus[0].basic.user_regs.rax = 2;
	vcpus[1].xsave = (struct blob){ .data = "0123456789abcdefg", .size = 17 };
	vcpus[2].msrs = (struct blob){ .data = "fedcba9876543210FEDCBA9876543210", .size = 32 };
	assert_works(img->ops->tail(img, &tail));
}

void sample_image_give(struct image *img)
{
	uint64_t frames[2] = { 0, 1 };
	struct image_p2m p2m = { .max_pfn = 511, .frames = frames, .nframes = 1 };
	struct image_head head = {
		.config = config,
		.xen_major = 4,
		.xen_minor = 17,
		.cpuid = { .data = "a CPUID leaf of 24 byte", .size = 24 },
		.msrs = { .data = "an MSR of 16 by", .size = 16 },
	};

	assert_works(img->ops->head(img, &head));
	assert_works(img->ops->p2m(img, &p2m));
	sample_pages(img);
	p2m.max_pfn = SAMPLE_PFNS - 1;
	p2m.nframes = 2;
	assert_works(img->ops->p2m(img, &p2m));
	sample_again(img);
	sample_tail(img);
}

void sample_image_write(const char *path, const struct image_options *opts)
{
	struct output out;
	struct image *img;

	assert_works(output_open(&out, path, true));
	img = image_new(&out, opts);
	assert_non_null(img);
	sample_image_give(img);
	img->ops->free(img);
	assert_works(output_sync(&out));
	assert_works(output_publish(&out));
	output_close(&out);
}
