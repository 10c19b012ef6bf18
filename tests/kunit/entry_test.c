// SPDX-License-Identifier: GPL-2.0
/* Which texts sp_entry_offset() takes for the entry of a function. */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "entry.h"

#define NAME "xs_suspend"

/* An allocation that ends with the text, so that KASAN sees a read behind it. */
static int parse(struct kunit *test, const char *text, unsigned long *offset)
{
	size_t size = strlen(text) + 1;
	char *copy = kunit_kmalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, copy);
	memcpy(copy, text, size);
	return sp_entry_offset(copy, NAME, offset);
}

static void expect_offset(struct kunit *test, const char *text, unsigned long expected)
{
	unsigned long offset = ULONG_MAX;

	KUNIT_EXPECT_EQ_MSG(test, parse(test, text, &offset), 0, "text: \"%s\"", text);
	KUNIT_EXPECT_EQ_MSG(test, offset, expected, "text: \"%s\"", text);
}

static void expect_refused(struct kunit *test, const char *text)
{
	unsigned long offset;

	KUNIT_EXPECT_EQ_MSG(test, parse(test, text, &offset), -EINVAL, "text: \"%s\"", text);
}

static void entry_itself(struct kunit *test)
{
	expect_offset(test, NAME "+0x0/0x20", 0);
	expect_offset(test, NAME "+0x0/", 0);
}

static void behind_an_endbr(struct kunit *test)
{
	expect_offset(test, NAME "+0x4/0x20", 4);
	expect_offset(test, NAME "+0x4/", 4);
}

static void function_of_a_module(struct kunit *test)
{
	expect_offset(test, NAME "+0x0/0x20 [stillpoint]", 0);
	expect_offset(test, NAME "+0x4/0x20 [stillpoint]", 4);
}

static void other_name(struct kunit *test)
{
	expect_refused(test, "xs_resume+0x0/0x20");
	expect_refused(test, "XS_SUSPEND+0x0/0x20");
	expect_refused(test, "xs_suspenD+0x0/0x20");
	expect_refused(test, " " NAME "+0x0/0x20");
}

static void name_as_prefix(struct kunit *test)
{
	expect_refused(test, NAME "_cancel+0x0/0x20");
	expect_refused(test, NAME ".cold+0x0/0x20");
	expect_refused(test, NAME ".isra.0+0x4/0x20");
	expect_refused(test, NAME NAME "+0x0/0x20");
}

static void name_as_suffix(struct kunit *test)
{
	expect_refused(test, "f" NAME "+0x0/0x20");
	expect_refused(test, "__" NAME "+0x4/0x20");
}

static void text_ends_early(struct kunit *test)
{
	static const char text[] = NAME "+0x4/";
	char part[sizeof(text)];
	size_t len;

	for (len = 0; len < strlen(text); len++) {
		memcpy(part, text, len);
		part[len] = '\0';
		expect_refused(test, part);
	}
}

static void no_slash(struct kunit *test)
{
	expect_refused(test, NAME "+0x0");
	expect_refused(test, NAME "+0x4 0x20");
	expect_refused(test, NAME "+0x4\\0x20");
}

static void other_offsets(struct kunit *test)
{
	static const unsigned long low[] = { 1, 2, 3, 5, 8, 0x10, 0x14, 0x40, 0x44, 0x100 };
	static const unsigned long high[] = { 0x100000000, 0x100000004, LONG_MAX, ULONG_MAX };
	char text[64];
	int i;

	for (i = 0; i < ARRAY_SIZE(low); i++) {
		snprintf(text, sizeof(text), NAME "+%#lx/0x20", low[i]);
		expect_refused(test, text);
	}
	for (i = 0; i < ARRAY_SIZE(high); i++) {
		snprintf(text, sizeof(text), NAME "+%#lx/0x20", high[i]);
		expect_refused(test, text);
	}
}

static void offset_above_64_bits(struct kunit *test)
{
	expect_refused(test, NAME "+0x10000000000000000/0x20");
	expect_refused(test, NAME "+0x10000000000000004/0x20");
	expect_refused(test, NAME "+0x100000000000000000000000000000004/0x20");
}

static void endless_digits(struct kunit *test)
{
	static const size_t lengths[] = { 17, 18, 19, 20, 21, 64, 1000 };
	int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		size_t name = strlen(NAME "+0x");
		char *text = kunit_kzalloc(test, name + lengths[i] + 2, GFP_KERNEL);

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, text);
		memcpy(text, NAME "+0x", name);
		memset(text + name, '9', lengths[i]);
		expect_refused(test, text);
		text[name + lengths[i]] = '/';
		expect_refused(test, text);
	}
}

static void no_number(struct kunit *test)
{
	expect_refused(test, NAME "+0x/0x20");
	expect_refused(test, NAME "+0xg/0x20");
	expect_refused(test, NAME "+0x4g/0x20");
	expect_refused(test, NAME "+0x4 /0x20");
	expect_refused(test, NAME "+0x 4/0x20");
	expect_refused(test, NAME "+0x-4/0x20");
	expect_refused(test, NAME "+0x+4/0x20");
	expect_refused(test, NAME "+0x0x4/0x20");
	expect_refused(test, NAME "+0x\x80/0x20");
}

static void no_hexadecimal_offset(struct kunit *test)
{
	expect_refused(test, NAME "/0x20");
	expect_refused(test, NAME "+4/0x20");
	expect_refused(test, NAME "+04/0x20");
	expect_refused(test, NAME "+0X4/0x20");
	expect_refused(test, NAME "-0x4/0x20");
	expect_refused(test, NAME " +0x4/0x20");
	expect_refused(test, NAME "++0x4/0x20");
}

static void garbage(struct kunit *test)
{
	expect_refused(test, "");
	expect_refused(test, "/");
	expect_refused(test, "+0x0/0x20");
	expect_refused(test, "0xffffffff81000000");
	expect_refused(test, "\xff\xfe\x01\n");
	expect_refused(test, "%s%s%s%n/");
}

static struct kunit_case entry_cases[] = {
	KUNIT_CASE(entry_itself),
	KUNIT_CASE(behind_an_endbr),
	KUNIT_CASE(function_of_a_module),
	KUNIT_CASE(other_name),
	KUNIT_CASE(name_as_prefix),
	KUNIT_CASE(name_as_suffix),
	KUNIT_CASE(text_ends_early),
	KUNIT_CASE(no_slash),
	KUNIT_CASE(other_offsets),
	KUNIT_CASE(offset_above_64_bits),
	KUNIT_CASE(endless_digits),
	KUNIT_CASE(no_number),
	KUNIT_CASE(no_hexadecimal_offset),
	KUNIT_CASE(garbage),
	{},
};

static struct kunit_suite entry_suite = {
	.name = "stillpoint-entry",
	.test_cases = entry_cases,
};

kunit_test_suite(entry_suite);
