// SPDX-License-Identifier: GPL-2.0
/*
 * Text: the configuration in an image, what a guest's module published, and the manifest of a
 * backup. The first byte says which; behind it stands JSON, or a value for each key.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stillpoint/control.h>
#include <stillpoint/xenstore.h>

#include "config.h"
#include "fuzz.h"
#include "manifest.h"
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

/* The harness's own folder. */
static int text_folder(void)
{
	static int dir = -1;

	if (dir < 0) {
		mkdir("backup", 0700);
		dir = open("backup", O_DIRECTORY | O_CLOEXEC);
	}
	fuzz_check(dir >= 0);
	unlinkat(dir, MANIFEST_NAME, 0);
	return dir;
}

static void text_check_file(const struct manifest_file *file)
{
	fuzz_check(!strchr(file->name, '/') && file->name[0] != '.');
	fuzz_check(!*file->name || strlen(file->sha256) == DIGEST_HEX - 1);
	fuzz_check(file->bytes <= INT64_MAX);
}

static bool text_same_file(const struct manifest_file *a, const struct manifest_file *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->sha256, b->sha256) && a->bytes == b->bytes;
}

/* What was read can be written, and is the same then. */
static void text_write_again(const struct manifest *m)
{
	struct manifest again;
	size_t i;
	int dir = text_folder();

	fuzz_check(!manifest_write(m, dir) && !manifest_read(&again, dir));
	fuzz_check(!strcmp(m->domain, again.domain) && m->disks.n == again.disks.n);
	fuzz_check(m->quiesced == again.quiesced && m->encrypted == again.encrypted);
	fuzz_check(text_same_file(&m->memory, &again.memory));
	fuzz_check(text_same_file(&m->config, &again.config));
	for (i = 0; i < m->disks.n; i++) {
		fuzz_check(text_same_file(&m->files[i], &again.files[i]));
		fuzz_check(!strcmp(m->disks.disk[i].device, again.disks.disk[i].device));
		fuzz_check(!strcmp(m->disks.disk[i].path, again.disks.disk[i].path));
	}
	manifest_free(&again);
}

static void text_manifest(const uint8_t *data, size_t size)
{
	int dir = text_folder(), fd, ret;
	struct manifest m;
	size_t i;

	fd = openat(dir, MANIFEST_NAME, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	fuzz_check(fd >= 0 && write(fd, data, size) == (ssize_t)size && !close(fd));
	ret = manifest_read(&m, dir);
	if (!ret) {
		text_check_file(&m.memory);
		text_check_file(&m.config);
		for (i = 0; i < m.disks.n; i++) {
			text_check_file(&m.files[i]);
			fuzz_check(m.disks.disk[i].path[0] == '/');
		}
		text_write_again(&m);
	}
	manifest_free(&m);
	fuzz_verdict(ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	switch (data[0] % 4) {
	case 0:
		text_config(data + 1, size - 1);
		break;
	case 1:
		text_published(data + 1, size - 1);
		break;
	default:
		text_manifest(data + 1, size - 1);
	}
	return 0;
}
