// SPDX-License-Identifier: GPL-2.0
/*
 * Images of format version 1 as they were once written: they are read for ever. The files
 * in tests/unit/golden are never made anew; a version 2 gets others. This program made them:
 * it writes them into the directory that it is given as its argument.
 */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"
#include "input.h"
#include "output.h"
#include "recorded.h"

#define GOLDEN "tests/unit/golden"
#define KEY GOLDEN "/key"
#define PFNS 12

static const char config[] =
	"{\"c_info\":{\"type\":\"pv\",\"name\":\"golden\"},\"b_info\":{\"max_vcpus\":2}}";

static struct crypt_secret secret = { .data = (uint8_t *)"as good as gold", .size = 15 };

static const struct golden {
	const char *path;
	struct image_options opts;
} goldens[] = {
	{ GOLDEN "/packed-none.img",
	  { .layout = IMAGE_PACKED, .compress = { STILLPOINT_CODEC_NONE, 0 }, .threads = 1 } },
	{ GOLDEN "/packed-lz4.img",
	  { .layout = IMAGE_PACKED, .compress = { STILLPOINT_CODEC_LZ4, 0 }, .threads = 1 } },
	{ GOLDEN "/packed-zstd.img",
	  { .layout = IMAGE_PACKED, .compress = { STILLPOINT_CODEC_ZSTD, 3 }, .threads = 1 } },
	{ GOLDEN "/packed-encrypted.img",
	  { .layout = IMAGE_PACKED,
	    .compress = { STILLPOINT_CODEC_ZSTD, 3 },
	    .secret = &secret,
	    .threads = 1 } },
	{ GOLDEN "/mapped.img", { .layout = IMAGE_MAPPED, .threads = 1 } },
};

#define GOLDENS (sizeof(goldens) / sizeof(goldens[0]))

/* A page that can be compressed, with some bytes that cannot. */
static void golden_page(struct image *img, uint64_t pfn, uint32_t type,
			enum stillpoint_page_kind kind, uint8_t seed)
{
	struct image_page page = { .pfn = pfn, .type = type, .kind = kind };
	uint8_t data[PAGE_BYTES];
	unsigned int i;

	memset(data, seed, sizeof(data));
	for (i = 0; i < 64; i++)
		data[8 * i] = (i + 1) * (2 * seed + 1) * 37;
	if (kind == STILLPOINT_PAGE_DATA)
		page.data = data;
	assert_works(img->ops->page(img, &page));
	assert_works(img->ops->flush(img));
}

static void golden_tail(struct image *img)
{
	static uint8_t shared_info[PAGE_BYTES];
	struct vcpu_state vcpus[2];
	struct image_tail tail = {
		.tsc = { .mode = 1, .khz = 2400000, .nsec = 1234567890123, .incarnation = 3 },
		.shared_info = shared_info,
		.vcpus = vcpus,
		.nvcpus = 2,
	};
	unsigned int i;

	for (i = 0; i < PAGE_BYTES; i++)
		shared_info[i] = i ^ i >> 4;
	memset(vcpus, 0, sizeof(vcpus));
	for (i = 0; i < 2; i++) {
		vcpus[i].id = i;
		vcpus[i].basic.user_regs.rip = 0xffffffff81000000 + i;
		vcpus[i].basic.ctrlreg[3] = UINT64_C(11) << PAGE_BITS;
	}
	vcpus[0].basic.user_regs.rax = 2;
	vcpus[0].extended = (struct blob){ .data = "extended state", .size = 14 };
	vcpus[0].xsave = (struct blob){ .data = "0123456789abcdefg", .size = 17 };
	vcpus[1].msrs = (struct blob){ .data = "fedcba9876543210", .size = 16 };
	assert_works(img->ops->tail(img, &tail));
}

/* What is in each of them. */
static void golden_give(struct image *img)
{
	uint64_t frames[1] = { 1 };
	struct image_p2m p2m = { .max_pfn = PFNS - 2, .frames = frames, .nframes = 1 };
	struct image_head head = {
		.config = config,
		.xen_major = 4,
		.xen_minor = 17,
		.cpuid = { .data = "a CPUID leaf of 24 byte", .size = 24 },
		.msrs = { .data = "an MSR of 16 by", .size = 16 },
	};

	assert_works(img->ops->head(img, &head));
	assert_works(img->ops->p2m(img, &p2m));
	golden_page(img, 0, XEN_DOMCTL_PFINFO_XTAB, STILLPOINT_PAGE_NONE, 0);
	golden_page(img, 1, XEN_DOMCTL_PFINFO_NOTAB, STILLPOINT_PAGE_DATA, 1);
	golden_page(img, 2, XEN_DOMCTL_PFINFO_NOTAB, STILLPOINT_PAGE_DATA, 2);
	golden_page(img, 3, XEN_DOMCTL_PFINFO_NOTAB, STILLPOINT_PAGE_ZERO, 0);
	golden_page(img, 4, XEN_DOMCTL_PFINFO_NOTAB, STILLPOINT_PAGE_FREE, 0);
	golden_page(img, 5, XEN_DOMCTL_PFINFO_BROKEN, STILLPOINT_PAGE_NONE, 0);
	golden_page(img, 6, XEN_DOMCTL_PFINFO_XALLOC, STILLPOINT_PAGE_NONE, 0);
	p2m.max_pfn = PFNS - 1;
	assert_works(img->ops->p2m(img, &p2m));
	golden_page(img, 2, XEN_DOMCTL_PFINFO_NOTAB, STILLPOINT_PAGE_DATA, 3);
	golden_page(img, 10, XEN_DOMCTL_PFINFO_L1TAB, STILLPOINT_PAGE_DATA, 4);
	golden_page(img, 11, XEN_DOMCTL_PFINFO_L4TAB | XEN_DOMCTL_PFINFO_LPINTAB,
		    STILLPOINT_PAGE_DATA, 5);
	golden_tail(img);
}

static void golden_images_are_read(void **state)
{
	struct recorded *want = recorded_new(), *have;
	size_t i;

	(void)state;
	golden_give(&want->img);
	for (i = 0; i < GOLDENS; i++) {
		have = recorded_read(goldens[i].path, KEY);
		recorded_assert_equal(want, have);
		assert_string_equal(have->steps + strlen(have->steps) - 2, "dt");
		recorded_free(have);
	}
	recorded_free(want);
}

/* The same, told byte by byte where it can be: no code of ours made these. */
static void golden_pages_are_what_they_were(void **state)
{
	struct recorded *have = recorded_read(goldens[2].path, KEY);
	static const uint8_t begins[] = { 0x25 * 7 & 0xff, 3, 3, 3, 3, 3, 3, 3, 2 * 37 * 7 & 0xff };

	(void)state;
	assert_string_equal(have->config, config);
	assert_memory_equal(have->page[2].data, begins, sizeof(begins));
	assert_int_equal(have->page[2].data[4095], 3);
	assert_int_equal(have->page[11].type >> 28, 12);
	assert_int_equal(have->page[6].type >> 28, 14);
	assert_int_equal(have->shared_info[0x123], 0x31);
	assert_int_equal(have->vcpus[1].basic.user_regs.rip, 0xffffffff81000001);
	assert_int_equal(have->tsc.nsec, 1234567890123);
	recorded_free(have);
}

static void golden_images_are_known_wholly(void **state)
{
	const struct source_info *info;
	struct input in;
	struct stat st;
	size_t i;

	(void)state;
	for (i = 0; i < GOLDENS; i++) {
		assert_works(input_open(&in, goldens[i].path, KEY));
		assert_works(input_read(&in, 2, NULL));
		info = &in.src->info;
		assert_int_equal(info->layout, goldens[i].opts.layout);
		assert_true(info->digest);
		assert_int_equal(info->encrypted, !!goldens[i].opts.secret);
		assert_int_equal(info->pfns, PFNS);
		assert_int_equal(info->vcpus, 2);
		assert_int_equal(info->xen_major, 4);
		assert_int_equal(info->xen_minor, 17);
		assert_int_equal(info->pages[STILLPOINT_PAGE_DATA], 4);
		assert_int_equal(info->pages[STILLPOINT_PAGE_ZERO], 1);
		assert_int_equal(info->pages[STILLPOINT_PAGE_FREE], 1);
		assert_int_equal(fstat(in.fd, &st), 0);
		assert_int_equal(info->bytes, st.st_size);
		if (info->layout == IMAGE_PACKED)
			assert_true(info->codecs & 1u << goldens[i].opts.compress.codec);
		input_close(&in);
	}
}

static void golden_secret_is_kept(void **state)
{
	struct input in;

	(void)state;
	assert_works(input_open(&in, goldens[3].path, NULL));
	assert_fails(input_read(&in, 1, NULL), "encrypted");
	input_close(&in);
	assert_works(input_open(&in, goldens[3].path, goldens[0].path));
	assert_fails(input_read(&in, 1, NULL), "key");
	input_close(&in);
}

/* Made with the writers, once. */
static int make(const char *dir)
{
	struct output out;
	struct image *img;
	size_t i;

	if (chdir(dir))
		return 1;
	for (i = 0; i < GOLDENS; i++) {
		if (output_open(&out, strrchr(goldens[i].path, '/') + 1, false))
			return 1;
		img = image_new(&out, &goldens[i].opts);
		if (!img)
			return 1;
		golden_give(img);
		img->ops->free(img);
		if (output_sync(&out) || output_publish(&out))
			return 1;
		output_close(&out);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_images_are_read),
		cmocka_unit_test(golden_pages_are_what_they_were),
		cmocka_unit_test(golden_images_are_known_wholly),
		cmocka_unit_test(golden_secret_is_kept),
	};

	if (argc > 1)
		return make(argv[1]);
	return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
