// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mounts.h"
#include "slurp.h"
#include "text.h"

/* The fields of a line before the optional ones, and behind the hyphen that ends these. */
enum field {
	FIELD_ID,
	FIELD_PARENT,
	FIELD_DEV,
	FIELD_ROOT,
	FIELD_POINT,
	FIELD_OPTIONS,
	FIELDS,
};

enum tail {
	TAIL_TYPE,
	TAIL_SOURCE,
	TAIL_OPTIONS,
	TAILS,
};

/* Take @count words off *rest into @words. Returns 0, or -EINVAL if there are fewer. */
static int take(char **rest, char **words, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		words[i] = strsep(rest, " ");
		if (!words[i])
			return -EINVAL;
	}
	return 0;
}

/* Of options between commas. */
static bool has_option(const char *options, const char *name)
{
	size_t length = strlen(name);

	for (; options; options = strchr(options, ',')) {
		options += *options == ',';
		if (!strncmp(options, name, length) && (options[length] == ',' || !options[length]))
			return true;
	}
	return false;
}

static int parse_numbers(struct mount *mount, char *const *fields)
{
	char end;

	if (sscanf(fields[FIELD_ID], "%u%c", &mount->id, &end) != 1)
		return -EINVAL;
	if (sscanf(fields[FIELD_PARENT], "%u%c", &mount->parent, &end) != 1)
		return -EINVAL;
	if (sscanf(fields[FIELD_DEV], "%u:%u%c", &mount->dev_major, &mount->dev_minor, &end) != 2)
		return -EINVAL;
	return 0;
}

static int parse_line(struct mount *mount, char *line)
{
	char *fields[FIELDS], *tails[TAILS], *word;

	if (take(&line, fields, FIELDS))
		return -EINVAL;
	do {
		if (take(&line, &word, 1))
			return -EINVAL;
	} while (strcmp(word, "-"));
	if (take(&line, tails, TAILS))
		return -EINVAL;
	mount->point = fields[FIELD_POINT];
	mount->type = tails[TAIL_TYPE];
	mount->source = tails[TAIL_SOURCE];
	text_unescape(mount->point);
	text_unescape(mount->source);
	mount->read_only = has_option(tails[TAIL_OPTIONS], "ro");
	return parse_numbers(mount, fields);
}

static size_t count_lines(const char *text)
{
	size_t lines = 0;

	for (; (text = strchr(text, '\n')); text++)
		lines++;
	return lines;
}

int mounts_parse(struct mounts *mounts, char *text)
{
	char *line, *rest = text;

	mounts->text = text;
	mounts->count = 0;
	/* One more, as there may be none. */
	mounts->all = calloc(count_lines(text) + 1, sizeof(*mounts->all));
	if (!mounts->all)
		return -ENOMEM;
	while ((line = strsep(&rest, "\n")) && rest) {
		if (parse_line(&mounts->all[mounts->count], line))
			return -EINVAL;
		mounts->count++;
	}
	return 0;
}

int mounts_read(struct mounts *mounts, const char *path)
{
	char *text;
	int err = slurp(path, &text);

	*mounts = (struct mounts){ 0 };
	return err ? err : mounts_parse(mounts, text);
}

void mounts_free(struct mounts *mounts)
{
	free(mounts->all);
	free(mounts->text);
	*mounts = (struct mounts){ 0 };
}

const struct mount *mounts_by_id(const struct mounts *mounts, unsigned int id)
{
	size_t i;

	for (i = 0; i < mounts->count; i++) {
		if (mounts->all[i].id == id)
			return &mounts->all[i];
	}
	return NULL;
}

bool mount_is_same_fs(const struct mount *a, const struct mount *b)
{
	return a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
}
