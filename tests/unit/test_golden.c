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

#include <stillpoint/tmem.h>

#include "image/image.h"
#include "image/side_writer.h"
#include "image/tmem_writer.h"
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
	{ GOLDEN "/packed-tmem.img",
	  { .layout = IMAGE_PACKED, .compress = { STILLPOINT_CODEC_LZ4, 0 }, .threads = 1 } },
	{ GOLDEN "/packed-encrypted-tmem.img",
	  { .layout = IMAGE_PACKED,
	    .compress = { STILLPOINT_CODEC_ZSTD, 3 },
	    .secret = &secret,
	    .threads = 1 } },
	{ GOLDEN "/mapped-tmem.img", { .layout = IMAGE_MAPPED, .threads = 1 } },
};

/* In xl's layout, where pools are in a file beside it. */
#define XL GOLDEN "/xl.img"
#define XL_WITH_SIDE GOLDEN "/xl-with-side.img"
#define SIDE GOLDEN "/xl-with-side.tmem"

static bool golden_has_tmem(const struct golden *golden)
{
	return strstr(golden->path, "tmem");
}

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

static void golden_put(struct tmem_writer *w, uint32_t pool, uint32_t index, uint8_t seed)
{
	struct stillpoint_tmem_page page = {
		.handle = { .object = 0x123456789abc, .pool = pool, .index = index },
	};
	uint8_t data[PAGE_BYTES], stored[PAGE_BYTES];
	uint32_t codec;

	pools_fill(data, seed);
	page.stored = pools_store(data, stored, &codec);
	page.codec = codec;
	page.zero = !page.stored;
	assert_works(tmem_writer_page(w, &page, stored));
}

/* Pools of all kinds, one of which goes; pages of all codecs, one twice; one that goes. */
static void golden_tmem(struct image *img)
{
	static const struct stillpoint_tmem_pools head = {
		.flags = STILLPOINT_TMEM_POOLS_EPHEMERAL,
		.codecs = 7,
		.weight = 300,
		.quota = 12345,
		.persistent = 3,
		.bytes = 8000,
	};
	struct stillpoint_tmem_handle gone = { .object = 0x123456789abc, .pool = 1, .index = 9 };
	struct stillpoint_tmem_pool pool = {
		.id = 1,
		.flags = STILLPOINT_TMEM_POOL_4K | STILLPOINT_TMEM_POOL_PERSISTENT,
	};
	struct tmem_writer w;

	assert_works(tmem_writer_init(&w, &head));
	w.img = img;
	assert_works(tmem_writer_pool(&w, &pool));
	pool.id = 2;
	pool.flags = STILLPOINT_TMEM_POOL_4K;
	assert_works(tmem_writer_pool(&w, &pool));
	pool.id = 7;
	assert_works(tmem_writer_pool(&w, &pool));
	pool.id = 3;
	pool.flags |= STILLPOINT_TMEM_POOL_SHARED;
	memcpy(pool.uuid, "golden goldenpoo", 16);
	assert_works(tmem_writer_pool(&w, &pool));
	assert_works(tmem_writer_tell_pools(&w));
	golden_put(&w, 1, 0, 2);
	golden_put(&w, 1, 0xffffffff, 3);
	golden_put(&w, 1, 9, 4);
	golden_put(&w, 2, 0, 5);
	golden_put(&w, 7, 0, 8);
	assert_works(tmem_writer_invalidate(&w, &gone));
	golden_put(&w, 1, 0, 6);
	assert_works(tmem_writer_pool_gone(&w, 7));
	assert_works(tmem_writer_end(&w));
	tmem_writer_free(&w);
}

/* What is in each of them; the pools are written to @pools. */
static void golden_give(struct image *img, struct image *pools)
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
	if (pools)
		golden_tmem(pools);
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
	struct recorded *want[2] = { recorded_new(), recorded_new() }, *have;
	size_t i;

	(void)state;
	golden_give(&want[0]->img, NULL);
	golden_give(&want[1]->img, &want[1]->img);
	assert_int_equal(want[1]->tmem.npages, 3);
	for (i = 0; i < GOLDENS; i++) {
		have = recorded_read(goldens[i].path, KEY);
		recorded_assert_equal(want[golden_has_tmem(&goldens[i])], have);
		assert_string_equal(have->steps + strlen(have->steps) - 2, "dt");
		recorded_free(have);
	}
	recorded_free(want[0]);
	recorded_free(want[1]);
}

/* As above, of the pools. */
static void golden_pools_are_what_they_were(void **state)
{
	struct stillpoint_tmem_handle handle = { .object = 0x123456789abc, .pool = 1 };
	struct recorded *have = recorded_read(GOLDEN "/packed-tmem.img", NULL);

	(void)state;
	assert_int_equal(have->tmem.npools, 3);
	assert_int_equal(have->tmem.pools[2].id, 3);
	assert_int_equal(have->tmem.pools[2].flags, 0xc02);
	assert_memory_equal(have->tmem.pools[2].uuid, "golden goldenpoo", 16);
	assert_int_equal(have->tmem.told.quota, 12345);
	assert_int_equal(have->tmem.told.weight, 300);
	assert_int_equal(pools_find(&have->tmem, &handle)->data[4095], 0xd7);
	handle.index = 0xffffffff;
	assert_int_equal(pools_find(&have->tmem, &handle)->data[4095], 3);
	handle = (struct stillpoint_tmem_handle){ .object = 0x123456789abc, .pool = 2 };
	assert_int_equal(pools_find(&have->tmem, &handle)->data[0], 0);
	recorded_free(have);
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
		assert_int_equal(input_tmem_pages(info), golden_has_tmem(&goldens[i]) ? 3 : 0);
		assert_int_equal(info->tmem->any, golden_has_tmem(&goldens[i]));
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

/* Read it, and into @rec. What is known of it is in *@info, but for what it points to. */
static void golden_read(const char *path, bool side, struct recorded *rec, struct source_info *info)
{
	const struct source_options opts = { .threads = 1, .side = side, .only_side = side };
	struct input in;

	assert_works(input_open(&in, path, NULL));
	assert_works(input_recognise(&in, &opts));
	assert_works(source_pump(in.src, &rec->img));
	*info = in.src->info;
	input_close(&in);
}

static void golden_images_of_xl_are_read(void **state)
{
	struct recorded *want = recorded_new(), *have = recorded_new();
	struct source_info info;

	(void)state;
	golden_give(&want->img, NULL);
	golden_read(XL, false, have, &info);
	recorded_assert_equal(want, have);
	assert_int_equal(info.layout, IMAGE_XL);
	assert_true(info.digest);
	assert_false(source_has_side(&info));
	assert_int_equal(info.pfns, PFNS);
	assert_int_equal(info.xen_minor, 17);
	recorded_free(want);
	recorded_free(have);
}

static void golden_side_file_is_read(void **state)
{
	struct recorded *want = recorded_new(), *have = recorded_new();
	struct source_info info, side;

	(void)state;
	golden_give(&want->img, &want->img);
	golden_read(XL_WITH_SIDE, false, have, &info);
	assert_true(source_has_side(&info));
	golden_read(SIDE, true, have, &side);
	recorded_assert_equal(want, have);
	assert_int_equal(have->tmem.npages, 3);
	assert_memory_equal(&info.xl, &side.xl, sizeof(info.xl));
	recorded_free(want);
	recorded_free(have);
}

static int make_file(struct output *out)
{
	int ret = output_sync(out) || output_publish(out);

	output_close(out);
	return ret;
}

/* xl's layout, with a side file or without. */
static int make_xl(const char *path, const char *side_path)
{
	const struct image_options opts = { .layout = IMAGE_XL, .side = side_path };
	struct image *img, *side = NULL;
	struct output out, side_out;
	int ret = 0;

	if (output_open(&out, strrchr(path, '/') + 1, false))
		return 1;
	if (side_path && output_open(&side_out, strrchr(side_path, '/') + 1, false))
		return 1;
	img = image_new(&out, &opts);
	if (side_path)
		side = side_writer_new(&side_out);
	if (!img || (side_path && !side))
		return 1;
	golden_give(img, side);
	if (side) {
		ret = side_writer_end(side, img) || make_file(&side_out);
		side->ops->free(side);
	}
	img->ops->free(img);
	return ret || make_file(&out);
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
		golden_give(img, golden_has_tmem(&goldens[i]) ? img : NULL);
		img->ops->free(img);
		if (make_file(&out))
			return 1;
	}
	return make_xl(XL, NULL) || make_xl(XL_WITH_SIDE, SIDE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_images_are_read),
		cmocka_unit_test(golden_pages_are_what_they_were),
		cmocka_unit_test(golden_pools_are_what_they_were),
		cmocka_unit_test(golden_images_are_known_wholly),
		cmocka_unit_test(golden_images_of_xl_are_read),
		cmocka_unit_test(golden_side_file_is_read),
		cmocka_unit_test(golden_secret_is_kept),
	};

	if (argc > 1)
		return make(argv[1]);
	return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
