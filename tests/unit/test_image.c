// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <stillpoint/trailer.h>

#include "allocated.h"
#include "image_check.h"
#include "tempdir.h"
#include "tiny_image.h"
#include "image/xl_format.h"

/* The tiny image, of both kinds, in files in memory. */
static uint8_t *marked, *stock;
static size_t marked_size, stock_size;
static int fd;

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	marked = tiny_image_bytes(1, &marked_size);
	stock = tiny_image_bytes(0, &stock_size);
	fd = memfd_create("image", 0);
	return fd < 0;
}

static int teardown(void **state)
{
	(void)state;
	close(fd);
	free(marked);
	free(stock);
	tempdir_leave();
	return 0;
}

static int check(const void *data, size_t size, struct image_info *info)
{
	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	msg_error_clear();
	return image_check(fd, info);
}

static void writer_is_byte_exact(void **state)
{
	size_t size;
	uint8_t *data;

	(void)state;
	tiny_image_write("image");
	data = tempdir_read("image", &size);
	assert_int_equal(size, marked_size);
	assert_memory_equal(data, marked, size);
	free(data);
}

static void good_images_pass(void **state)
{
	struct image_info info;

	(void)state;
	assert_works(check(marked, marked_size, &info));
	assert_true(info.marked);
	assert_false(info.hvm);
	assert_int_equal(info.pages, 1);
	assert_string_equal(info.config, "{\"c_info\":{\"name\":\"tiny\"}}");
	assert_memory_equal(marked + info.stream, "LibxlFmt", 8);
	free(info.config);
	assert_works(check(stock, stock_size, &info));
	assert_false(info.marked);
	assert_memory_equal(stock + info.stream, "LibxlFmt", 8);
	free(info.config);
}

static void every_flipped_bit_is_found(void **state)
{
	struct image_info info;
	size_t byte;
	int bit;

	(void)state;
	check(marked, marked_size, &info);
	free(info.config);
	for (byte = 0; byte < marked_size; byte++)
		for (bit = 0; bit < 8; bit++) {
			uint8_t bad = marked[byte] ^ 1 << bit;

			assert_int_equal(pwrite(fd, &bad, 1, byte), 1);
			msg_error_clear();
			if (!image_check(fd, &info))
				fail_msg("bit %d of byte %zu can be flipped", bit, byte);
			assert_string_not_equal(msg_error_text(), "");
			assert_null(info.config);
			assert_int_equal(pwrite(fd, &marked[byte], 1, byte), 1);
		}
	assert_works(image_check(fd, &info));
	free(info.config);
}

static void every_truncation_is_found(void **state)
{
	struct image_info info;
	size_t size;

	(void)state;
	check(marked, marked_size, &info);
	free(info.config);
	for (size = marked_size; size-- > 0;) {
		assert_int_equal(ftruncate(fd, size), 0);
		msg_error_clear();
		if (!image_check(fd, &info))
			fail_msg("the image can end at %zu of %zu", size, marked_size);
		if (size >= 32)
			assert_non_null(strstr(msg_error_text(), "cut short"));
		else
			assert_non_null(strstr(msg_error_text(), "no image"));
	}
}

static void every_truncation_of_a_stock_image_is_found(void **state)
{
	struct image_info info;
	size_t size;

	(void)state;
	check(stock, stock_size, &info);
	free(info.config);
	for (size = stock_size; size-- > 0;) {
		assert_int_equal(ftruncate(fd, size), 0);
		if (!image_check(fd, &info))
			fail_msg("the image can end at %zu of %zu", size, stock_size);
	}
}

static void appended_bytes_are_found(void **state)
{
	uint8_t *longer = calloc(1, marked_size + 100);
	struct image_info info;

	(void)state;
	assert_non_null(longer);
	memcpy(longer, marked, marked_size);
	assert_fails(check(longer, marked_size + 1, &info), "1 bytes follow its end");
	memcpy(longer, stock, stock_size);
	assert_fails(check(longer, stock_size + 1, &info), "cut short");
	assert_fails(check(longer, stock_size + 100, &info), "no trailer");
	free(longer);
}

static void other_files_are_no_images(void **state)
{
	struct image_info info;
	uint8_t zero[100] = { 0 };
	int dir;

	(void)state;
	assert_fails(check("", 0, &info), "no image");
	assert_fails(check("hello\n", 6, &info), "no image");
	assert_fails(check(zero, 100, &info), "no image");
	dir = open(".", O_RDONLY);
	assert_fails(image_check(dir, &info), "regular file");
	close(dir);
}

/* Put @value of @size bytes at @offset of a stock image, and see the message. */
static void stock_with(size_t offset, uint64_t value, size_t size, const char *text)
{
	uint8_t *copy = malloc(stock_size);
	struct image_info info;

	assert_non_null(copy);
	memcpy(copy, stock, stock_size);
	memcpy(copy + offset, &value, size);
	assert_fails(check(copy, stock_size, &info), text);
	free(copy);
}

/* Offset behind @after of the first record of @type with @length in the stock image. */
static size_t record_at(uint32_t type, uint32_t length)
{
	struct record_header h = { type, length };
	uint8_t *p = memmem(stock, stock_size, &h, sizeof(h));

	assert_non_null(p);
	return p - stock;
}

static void bad_envelopes_are_told_apart(void **state)
{
	(void)state;
	stock_with(32, 0x04030201, 4, "byte order");
	stock_with(36, 7, 4, "unknown mandatory flags");
	stock_with(36, 1, 4, "before 4.6");
	stock_with(44, 3, 4, "optional data of 3 bytes");
	stock_with(44, UINT32_MAX, 4, "optional data");
	stock_with(44, 1 << 20, 4, "cut short");
	stock_with(48, 1000, 4, "configuration of 1000 bytes");
	stock_with(48, 0, 4, "no string");
	stock_with(48, 1, 5, "no string");
	stock_with(48, 26, 4, "no string");
	stock_with(60, 0, 1, "no string");
}

static void bad_streams_are_told_with_offsets(void **state)
{
	size_t libxl = 48 + 4 + 27;

	(void)state;
	assert_memory_equal(stock + libxl, "LibxlFmt", 8);
	stock_with(libxl, 'x', 1, "no libxl stream at offset 79");
	stock_with(libxl + 11, 3, 1, "no libxl stream");
	stock_with(libxl + 15, 1, 1, "no libxl stream");
	stock_with(libxl + 15, 2, 1, "before 4.6");
	stock_with(libxl + 16, 9, 4, "libxl record of type 0x9");
	stock_with(libxl + 16, 0, 4, "libxl record of type 0");
	stock_with(libxl + 20, 8, 4, "with 8 bytes");
	stock_with(libxl + 24, 0, 1, "no libxc stream at offset 103");
	stock_with(libxl + 24 + 15, 4, 1, "no libxc stream");
	stock_with(libxl + 24 + 15, 1, 1, "no libxc stream");
	stock_with(libxl + 24 + 17, 1, 1, "no libxc stream");
	stock_with(libxl + 48, 3, 4, "unknown domain header");
	stock_with(libxl + 52, 13, 2, "unknown domain header");
	stock_with(stock_size - 8, 2, 4, "libxl record of type 0x2");
}

/* Each record has a few bytes, and all that came before is not copied for it. */
static void p2m_may_grow_often(void **state)
{
	const uint64_t n = 2000, record = 24 + 8;
	size_t at = record_at(LIBXC_X86_PV_P2M_FRAMES, 16) + 24;
	uint8_t *copy = malloc(stock_size + n * record), *p;
	struct image_info info;
	uint32_t h[4] = { LIBXC_X86_PV_P2M_FRAMES, 16 };
	uint64_t pfn = 1, i;

	(void)state;
	assert_non_null(copy);
	memcpy(copy, stock, at);
	p = copy + at;
	for (i = 0; i < n; i++) {
		h[2] = i * 512;
		h[3] = i * 512;
		memcpy(p, h, sizeof(h));
		memcpy(p + sizeof(h), &pfn, sizeof(pfn));
		p += sizeof(h) + sizeof(pfn);
	}
	memcpy(p, stock + at, stock_size - at);
	allocated_begin();
	assert_works(check(copy, p - copy + stock_size - at, &info));
	assert_true(allocated_sum() < 16 << 20);
	assert_int_equal(info.src.pfns, (n - 1) * 512 + 1);
	free(info.config);
	free(copy);
}

/* Each has a few bytes, and all that came before would be passed on for it. */
static void p2m_does_not_grow_without_end(void **state)
{
	const uint32_t frames = 1 << 16, n = 200, record = 24 + 8;
	size_t at = record_at(LIBXC_X86_PV_P2M_FRAMES, 16) + 24;
	size_t size = stock_size + 24 + frames * 8 + n * record;
	uint32_t h[4] = { LIBXC_X86_PV_P2M_FRAMES, 8 + frames * 8, 0, frames * 512 - 1 };
	uint8_t *copy = calloc(size, 1), *p;
	struct image_info info;
	uint32_t i;

	(void)state;
	assert_non_null(copy);
	memcpy(copy, stock, at);
	p = copy + at;
	memcpy(p, h, sizeof(h));
	p += sizeof(h) + frames * 8;
	h[1] = 16;
	h[3] = 0;
	for (i = 0; i < n; i++, p += sizeof(h) + 8)
		memcpy(p, h, sizeof(h));
	memcpy(p, stock + at, stock_size - at);
	assert_fails(check(copy, p - copy + stock_size - at, &info), "the p2m again and again");
	free(copy);
}

static void configuration_has_a_limit(void **state)
{
	const size_t at = 48, more = STILLPOINT_CONFIG_MAX;
	uint8_t *copy = malloc(stock_size + more);
	struct image_info info;
	uint32_t length;

	(void)state;
	assert_non_null(copy);
	memcpy(copy, stock, at + 4);
	memset(copy + at + 4, ' ', more);
	memcpy(copy + at + 4 + more, stock + at + 4, stock_size - at - 4);
	memcpy(&length, copy + at - 4, 4);
	length += more;
	memcpy(copy + at - 4, &length, 4);
	memcpy(&length, copy + at, 4);
	length += more;
	memcpy(copy + at, &length, 4);
	assert_fails(check(copy, stock_size + more, &info), "at most 1048576 are read");
	free(copy);
}

static void bad_records_are_refused(void **state)
{
	size_t pages = record_at(LIBXC_PAGE_DATA, 8 + 24 + 4096);
	size_t frames = record_at(LIBXC_X86_PV_P2M_FRAMES, 16);
	size_t info = record_at(LIBXC_X86_PV_INFO, 8);
	size_t tsc = record_at(LIBXC_X86_TSC_INFO, 24);
	size_t shared = record_at(LIBXC_SHARED_INFO, 4096);
	size_t vcpu = record_at(LIBXC_X86_PV_VCPU_BASIC, 8 + 5168);
	size_t end = record_at(LIBXC_STATIC_DATA_END, 0);

	(void)state;
	stock_with(info, 0x0e, 4, "unknown type");
	stock_with(info, 0x14, 4, "unknown type");
	stock_with(info + 4, (128 << 20) + 1, 4, "impossible length");
	stock_with(info + 4, UINT32_MAX, 4, "impossible length");
	stock_with(info + 4, 128 << 20, 4, "cut short");
	stock_with(info + 4, 7, 4, "X86_PV_INFO");
	stock_with(info + 8, 4, 1, "guest width");
	stock_with(info + 9, 3, 1, "guest width");
	stock_with(frames + 4, 8, 4, "wrong size");
	stock_with(frames + 8, 3, 4, "negative range");
	stock_with(frames + 12, 512, 4, "wrong size");
	stock_with(frames + 12, UINT32_MAX, 4, "wrong size");
	/* Room for 16 TiB, of which one frame is described. */
	stock_with(frames + 8, UINT64_C(0xffffffffffffffff), 8, "gap");
	stock_with(frames + 16, 3, 8, "frame outside");
	stock_with(frames + 16, 2, 8, "not plain memory");
	stock_with(pages + 24, UINT64_C(0x1000000000000001), 8, "not plain memory");
	stock_with(pages + 8, 0, 4, "number of pages");
	stock_with(pages + 8, 4, 4, "");
	stock_with(pages + 8, UINT32_MAX, 4, "number of pages");
	stock_with(pages + 16, 0, 8, "wrong size of PAGE_DATA");
	stock_with(pages + 16, UINT64_C(0x8000000000000000), 8, "unknown type");
	stock_with(pages + 16, UINT64_C(0x5000000000000000), 8, "unknown type");
	stock_with(pages + 24, 3, 8, "page outside");
	stock_with(pages + 24, UINT64_C(0xf000000000000001), 8, "wrong size of PAGE_DATA");
	stock_with(tsc + 4, 16, 4, "wrong size");
	stock_with(tsc + 8, 4, 4, "unknown mode");
	stock_with(shared + 4, 4088, 4, "wrong size");
	stock_with(vcpu + 4, 8 + 5160, 4, "wrong size of a vCPU");
	stock_with(vcpu + 8, 1, 4, "before the p2m, shared info or vCPU 0");
	stock_with(end, LIBXC_X86_PV_INFO, 4, "second or too short");
	stock_with(end + 4, 8, 4, "");
}

static void pages_may_come_again(void **state)
{
	static const unsigned int bad[] = { 1, 4, 9, 13, 14, 15 };
	struct image_info info;
	uint8_t *image;
	size_t size, i;

	(void)state;
	image = tiny_image_repeated(0, &size);
	assert_works(check(image, size, &info));
	assert_int_equal(info.pages, 1);
	free(info.config);
	free(image);
	/* The last type counts: a p2m in such a page could not be filled in. */
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		image = tiny_image_repeated(bad[i], &size);
		assert_fails(check(image, size, &info), "not plain memory");
		free(image);
	}
}

static void optional_record_is_skipped(void **state)
{
	size_t tsc = record_at(LIBXC_X86_TSC_INFO, 24);
	uint8_t *copy = malloc(stock_size);
	struct image_info info;

	(void)state;
	assert_non_null(copy);
	memcpy(copy, stock, stock_size);
	copy[tsc + 3] = 0x80;
	assert_works(check(copy, stock_size, &info));
	free(info.config);
	free(copy);
}

static void lost_mark_does_not_hide_the_trailer(void **state)
{
	uint8_t *copy = malloc(marked_size);
	struct image_info info;
	uint8_t *mark;

	(void)state;
	assert_non_null(copy);
	memcpy(copy, marked, marked_size);
	mark = memmem(copy, marked_size, "SPNTMARK", 8);
	assert_non_null(mark);
	*mark = 'X';
	assert_fails(check(copy, marked_size, &info), "digest does not match");
	free(copy);
}

static void cut_off_trailer_is_told(void **state)
{
	struct image_info info;

	(void)state;
	assert_fails(check(marked, marked_size - sizeof(struct stillpoint_image_trailer), &info),
		     "cut short: the trailer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writer_is_byte_exact),
		cmocka_unit_test(good_images_pass),
		cmocka_unit_test(every_flipped_bit_is_found),
		cmocka_unit_test(every_truncation_is_found),
		cmocka_unit_test(every_truncation_of_a_stock_image_is_found),
		cmocka_unit_test(appended_bytes_are_found),
		cmocka_unit_test(other_files_are_no_images),
		cmocka_unit_test(bad_envelopes_are_told_apart),
		cmocka_unit_test(bad_streams_are_told_with_offsets),
		cmocka_unit_test(p2m_may_grow_often),
		cmocka_unit_test(p2m_does_not_grow_without_end),
		cmocka_unit_test(configuration_has_a_limit),
		cmocka_unit_test(bad_records_are_refused),
		cmocka_unit_test(pages_may_come_again),
		cmocka_unit_test(optional_record_is_skipped),
		cmocka_unit_test(lost_mark_does_not_hide_the_trailer),
		cmocka_unit_test(cut_off_trailer_is_told),
	};

	return cmocka_run_group_tests_name("image", tests, setup, teardown);
}
