// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <errno.h>

#include <stillpoint/xenstore.h>

#include "publish.h"

/* One changed key; the others are as a good module writes them. */
struct store {
	const char *key;
	const char *value;
	int length;
};

static int store_get(void *arg, const char *key, char value[PUBLISH_VALUE_MAX + 1])
{
	static const char *const good[][2] = {
		{ STILLPOINT_XS_ABI, "1" },	   { STILLPOINT_XS_VERSION, "0.1.0" },
		{ STILLPOINT_XS_FEATURES, "0x1" }, { STILLPOINT_XS_REF, "4294967295" },
		{ STILLPOINT_XS_PORT, "131071" },
	};
	const struct store *s = arg;
	size_t i;

	if (s->key && !strcmp(s->key, key)) {
		if (s->length >= 0 && s->length <= PUBLISH_VALUE_MAX)
			memcpy(value, s->value, s->length);
		return s->length;
	}
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!strcmp(good[i][0], key)) {
			strcpy(value, good[i][1]);
			return strlen(value);
		}
	return -ENOENT;
}

static int read_with(const char *key, const char *value, int length, struct publish *pub)
{
	struct store s = { .key = key, .value = value, .length = length };

	return publish_read(pub, store_get, &s);
}

#define REFUSES(key, value, text)                                                   \
	do {                                                                        \
		struct publish ignored;                                             \
		assert_fails(read_with(key, value, strlen(value), &ignored), text); \
	} while (0)

static void good_values_are_read(void **state)
{
	struct publish pub;

	(void)state;
	assert_works(read_with(NULL, NULL, 0, &pub));
	assert_int_equal(pub.abi, 1);
	assert_int_equal(pub.ref, 0xffffffff);
	assert_int_equal(pub.port, 131071);
	assert_int_equal(pub.features, 1);
	assert_string_equal(pub.version, "0.1.0");
	assert_works(read_with(STILLPOINT_XS_FEATURES, "0xFFFFffffFFFFffff", 18, &pub));
	assert_true(pub.features == UINT64_MAX);
}

static void missing_module_is_told(void **state)
{
	struct publish pub;
	struct store s = { .key = STILLPOINT_XS_ABI, .length = -ENOENT };

	(void)state;
	assert_fails(read_with(STILLPOINT_XS_ABI, NULL, -ENOENT, &pub), "not loaded");
	assert_false(publish_present(store_get, &s));
	assert_fails(read_with(STILLPOINT_XS_REF, NULL, -ENOENT, &pub), "did not publish");
	assert_fails(read_with(STILLPOINT_XS_REF, NULL, -EACCES, &pub), "Permission denied");
}

static void other_abi_is_told_with_its_version(void **state)
{
	struct publish pub;

	(void)state;
	assert_fails(read_with(STILLPOINT_XS_ABI, "2", 1, &pub), "ABI 2");
	assert_int_equal(pub.abi, 2);
	assert_string_equal(pub.version, "0.1.0");
}

static void hostile_numbers_are_refused(void **state)
{
	static const char *const bad[] = { "",	  " 1", "1 ",  "-1",  "+1",
					   "1x",  "x",	"0x1", "1\n", "99999999999999999999999",
					   "\xff" };
	struct publish pub;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		REFUSES(STILLPOINT_XS_ABI, bad[i], "number");
		REFUSES(STILLPOINT_XS_REF, bad[i], "number");
		REFUSES(STILLPOINT_XS_PORT, bad[i], "number");
	}
	REFUSES(STILLPOINT_XS_REF, "4294967296", "above");
	REFUSES(STILLPOINT_XS_PORT, "131072", "above");
	REFUSES(STILLPOINT_XS_FEATURES, "1", "0x");
	REFUSES(STILLPOINT_XS_FEATURES, "0x", "number");
	REFUSES(STILLPOINT_XS_FEATURES, "0x0x1", "number");
	REFUSES(STILLPOINT_XS_FEATURES, "0x-1", "number");
	REFUSES(STILLPOINT_XS_FEATURES, "0x11111111111111111", "number");
	assert_fails(read_with(STILLPOINT_XS_REF, "8\0009", 3, &pub), "zero byte");
	assert_fails(read_with(STILLPOINT_XS_REF, NULL, 64, &pub), "64 bytes");
	assert_fails(read_with(STILLPOINT_XS_REF, NULL, INT32_MAX, &pub), "bytes");
}

static void hostile_versions_are_refused(void **state)
{
	(void)state;
	REFUSES(STILLPOINT_XS_VERSION, "\033[2J", "printable");
	REFUSES(STILLPOINT_XS_VERSION, "1\n2", "printable");
	REFUSES(STILLPOINT_XS_VERSION, "\xc3\xa4", "printable");
	REFUSES(STILLPOINT_XS_VERSION, "123456789012345678901234567890123", "at most 32");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_values_are_read),
		cmocka_unit_test(missing_module_is_told),
		cmocka_unit_test(other_abi_is_told_with_its_version),
		cmocka_unit_test(hostile_numbers_are_refused),
		cmocka_unit_test(hostile_versions_are_refused),
	};

	return cmocka_run_group_tests_name("publish", tests, NULL, NULL);
}
