// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>

#include <xxhash.h>

#include "image/image.h"
#include "page.h"
#include "tiny_image.h"

static const char config[] = "{\"c_info\":{\"name\":\"tiny\"}}";
static const uint8_t cpuid[24] = "a CPUID leaf of 24 byte";
static const uint8_t msrs[16] = "an MSR of 16 by";

static void tiny_vcpu(struct vcpu_state *vcpu)
{
	memset(vcpu, 0, sizeof(*vcpu));
	vcpu->basic.user_regs.rax = 2;
	vcpu->basic.user_regs.rdx = 1;
	vcpu->extended = (struct blob){ .data = "extended", .size = 9 };
	vcpu->xsave = (struct blob){ .data = "0123456789abcdef", .size = 16 };
	vcpu->msrs = (struct blob){ .data = "fedcba9876543210", .size = 16 };
}

void tiny_image_write(const char *path)
{
	uint64_t frames[] = { 1 };
	struct image_p2m p2m = { .max_pfn = 2, .frames = frames, .nframes = 1 };
	uint8_t page[PAGE_BYTES], shared_info[PAGE_BYTES];
	struct vcpu_state vcpu;
	struct image_head head = {
		.config = config,
		.xen_major = 4,
		.xen_minor = 17,
		.cpuid = { .data = (void *)cpuid, .size = sizeof(cpuid) },
		.msrs = { .data = (void *)msrs, .size = sizeof(msrs) },
	};
	struct image_tail tail = {
		.tsc = { .mode = 1, .khz = 2, .nsec = 3, .incarnation = 4 },
		.shared_info = shared_info,
		.vcpus = &vcpu,
		.nvcpus = 1,
	};
	struct image_page pages[] = {
		{ .pfn = 0, .type = XEN_DOMCTL_PFINFO_XTAB },
		{ .pfn = 1,
		  .type = XEN_DOMCTL_PFINFO_NOTAB,
		  .kind = STILLPOINT_PAGE_DATA,
		  .data = page },
		{ .pfn = 2, .type = XEN_DOMCTL_PFINFO_BROKEN },
	};
	static const struct image_options opts = { .layout = IMAGE_XL };
	struct image *img;
	struct output out;
	unsigned int i;

	memset(page, 0x5a, sizeof(page));
	memset(shared_info, 0xa5, sizeof(shared_info));
	tiny_vcpu(&vcpu);
	assert_works(output_open(&out, path, true));
	img = image_new(&out, &opts);
	assert_non_null(img);
	assert_works(img->ops->head(img, &head));
	assert_works(img->ops->p2m(img, &p2m));
	for (i = 0; i < 3; i++)
		assert_works(img->ops->page(img, &pages[i]));
	assert_works(img->ops->tail(img, &tail));
	assert_true(out.length <= image_bytes(&opts, 1, 3, 1, sizeof(config)));
	img->ops->free(img);
	assert_works(output_sync(&out));
	assert_works(output_publish(&out));
	output_close(&out);
}

/* What is made by hand, and how much of it. */
static uint8_t bytes[32768];
static size_t fill;

static void raw(const void *data, size_t size)
{
	memcpy(bytes + fill, data, size);
	fill += size;
}

static void u16(uint16_t v)
{
	raw(&v, 2);
}

static void u32(uint32_t v)
{
	raw(&v, 4);
}

static void u64(uint64_t v)
{
	raw(&v, 8);
}

/* Where libxl's stream starts. */
static size_t tiny_stream;

static void pad(void)
{
	/* Records are padded from the start of libxl's stream, which itself is not. */
	static const uint8_t zero[8];

	raw(zero, -(fill - tiny_stream) % 8);
}

static void envelope(int marked)
{
	raw("Xen saved domain, xl format\n \0 \r", 32);
	u32(0x01020304);
	u32(3);
	u32(0);
	u32(4 + sizeof(config) + (marked ? 16 : 0));
	u32(sizeof(config));
	raw(config, sizeof(config));
	if (marked) {
		raw("SPNTMARK", 8);
		u32(1);
		u32(0);
	}
	tiny_stream = fill;
}

static void headers(void)
{
	raw("LibxlFmt\0\0\0\2\0\0\0\0", 16);
	u32(1); /* LIBXC_CONTEXT */
	u32(0);
	u64(UINT64_MAX);
	raw("XENF\0\0\0\3", 8);
	u16(0);
	u16(0);
	u32(0);
	u32(1); /* x86 PV */
	u16(12);
	u16(0);
	u32(4);
	u32(17);
}

static void static_data(void)
{
	u32(2); /* X86_PV_INFO */
	u32(8);
	raw("\x08\x04\0\0\0\0\0\0", 8);
	u32(0x11);
	u32(24);
	raw(cpuid, 24);
	u32(0x12);
	u32(16);
	raw(msrs, 16);
	u32(0x10); /* STATIC_DATA_END */
	u32(0);
	u32(3); /* X86_PV_P2M_FRAMES */
	u32(16);
	u32(0);
	u32(2);
	u64(1);
}

static void page_data(void)
{
	uint8_t page[4096];

	memset(page, 0x5a, sizeof(page));
	u32(1);
	u32(8 + 3 * 8 + 4096);
	u32(3);
	u32(0);
	u64(UINT64_C(0xf000000000000000));
	u64(1);
	u64(UINT64_C(0xd000000000000002));
	raw(page, sizeof(page));
}

static void vcpu_record(uint32_t type, const void *data, size_t size)
{
	u32(type);
	u32(8 + size);
	u32(0);
	u32(0);
	raw(data, size);
	pad();
}

static void tail_records(void)
{
	uint8_t shared_info[4096];
	struct vcpu_state vcpu;

	memset(shared_info, 0xa5, sizeof(shared_info));
	tiny_vcpu(&vcpu);
	u32(8); /* X86_TSC_INFO */
	u32(24);
	u32(1);
	u32(2);
	u64(3);
	u32(4);
	u32(0);
	u32(7); /* SHARED_INFO */
	u32(4096);
	raw(shared_info, sizeof(shared_info));
	vcpu_record(4, &vcpu.basic, 5168);
	vcpu_record(5, "extended", 9);
	vcpu_record(6, "0123456789abcdef", 16);
	vcpu_record(12, "fedcba9876543210", 16);
	u64(0); /* END of libxc's */
	u64(0); /* and of libxl's stream */
}

uint8_t *tiny_image_repeated(unsigned int type, size_t *size)
{
	static const uint8_t page[4096];
	bool data = type < 13;
	uint8_t *copy;

	fill = 0;
	envelope(0);
	headers();
	static_data();
	page_data();
	u32(3); /* X86_PV_P2M_FRAMES */
	u32(16);
	u32(0);
	u32(3);
	u64(1);
	u32(1);
	u32(8 + 2 * 8 + (data ? 4096 : 0));
	u32(2);
	u32(0);
	u64(1 | (uint64_t)type << 60);
	u64(UINT64_C(0xf000000000000003));
	if (data)
		raw(page, sizeof(page));
	tail_records();
	copy = malloc(fill);
	assert_non_null(copy);
	memcpy(copy, bytes, fill);
	*size = fill;
	return copy;
}

uint8_t *tiny_image_bytes(int marked, size_t *size)
{
	XXH128_canonical_t digest;
	size_t length;
	uint8_t *copy;

	fill = 0;
	envelope(marked);
	headers();
	static_data();
	page_data();
	tail_records();
	if (marked) {
		length = fill;
		XXH128_canonicalFromHash(&digest, XXH3_128bits(bytes, length));
		raw("SPNTTRLR", 8);
		u32(1);
		u32(1);
		raw(digest.digest, 16);
		u64(length);
	}
	copy = malloc(fill);
	assert_non_null(copy);
	memcpy(copy, bytes, fill);
	*size = fill;
	return copy;
}
