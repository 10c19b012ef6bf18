// SPDX-License-Identifier: GPL-2.0
/*
 * Tmem pools in images: what is written is read, in each layout; nothing that is changed, cut
 * short or made up is taken for right; and none is lost on the way from one layout to another.
 */
#define _GNU_SOURCE /* memmem */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <stillpoint/tmem.h>

#include "convert.h"
#include "craft.h"
#include "diff.h"
#include "image/side_writer.h"
#include "image/tmem_writer.h"
#include "input.h"
#include "pools.h"
#include "pump.h"
#include "recorded.h"
#include "small_guest.h"
#include "tempdir.h"

#define MANDATORY STILLPOINT_SECTION_MANDATORY
#define POOLS STILLPOINT_SECTION_TMEM_POOLS
#define PAGES STILLPOINT_SECTION_TMEM_PAGES
#define INVALIDATE STILLPOINT_SECTION_TMEM_INVALIDATE
#define PERSISTENT (STILLPOINT_TMEM_POOL_PERSISTENT | STILLPOINT_TMEM_POOL_4K)
#define FINAL STILLPOINT_TMEM_POOLS_FINAL
#define EPHEMERAL STILLPOINT_TMEM_POOLS_EPHEMERAL

static const struct crypt_secret secret = { .data = (uint8_t *)"open sesame", .size = 11 };

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	msg_error_clear();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tempdir_leave();
	msg_error_clear();
	return 0;
}

static const struct stillpoint_tmem_pools all_codecs = { .flags = EPHEMERAL, .codecs = 7 };

static void give_pool(struct tmem_writer *w, uint32_t id, uint32_t flags)
{
	struct stillpoint_tmem_pool pool = { .id = id, .flags = flags };

	if (flags & STILLPOINT_TMEM_POOL_SHARED)
		memset(pool.uuid, 0x5a, sizeof(pool.uuid));
	assert_works(tmem_writer_pool(w, &pool));
}

static void give_page(struct tmem_writer *w, uint32_t pool, uint32_t index, uint32_t seed)
{
	struct stillpoint_tmem_page page = { .handle = { 3, pool, index } };
	uint8_t data[PAGE_BYTES], stored[PAGE_BYTES];
	uint32_t codec;

	pools_fill(data, seed);
	page.stored = pools_store(data, stored, &codec);
	page.codec = codec;
	page.zero = !page.stored;
	assert_works(tmem_writer_page(w, &page, stored));
}

static void give_invalidate(struct tmem_writer *w, uint32_t pool, uint32_t index)
{
	const struct stillpoint_tmem_handle handle = { 3, pool, index };

	assert_works(tmem_writer_invalidate(w, &handle));
}

/* Some of everything; few bytes, but with @large a page that does not compress. */
static void give_tmem(struct image *img, bool large)
{
	struct tmem_writer w;

	assert_works(tmem_writer_init(&w, &all_codecs));
	w.img = img;
	give_pool(&w, 4, PERSISTENT);
	give_pool(&w, 9, STILLPOINT_TMEM_POOL_4K);
	give_pool(&w, 2, STILLPOINT_TMEM_POOL_SHARED | STILLPOINT_TMEM_POOL_4K);
	give_page(&w, 4, 1, 2);
	give_page(&w, 4, 2, 3);
	give_page(&w, 9, 2, 5);
	give_invalidate(&w, 4, 1);
	give_page(&w, 4, 2, 7);
	give_page(&w, 4, 3, 8);
	give_page(&w, 9, 7, 9);
	assert_works(tmem_writer_pool_gone(&w, 9));
	give_pool(&w, 9, PERSISTENT);
	give_page(&w, 9, 8, 13);
	if (large)
		give_page(&w, 9, 9, 6);
	give_invalidate(&w, 9, 100);
	assert_works(tmem_writer_end(&w));
	tmem_writer_free(&w);
}

static void write_image(const char *path, const struct image_options *opts, bool large)
{
	struct output out;
	struct image *img;

	assert_works(output_open(&out, path, true));
	img = image_new(&out, opts);
	assert_non_null(img);
	small_head(img);
	small_p2m(img, 5);
	small_data(img, 2, XEN_DOMCTL_PFINFO_NOTAB, 2);
	give_tmem(img, large);
	small_tail(img, 1);
	img->ops->free(img);
	assert_works(output_sync(&out));
	assert_works(output_publish(&out));
	output_close(&out);
}

static const struct image_options layouts[] = {
	{ .layout = IMAGE_PACKED, .compress = { STILLPOINT_CODEC_ZSTD, 1 }, .threads = 2 },
	{ .layout = IMAGE_MAPPED, .threads = 2 },
};

static void pools_come_back(void **state)
{
	struct recorded *rec = recorded_new(), *have;
	size_t i;

	(void)state;
	rec->config = strdup("");
	give_tmem(&rec->img, true);
	assert_int_equal(rec->tmem.npages, 4);
	assert_int_equal(rec->tmem.npools, 3);
	for (i = 0; i < 2; i++) {
		write_image("image", &layouts[i], true);
		have = recorded_read("image", NULL);
		pools_assert_equal(&rec->tmem, &have->tmem);
		assert_true(have->tmem.final);
		assert_int_equal(have->tmem.told.persistent, 4);
		recorded_free(have);
	}
	recorded_free(rec);
}

/* Also if nothing is between its end and its beginning. */
static void pool_that_comes_again_is_empty(void **state)
{
	struct recorded *rec = recorded_new();
	struct tmem_writer w;

	(void)state;
	rec->config = strdup("");
	assert_works(tmem_writer_init(&w, &all_codecs));
	w.img = &rec->img;
	give_pool(&w, 4, PERSISTENT);
	give_page(&w, 4, 1, 2);
	assert_works(tmem_writer_pool_gone(&w, 4));
	give_pool(&w, 4, PERSISTENT);
	give_page(&w, 4, 2, 3);
	/* So it is if the store does not say that it was gone. */
	give_pool(&w, 4, PERSISTENT);
	give_page(&w, 4, 3, 4);
	assert_works(tmem_writer_end(&w));
	assert_int_equal(rec->tmem.npages, 1);
	assert_int_equal(rec->tmem.told.persistent, 1);
	tmem_writer_free(&w);
	recorded_free(rec);
}

/* Every bit matters, and every byte. */
static void spoil(const char *path, bool side)
{
	struct source_options how = pump_options(NULL);
	size_t size, i, step;
	uint8_t *bytes = tempdir_read(path, &size), byte;
	unsigned int bit;
	int fd = pump_file(bytes, size);

	how.side = side;
	assert_works(pump_fd(fd, &how, NULL, NULL));
	/* The mapped layout's pages are not what this is about. */
	for (i = size > 12000 ? size - 6000 : 0; i < size; i++) {
		for (bit = 0; bit < 8; bit++) {
			byte = bytes[i] ^ 1 << bit;
			assert_int_equal(pwrite(fd, &byte, 1, i), 1);
			if (!pump_fd(fd, &how, NULL, NULL))
				fail_msg("bit %u of byte %zu can be changed", bit, i);
			msg_error_clear();
		}
		assert_int_equal(pwrite(fd, &bytes[i], 1, i), 1);
	}
	step = size > 12000 ? 7 : 1;
	for (i = size - 1; i > step; i -= step) {
		assert_int_equal(ftruncate(fd, i), 0);
		if (!pump_fd(fd, &how, NULL, NULL))
			fail_msg("%zu of %zu bytes will do", i, size);
		msg_error_clear();
	}
	close(fd);
	free(bytes);
}

static void damage_is_found(void **state)
{
	static const struct image_options plain = {
		.layout = IMAGE_PACKED,
		.compress = { STILLPOINT_CODEC_ZSTD, 1 },
		.threads = 1,
	};

	(void)state;
	write_image("image", &plain, false);
	spoil("image", false);
	write_image("image", &layouts[1], false);
	spoil("image", false);
}

/* Make the first page of the image at *@data one that says it has more bytes than a page. */
static int enlarge_page(void *data, const char *config)
{
	const int fd = *(int *)data;
	struct sections s = { 0 };
	struct stillpoint_section h;
	struct stillpoint_tmem_page p;
	size_t at = 0, size = lseek(fd, 0, SEEK_END), page_at;
	uint8_t *bytes = malloc(size);

	(void)config;
	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, size, 0), size);
	memcpy(&s.header, bytes, sizeof(s.header));
	do {
		assert_true(at < size - sizeof(h));
		memcpy(&h, bytes + at++, sizeof(h));
	} while (h.magic != STILLPOINT_SECTION_MAGIC || h.type != STILLPOINT_SECTION_TMEM_PAGES);
	at--;
	page_at = at + sizeof(h) + sizeof(struct stillpoint_tmem_records);
	memcpy(&p, bytes + page_at, sizeof(p));
	p.stored = 1 << 20;
	memcpy(bytes + page_at, &p, sizeof(p));
	assert_works(
		section_make(&s, h.type, h.flags, h.number, bytes + at + sizeof(h), h.length, &h));
	memcpy(bytes + at, &h, sizeof(h));
	assert_int_equal(pwrite(fd, bytes, size, 0), size);
	free(bytes);
	return 0;
}

/* A mapped image is read twice: to be checked, and to be passed on. */
static void pools_that_change_meanwhile_are_refused(void **state)
{
	struct source_options how = pump_options(NULL);
	struct recorded *rec = recorded_new();
	uint8_t *bytes;
	size_t size;
	int fd;

	(void)state;
	write_image("image", &layouts[1], true);
	bytes = tempdir_read("image", &size);
	fd = pump_file(bytes, size);
	assert_works(pump_fd(fd, &how, NULL, NULL));
	how.config = enlarge_page;
	how.data = &fd;
	assert_fails(pump_fd(fd, &how, &rec->img, NULL), "changed while it was read");
	recorded_free(rec);
	close(fd);
	free(bytes);
}

/* A body of TMEM_POOLS, TMEM_PAGES or TMEM_INVALIDATE, and where it goes wrong. */
struct body {
	struct stillpoint_tmem_pools head;
	struct stillpoint_tmem_pool pools[3];
};

struct page {
	struct stillpoint_tmem_records records;
	struct stillpoint_tmem_page page;
	uint8_t data[PAGE_BYTES];
};

struct handle {
	struct stillpoint_tmem_records records;
	struct stillpoint_tmem_handle handle;
};

static struct body body;
static struct body last;
static struct page page;
static struct handle handle;
static size_t body_size, page_size, handle_size, last_size;
static uint32_t flags;

/* Two pools, one page of each, an invalidate of none, and the end. */
static void begin(void)
{
	memset(&body, 0, sizeof(body));
	body.head.count = 2;
	body.head.codecs = 3;
	body.pools[0].id = 1;
	body.pools[0].flags = PERSISTENT;
	body.pools[1].id = 5;
	body.pools[1].flags = STILLPOINT_TMEM_POOL_4K;
	body_size = sizeof(body.head) + 2 * sizeof(body.pools[0]);
	last = body;
	last.head.flags = FINAL;
	last.head.persistent = 1;
	last.head.bytes = PAGE_BYTES;
	last.pools[0].pages = 1;
	last_size = body_size;
	memset(&page, 0, sizeof(page));
	page.records.count = 1;
	page.page.handle.pool = 1;
	page.page.handle.index = 7;
	page.page.stored = PAGE_BYTES;
	page.data[5] = 5;
	page_size = sizeof(page);
	memset(&handle, 0, sizeof(handle));
	handle.records.count = 1;
	handle.handle.pool = 1;
	handle.handle.index = 8;
	handle_size = sizeof(handle);
	flags = MANDATORY;
}

static void craft_image(struct craft *c, const struct crypt_secret *key)
{
	craft_begin(c, key);
	craft_header(c);
	craft_head(c);
	craft_section(c, POOLS, flags, &body, body_size);
	craft_p2m(c, 9);
	craft_section(c, PAGES, flags, &page, page_size);
	craft_page(c);
	craft_section(c, INVALIDATE, flags, &handle, handle_size);
	craft_state(c);
	craft_section(c, POOLS, flags, &last, last_size);
	craft_index(c);
	craft_end(c, 1);
	craft_footer(c);
}

static int read_craft(struct craft *c)
{
	const struct source_options how = pump_options(NULL);

	return pump_bytes(c->bytes, c->size, &how, NULL, NULL);
}

/* The image as it was changed since begin() is refused; begin again. */
static void assert_refused(const char *text)
{
	struct craft c;

	craft_image(&c, NULL);
	assert_fails(read_craft(&c), text);
	craft_free(&c);
	begin();
}

static void whole_image_is_accepted(void **state)
{
	struct source_options how = pump_options(&secret);
	struct craft c;

	(void)state;
	begin();
	craft_image(&c, NULL);
	assert_works(read_craft(&c));
	craft_free(&c);
	craft_image(&c, &secret);
	assert_works(pump_bytes(c.bytes, c.size, &how, NULL, NULL));
	assert_works(pump_pipe(c.bytes, c.size, &how, NULL, NULL));
	craft_free(&c);
}

/* Encrypted as other sections are. */
static void encrypted_pools_are_not_readable(void **state)
{
	struct source_options how = pump_options(&secret);
	struct craft c;
	size_t i;

	(void)state;
	begin();
	memset(page.data, 0xc3, sizeof(page.data));
	craft_image(&c, &secret);
	assert_null(memmem(c.bytes, c.size, page.data, 16));
	for (i = 256; i < c.size; i += 3) {
		c.bytes[i] ^= 0x10;
		if (!pump_bytes(c.bytes, c.size, &how, NULL, NULL))
			fail_msg("byte %zu can be changed", i);
		c.bytes[i] ^= 0x10;
	}
	msg_error_clear();
	craft_free(&c);
}

static void hostile_pools_are_refused(void **state)
{
	(void)state;
	begin();
	body.head.count = 3;
	assert_refused("a wrong size in TMEM_POOLS");
	body.head.count = UINT32_MAX;
	assert_refused("a wrong size in TMEM_POOLS");
	body.head.count = STILLPOINT_TMEM_POOLS_MAX + 1;
	assert_refused("a wrong size in TMEM_POOLS");
	body_size = 7;
	assert_refused("a wrong size in TMEM_POOLS");
	body.head.flags = 4;
	assert_refused("reserved field");
	body.head.codecs = 8;
	assert_refused("newer tool");
	body.pools[1].id = 1;
	assert_refused("pools out of order");
	body.pools[1].id = 0;
	assert_refused("pools out of order");
	body.pools[1].flags |= 8;
	assert_refused("unknown kind");
	body.pools[1].flags = 13 << 8;
	assert_refused("unknown kind");
	body.pools[0].flags |= STILLPOINT_TMEM_POOL_SHARED;
	assert_refused("both shared and persistent");
	body.pools[1].uuid[15] = 1;
	assert_refused("uuid of a private pool");
	body.pools[1].pages = 1;
	assert_refused("not final");
	body.head.flags = EPHEMERAL;
	assert_refused("another choice of contents");
	flags = 0;
	assert_refused("without the mandatory mark");
}

static void hostile_pages_are_refused(void **state)
{
	(void)state;
	begin();
	page.records.count = 0;
	assert_refused("a wrong count in TMEM_PAGES");
	page.records.reserved = 1;
	assert_refused("a wrong count in TMEM_PAGES");
	page_size = 5;
	assert_refused("a wrong count in TMEM_PAGES");
	page.records.count = 2;
	assert_refused("a wrong size in TMEM_PAGES");
	page.records.count = UINT32_MAX;
	assert_refused("a wrong size in TMEM_PAGES");
	page_size = sizeof(page.records) + 5;
	assert_refused("a wrong size in TMEM_PAGES");
	page_size--;
	assert_refused("an impossible page");
	page.page.stored = UINT32_MAX;
	assert_refused("an impossible page");
	page.page.stored = 0;
	assert_refused("an impossible page");
	page.page.reserved = 1;
	assert_refused("an impossible page");
	page.page.zero = 2;
	assert_refused("an impossible page");
	page.page.zero = 1;
	assert_refused("an impossible page");
	page.page.zero = 1;
	page.page.stored = 0;
	assert_refused("a wrong size in TMEM_PAGES");
	page.page.codec = STILLPOINT_CODEC_LZ4;
	assert_refused("an impossible page");
	page.page.codec = STILLPOINT_CODEC_LZ4;
	page.page.stored = PAGE_BYTES - 1;
	page_size--;
	assert_refused("does not decompress");
	page.page.codec = STILLPOINT_CODEC_ZSTD;
	page.page.stored = PAGE_BYTES - 1;
	page_size--;
	assert_refused("an impossible page");
	page.page.codec = 255;
	assert_refused("an impossible page");
	page.page.handle.pool = 2;
	assert_refused("a page of no pool");
	/* The contents of ephemeral pools are not in this image. */
	page.page.handle.pool = 5;
	assert_refused("a page of no pool");
}

/* Pool 5 is shared, and ephemeral pages are in the image. */
static void begin_shared(void)
{
	begin();
	body.head.flags = EPHEMERAL;
	body.pools[1].flags |= STILLPOINT_TMEM_POOL_SHARED;
	memset(body.pools[1].uuid, 0x5a, sizeof(body.pools[1].uuid));
	last.head.flags |= EPHEMERAL;
	last.pools[1] = body.pools[1];
}

static void contents_of_shared_pools_are_refused(void **state)
{
	struct craft c;

	(void)state;
	begin_shared();
	craft_image(&c, NULL);
	assert_works(read_craft(&c));
	craft_free(&c);
	page.page.handle.pool = 5;
	last.head.persistent = 0;
	last.head.ephemeral = 1;
	last.pools[0].pages = 0;
	last.pools[1].pages = 1;
	assert_refused("a page of no pool");
	begin_shared();
	handle.handle.pool = 5;
	assert_refused("a handle of no pool");
}

static void hostile_invalidates_are_refused(void **state)
{
	(void)state;
	begin();
	handle.records.count = 0;
	assert_refused("a wrong size in TMEM_INVALIDATE");
	handle.records.count = 2;
	assert_refused("a wrong size in TMEM_INVALIDATE");
	handle.records.count = 0x10000001;
	assert_refused("a wrong size in TMEM_INVALIDATE");
	handle_size--;
	assert_refused("a wrong size in TMEM_INVALIDATE");
	handle.records.reserved = 1;
	assert_refused("a wrong size in TMEM_INVALIDATE");
	handle.handle.pool = 2;
	assert_refused("a handle of no pool");
	/* What is invalidated is not there in the end. */
	handle.handle.index = 7;
	assert_refused("pool 1 has 0 pages");
}

static void hostile_ends_are_refused(void **state)
{
	(void)state;
	begin();
	last.pools[0].pages = 2;
	assert_refused("pool 1 has 1 pages");
	last.head.persistent = 2;
	assert_refused("other sums");
	last.head.bytes = 0;
	assert_refused("other sums");
	last.head.ephemeral = 1;
	assert_refused("other sums");
	last.head.flags = 0;
	last.pools[0].pages = 0;
	assert_refused("not complete");
	body = last;
	assert_refused("pool 1 has 0 pages");
	/* The page goes with its pool. */
	last.head.count = 1;
	last.pools[0] = last.pools[1];
	last_size -= sizeof(last.pools[0]);
	assert_refused("other sums");
}

static void order_is_checked(void **state)
{
	struct craft c;

	(void)state;
	begin();
	craft_begin(&c, NULL);
	craft_header(&c);
	craft_head(&c);
	craft_section(&c, PAGES, flags, &page, page_size);
	assert_fails(read_craft(&c), "no pools before it");
	craft_free(&c);
	craft_begin(&c, NULL);
	craft_header(&c);
	craft_section(&c, POOLS, flags, &body, body_size);
	craft_section(&c, PAGES, flags, &page, page_size);
	assert_fails(read_craft(&c), "CONFIG or PLATFORM is missing");
	craft_free(&c);
	craft_begin(&c, NULL);
	craft_header(&c);
	craft_head(&c);
	craft_p2m(&c, 9);
	craft_section(&c, PAGES, flags, &page, page_size);
	assert_fails(read_craft(&c), "no pools before it");
	craft_free(&c);
	craft_begin(&c, NULL);
	craft_header(&c);
	craft_head(&c);
	craft_p2m(&c, 9);
	craft_section(&c, STILLPOINT_SECTION_TMEM_IMAGE, flags, "123456781234567812345678", 24);
	assert_fails(read_craft(&c), "out of order");
	craft_free(&c);
	craft_begin(&c, NULL);
	craft_header(&c);
	craft_head(&c);
	craft_p2m(&c, 9);
	craft_page(&c);
	craft_state(&c);
	craft_index(&c);
	craft_section(&c, POOLS, flags, &body, body_size);
	assert_fails(read_craft(&c), "out of order");
	craft_free(&c);
	craft_begin(&c, NULL);
	craft_header(&c);
	craft_head(&c);
	craft_p2m(&c, 9);
	craft_section(&c, POOLS, flags, &body, body_size);
	craft_section(&c, PAGES, flags, &page, page_size);
	craft_section(&c, POOLS, flags, &last, last_size);
	craft_section(&c, INVALIDATE, flags, &handle, handle_size);
	assert_fails(read_craft(&c), "behind the end of the pools");
	craft_free(&c);
}

/* A pool that goes and comes again within two tables is another, and empty. */
static void pool_of_the_same_number_is_another(void **state)
{
	struct body other;
	struct craft c;

	(void)state;
	begin();
	other = body;
	other.pools[0].flags = STILLPOINT_TMEM_POOL_4K;
	craft_begin(&c, NULL);
	craft_header(&c);
	craft_head(&c);
	craft_section(&c, POOLS, flags, &body, body_size);
	craft_p2m(&c, 9);
	craft_section(&c, PAGES, flags, &page, page_size);
	craft_section(&c, POOLS, flags, &other, body_size);
	craft_page(&c);
	craft_state(&c);
	last.head.persistent = 0;
	last.head.bytes = 0;
	last.pools[0].pages = 0;
	craft_section(&c, POOLS, flags, &last, last_size);
	craft_index(&c);
	craft_end(&c, 1);
	craft_footer(&c);
	assert_works(read_craft(&c));
	craft_free(&c);
}

static int convert(const char *in, const struct convert_options *opts)
{
	const struct source_options how = pump_options(NULL);
	struct input input;
	uint64_t bytes;
	int ret = -1;

	if (!input_open(&input, in, NULL) && !input_recognise(&input, &how))
		ret = convert_run(input.src, opts, &bytes);
	input_close(&input);
	return ret;
}

static void assert_same(const char *a, const char *b)
{
	struct recorded *first = recorded_read(a, NULL), *second = recorded_read(b, NULL);

	recorded_assert_equal(first, second);
	recorded_free(first);
	recorded_free(second);
}

static void pools_are_converted(void **state)
{
	struct convert_options to_mapped = { .path = "mapped", .image = layouts[1] };
	struct convert_options to_packed = { .path = "packed", .image = layouts[0] };

	(void)state;
	write_image("image", &layouts[0], true);
	assert_works(convert("image", &to_mapped));
	assert_same("image", "mapped");
	assert_works(convert("mapped", &to_packed));
	assert_same("image", "packed");
}

static void xl_loses_no_page(void **state)
{
	struct convert_options to_xl = { .path = "xl", .image = { .layout = IMAGE_XL } };
	struct convert_options back = { .path = "back", .image = layouts[0] };

	(void)state;
	write_image("image", &layouts[0], true);
	assert_fails(convert("image", &to_xl), "--tmem-file");
	assert_int_equal(tempdir_count("."), 1);
	to_xl.tmem_path = "side";
	assert_works(convert("image", &to_xl));
	assert_fails(convert("xl", &back), "--tmem-file");
	to_xl.path = "xl3";
	to_xl.tmem_path = "side3";
	assert_fails(convert("xl", &to_xl), "convert it to packed first");
	back.side_path = "image";
	assert_fails(convert("xl", &back), "this is no side file");
	back.side_path = "side";
	assert_works(convert("xl", &back));
	assert_same("image", "back");
	assert_fails(convert("image", &back), "exists");
	back.replace = true;
	assert_fails(convert("image", &back), "has no side file");
	/* That of another image, which has the same pools. */
	write_image("image", &layouts[1], false);
	to_xl.path = "xl2";
	to_xl.tmem_path = "side2";
	assert_works(convert("image", &to_xl));
	back.side_path = "side2";
	assert_works(convert("xl2", &back));
	assert_same("image", "back");
	spoil("side2", true);
}

static void side_file_of_another_image_is_refused(void **state)
{
	struct convert_options to_xl = { .path = "xl", .image = { .layout = IMAGE_XL } };
	struct convert_options back = { .path = "back", .image = layouts[0], .side_path = "side" };
	struct output out;
	struct image *img;

	(void)state;
	write_image("image", &layouts[0], true);
	to_xl.tmem_path = "side";
	assert_works(convert("image", &to_xl));
	assert_works(output_open(&out, "image2", false));
	img = image_new(&out, &layouts[0]);
	small_head(img);
	small_p2m(img, 5);
	small_data(img, 2, XEN_DOMCTL_PFINFO_NOTAB, 3);
	small_tail(img, 1);
	img->ops->free(img);
	assert_works(output_sync(&out));
	assert_works(output_publish(&out));
	output_close(&out);
	to_xl.path = "xl2";
	to_xl.tmem_path = "side2";
	assert_works(convert("image2", &to_xl));
	assert_fails(convert("xl2", &back), "not the side file of this image");
	assert_int_equal(access("back", F_OK), -1);
}

static void diff_images(const char *a, const char *b, struct diff_result *res)
{
	struct diff *d = diff_new();
	struct input in;

	assert_non_null(d);
	assert_works(input_open(&in, a, NULL));
	assert_works(input_read(&in, 1, diff_first(d)));
	input_close(&in);
	assert_works(input_open(&in, b, NULL));
	assert_works(input_read(&in, 1, diff_second(d)));
	input_close(&in);
	diff_finish(d, res);
	diff_free(d);
}

static void differences_are_found(void **state)
{
	struct diff_result res;
	struct craft c;

	(void)state;
	write_image("a", &layouts[0], true);
	write_image("b", &layouts[1], true);
	diff_images("a", "b", &res);
	assert_true(diff_same(&res));
	assert_int_equal(res.tmem.same, 4);
	write_image("b", &layouts[1], false);
	diff_images("a", "b", &res);
	assert_false(diff_same(&res));
	assert_int_equal(res.tmem.same, 3);
	assert_int_equal(res.tmem.only[0], 1);
	diff_images("b", "a", &res);
	assert_int_equal(res.tmem.only[1], 1);
	begin();
	craft_image(&c, NULL);
	tempdir_write("c", c.bytes, c.size);
	craft_free(&c);
	page.data[4000] ^= 1;
	craft_image(&c, NULL);
	tempdir_write("d", c.bytes, c.size);
	craft_free(&c);
	diff_images("c", "d", &res);
	assert_int_equal(res.tmem.content, 1);
	assert_false(res.tmem.pools);
	assert_false(diff_same(&res));
	diff_images("a", "d", &res);
	assert_true(res.tmem.pools);
}

/* Whoever reads an image without pools finds nothing of it. */
static void image_without_pools_has_none(void **state)
{
	struct tmem_writer w;
	struct output out;
	struct recorded *rec;
	struct image *img;

	(void)state;
	assert_works(output_open(&out, "image", false));
	img = image_new(&out, &layouts[0]);
	small_head(img);
	assert_works(tmem_writer_init(&w, &all_codecs));
	w.img = img;
	assert_works(tmem_writer_tell_pools(&w));
	small_p2m(img, 5);
	small_data(img, 2, XEN_DOMCTL_PFINFO_NOTAB, 3);
	assert_works(tmem_writer_end(&w));
	tmem_writer_free(&w);
	small_tail(img, 1);
	img->ops->free(img);
	assert_works(output_sync(&out));
	assert_works(output_publish(&out));
	output_close(&out);
	rec = recorded_read("image", NULL);
	assert_null(strchr(rec->steps, 'm'));
	recorded_free(rec);
}

static void what_cannot_be_read_is_not_written(void **state)
{
	struct stillpoint_tmem_page bad = { .handle = { 0, 4, 0 }, .stored = PAGE_BYTES + 1 };
	struct stillpoint_tmem_handle none = { 0, 77, 0 };
	struct recorded *rec = recorded_new();
	struct stillpoint_tmem_pool pool = { .id = 7, .flags = 1 };
	struct tmem_writer w;
	uint8_t data[PAGE_BYTES] = { 1 };

	(void)state;
	rec->config = strdup("");
	assert_works(tmem_writer_init(&w, &all_codecs));
	w.img = &rec->img;
	assert_fails(tmem_writer_page(&w, &bad, data), "bytes");
	assert_fails(tmem_writer_pool_gone(&w, 3), "which is none");
	assert_works(tmem_writer_pool(&w, &pool));
	assert_fails(tmem_writer_tell_pools(&w), "unknown kind");
	tmem_writer_free(&w);
	assert_works(tmem_writer_init(&w, &all_codecs));
	w.img = &rec->img;
	pool.flags = PERSISTENT;
	assert_works(tmem_writer_pool(&w, &pool));
	assert_works(tmem_writer_invalidate(&w, &none));
	assert_fails(tmem_writer_end(&w), "a handle of no pool");
	tmem_writer_free(&w);
	recorded_free(rec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pools_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(pool_that_comes_again_is_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(whole_image_is_accepted, setup, teardown),
		cmocka_unit_test_setup_teardown(encrypted_pools_are_not_readable, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_pools_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_pages_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(contents_of_shared_pools_are_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(hostile_invalidates_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_ends_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(order_is_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(pool_of_the_same_number_is_another, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pools_are_converted, setup, teardown),
		cmocka_unit_test_setup_teardown(xl_loses_no_page, setup, teardown),
		cmocka_unit_test_setup_teardown(side_file_of_another_image_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(differences_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(image_without_pools_has_none, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_read_is_not_written, setup,
						teardown),
		cmocka_unit_test_setup_teardown(damage_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(pools_that_change_meanwhile_are_refused, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("image_tmem", tests, NULL, NULL);
}
