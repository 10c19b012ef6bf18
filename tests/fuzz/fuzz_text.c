// SPDX-License-Identifier: GPL-2.0
/*
 * Text: the configuration in an image, and what a guest's module published. The first
 * byte says which; behind it stands JSON, or a value for each key.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <stillpoint/control.h>
#include <stillpoint/xenstore.h>

#include "config.h"
#include "fuzz.h"
#include "publish.h"

#define NAME "renamed"

static void text_rename(const char *json)
{
	char *renamed = config_rename(json, NAME), *name;

	fuzz_check(renamed);
	name = config_name(renamed);
	fuzz_check(name && !strcmp(name, NAME));
	free(name);
	free(renamed);
}

static void text_config(const uint8_t *data, size_t size)
{
	struct config_summary summary;
	char *json = malloc(size + 1), *name;

	fuzz_check(json);
	memcpy(json, data, size);
	json[size] = '\0';
	config_summarize(json, &summary);
	config_free_summary(&summary);
	name = config_name(json);
	if (name) {
		fuzz_check(!config_check_name(name));
		text_rename(json);
	}
	fuzz_verdict(name ? 0 : -1);
	free(name);
	free(json);
}

/* What a value is: the good one, none, or what the input says. */
enum text_kind {
	TEXT_GOOD,
	TEXT_MISSING,
	TEXT_DENIED,
	TEXT_LONG,
	TEXT_GIVEN,
};

static int text_given(struct fuzz_input *in, char value[PUBLISH_VALUE_MAX + 1])
{
	uint8_t size = fuzz_take_u8(in) % (PUBLISH_VALUE_MAX + 1);

	fuzz_take(in, value, size);
	return size;
}

static const char *text_good(const char *key)
{
	static const char *const good[][2] = {
		{ STILLPOINT_XS_ABI, "1" },	   { STILLPOINT_XS_VERSION, "0.1.0" },
		{ STILLPOINT_XS_FEATURES, "0x3" }, { STILLPOINT_XS_REF, "8" },
		{ STILLPOINT_XS_PORT, "17" },
	};
	size_t i;

	for (i = 0; strcmp(good[i][0], key); i++)
		;
	return good[i][1];
}

static int text_get(void *arg, const char *key, char value[PUBLISH_VALUE_MAX + 1])
{
	struct fuzz_input *in = arg;

	switch (fuzz_take_u8(in) % 8) {
	case TEXT_GOOD:
		strcpy(value, text_good(key));
		return strlen(value);
	case TEXT_MISSING:
		return -ENOENT;
	case TEXT_DENIED:
		return -EACCES;
	case TEXT_LONG:
		/* Nothing is stored of it. */
		return PUBLISH_VALUE_MAX + 1 + fuzz_take_u8(in);
	default:
		return text_given(in, value);
	}
}

static void text_published(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct publish pub;
	const char *p;
	int ret;

	ret = publish_read(&pub, text_get, &in);
	if (!ret) {
		fuzz_check(pub.abi == STILLPOINT_ABI_VERSION);
		fuzz_check(pub.port < 131072);
		fuzz_check(strlen(pub.version) < sizeof(pub.version));
		for (p = pub.version; *p; p++)
			fuzz_check(*p >= ' ' && *p <= '~');
	}
	fuzz_verdict(ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] % 2)
		text_published(data + 1, size - 1);
	else
		text_config(data + 1, size - 1);
	return 0;
}
