/* SPDX-License-Identifier: GPL-2.0 */
/* Members of the objects that commands print. */
#ifndef STILLPOINT_JSON_ADD_H
#define STILLPOINT_JSON_ADD_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

static inline void add_number(json_object *o, const char *key, uint64_t n)
{
	json_object_object_add(o, key, json_object_new_uint64(n));
}

/* @text may be NULL, which becomes null. */
static inline void add_string(json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, text ? json_object_new_string(text) : NULL);
}

static inline void add_boolean(json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

#endif /* STILLPOINT_JSON_ADD_H */
