// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <uuid.h>

#include "config.h"
#include "msg.h"

/* libxl puts the name into a xenstore path; longer ones are refused there. */
#define CONFIG_NAME_MAX 255

static json_object *config_parse(const char *json, json_object **create_info)
{
	json_object *config = json_tokener_parse(json);

	if (!config || !json_object_object_get_ex(config, "c_info", create_info) ||
	    !json_object_is_type(*create_info, json_type_object)) {
		json_object_put(config);
		msg_error(
			"the configuration in the image is no domain configuration; give one with --config");
		return NULL;
	}
	return config;
}

char *config_name(const char *json)
{
	json_object *config, *info, *name;
	char *copy = NULL;

	config = config_parse(json, &info);
	if (!config)
		return NULL;
	if (!json_object_object_get_ex(info, "name", &name) ||
	    !json_object_is_type(name, json_type_string))
		msg_error("the configuration in the image has no name; give one with --name");
	else if (!config_check_name(json_object_get_string(name))) {
		copy = strdup(json_object_get_string(name));
		if (!copy)
			msg_error("out of memory");
	}
	json_object_put(config);
	return copy;
}

static char *config_string(json_object *o, const char *key)
{
	json_object *v;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_string))
		return NULL;
	return strdup(json_object_get_string(v));
}

static uint64_t config_number(json_object *o, const char *key)
{
	json_object *v;
	int64_t n;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_int))
		return 0;
	n = json_object_get_int64(v);
	return n > 0 ? n : 0;
}

void config_summarize(const char *json, struct config_summary *summary)
{
	json_object *config = json_tokener_parse(json), *part;

	memset(summary, 0, sizeof(*summary));
	if (json_object_object_get_ex(config, "c_info", &part)) {
		summary->name = config_string(part, "name");
		summary->uuid = config_string(part, "uuid");
	}
	if (json_object_object_get_ex(config, "b_info", &part)) {
		summary->memory_kib = config_number(part, "target_memkb");
		summary->max_memory_kib = config_number(part, "max_memkb");
		summary->max_vcpus = config_number(part, "max_vcpus");
	}
	json_object_put(config);
}

void config_free_summary(struct config_summary *summary)
{
	free(summary->name);
	free(summary->uuid);
	memset(summary, 0, sizeof(*summary));
}

char *config_rename(const char *json, const char *name)
{
	json_object *config, *info;
	char text[37];
	char *copy;
	uuid_t uuid;

	config = config_parse(json, &info);
	if (!config)
		return NULL;
	uuid_generate(uuid);
	uuid_unparse_lower(uuid, text);
	json_object_object_add(info, "name", json_object_new_string(name));
	json_object_object_add(info, "uuid", json_object_new_string(text));
	copy = strdup(json_object_to_json_string_ext(
		config, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	if (!copy)
		msg_error("out of memory");
	json_object_put(config);
	return copy;
}

/* True if @object has @text under @key. */
static bool config_says(const json_object *object, const char *key, const char *text)
{
	json_object *value;

	return json_object_object_get_ex(object, key, &value) &&
	       json_object_is_type(value, json_type_string) &&
	       !strcmp(json_object_get_string(value), text);
}

/* The disk @vdev in @config, or NULL. */
static json_object *config_disk(json_object *config, const char *vdev)
{
	json_object *disks, *disk;
	size_t i;

	if (!json_object_object_get_ex(config, "disks", &disks) ||
	    !json_object_is_type(disks, json_type_array))
		return NULL;
	for (i = 0; i < json_object_array_length(disks); i++) {
		disk = json_object_array_get_idx(disks, i);
		if (config_says(disk, "vdev", vdev))
			return disk;
	}
	return NULL;
}

static void config_put_disk(json_object *disk, const char *path, const char *format)
{
	/* It is dom0's, and not another domain's file of that name. */
	json_object_object_del(disk, "backend_domid");
	json_object_object_del(disk, "backend_domname");
	if (config_says(disk, "pdev_path", path) && config_says(disk, "format", format))
		return;
	json_object_object_add(disk, "pdev_path", json_object_new_string(path));
	json_object_object_add(disk, "format", json_object_new_string(format));
	/* libxl chooses what can serve it. */
	json_object_object_del(disk, "backend");
	json_object_object_del(disk, "script");
}

char *config_move_disk(const char *json, const char *vdev, const char *path, const char *format)
{
	json_object *config, *info, *disk;
	char *copy = NULL;

	config = config_parse(json, &info);
	if (!config)
		return NULL;
	disk = config_disk(config, vdev);
	if (!disk) {
		msg_error(
			"the guest's configuration has no disk '%s'; add it, or give another configuration",
			vdev);
	} else {
		config_put_disk(disk, path, format);
		copy = strdup(json_object_to_json_string_ext(
			config, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
		if (!copy)
			msg_error("out of memory");
	}
	json_object_put(config);
	return copy;
}

/* What has several of a kind in @config is devices; @other has the same of each. */
static bool config_has_all(json_object *config, json_object *other)
{
	struct json_object_iterator it = json_object_iter_begin(config);
	struct json_object_iterator end = json_object_iter_end(config);
	json_object *list, *others;

	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
		list = json_object_iter_peek_value(&it);
		if (!json_object_is_type(list, json_type_array) || !json_object_array_length(list))
			continue;
		if (!json_object_object_get_ex(other, json_object_iter_peek_name(&it), &others) ||
		    !json_object_equal(list, others))
			return false;
	}
	return true;
}

bool config_same_devices(const char *json, const char *other)
{
	json_object *a = json_tokener_parse(json), *b = json_tokener_parse(other);
	bool same;

	same = json_object_is_type(a, json_type_object) &&
	       json_object_is_type(b, json_type_object) && config_has_all(a, b) &&
	       config_has_all(b, a);
	json_object_put(a);
	json_object_put(b);
	return same;
}

int config_check_name(const char *name)
{
	const char *p;

	if (!*name || strlen(name) > CONFIG_NAME_MAX)
		return msg_error("a domain's name has 1 to %d characters", CONFIG_NAME_MAX);
	for (p = name; isdigit((unsigned char)*p); p++)
		;
	if (!*p)
		return msg_error("'%s' cannot be a domain's name: it is a number", name);
	for (p = name; *p; p++)
		if (!isgraph((unsigned char)*p) || *p == '/')
			return msg_error(
				"'%s' cannot be a domain's name: it has a space, a slash or a control character",
				name);
	return 0;
}
