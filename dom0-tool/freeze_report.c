// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* open_memstream, strchrnul */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "freeze_report.h"
#include "json_add.h"
#include "msg.h"

enum report_field {
	REPORT_KIND,
	REPORT_OUTCOME,
	REPORT_WHAT,
	REPORT_NAME,
	REPORT_US,
	REPORT_DETAIL,
	REPORT_FIELDS,
};

/* What is told of each line. */
typedef void (*report_line)(void *arg, char *const field[REPORT_FIELDS]);

/* Split @line in place. False if it does not have the fields. */
static bool report_split(char *line, char *field[REPORT_FIELDS])
{
	unsigned int i;

	for (i = 0; i < REPORT_FIELDS; i++) {
		if (!line)
			return false;
		field[i] = line;
		line = strchr(line, '\t');
		if (line)
			*line++ = '\0';
	}
	return !line && field[REPORT_US][strspn(field[REPORT_US], "0123456789")] == '\0' &&
	       strlen(field[REPORT_US]) < 19;
}

/* Returns 0, or -1 with an error recorded. A line that is none is passed over. */
static int report_walk(struct quiesce_page *page, const struct stillpoint_quiesce_guest *guest,
		       report_line told, void *arg)
{
	char *text = quiesce_page_report(page, guest), *line, *end;
	char *field[REPORT_FIELDS];

	if (!text)
		return -1;
	for (line = text; *line; line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		if (report_split(line, field))
			told(arg, field);
	}
	free(text);
	return 0;
}

static bool report_has_failed(char *const field[REPORT_FIELDS])
{
	return !strcmp(field[REPORT_OUTCOME], "failed") ||
	       !strcmp(field[REPORT_OUTCOME], "timeout");
}

/* Worth a warning, though the round went on. */
static bool report_is_bad(char *const field[REPORT_FIELDS])
{
	return report_has_failed(field) || !strcmp(field[REPORT_OUTCOME], "unsupported") ||
	       !strcmp(field[REPORT_OUTCOME], "warning");
}

/* One line as a phrase. */
static void report_phrase(char *const field[REPORT_FIELDS], char *text, size_t size)
{
	const char *detail = field[REPORT_DETAIL];

	if (!strcmp(field[REPORT_KIND], "note"))
		snprintf(text, size, "%s", detail);
	else
		snprintf(text, size, "%s %s '%s' %s%s%s", field[REPORT_WHAT],
			 !strcmp(field[REPORT_KIND], "hook") ? "hook" : "file system",
			 field[REPORT_NAME], field[REPORT_OUTCOME], *detail ? ": " : "", detail);
}

/**
 * struct report_first - where the first phrase goes
 */
struct report_first {
	char *text;
	size_t size;
};

static void report_take_first(void *arg, char *const field[REPORT_FIELDS])
{
	struct report_first *first = arg;

	if (!*first->text && report_has_failed(field))
		report_phrase(field, first->text, first->size);
}

void freeze_report_first(struct quiesce_page *page, const struct stillpoint_quiesce_guest *guest,
			 char *text, size_t size)
{
	struct report_first first = { .text = text, .size = size };

	*text = '\0';
	if (report_walk(page, guest, report_take_first, &first))
		msg_error_clear();
}

static void report_warn(void *arg, char *const field[REPORT_FIELDS])
{
	char text[512];

	(void)arg;
	if (!report_is_bad(field))
		return;
	report_phrase(field, text, sizeof(text));
	msg_warn("in the guest: %s", text);
}

void freeze_report_warn(struct quiesce_page *page, const struct stillpoint_quiesce_guest *guest)
{
	report_walk(page, guest, report_warn, NULL);
}

static void report_add(void *arg, char *const field[REPORT_FIELDS])
{
	json_object *o = json_object_new_object();

	add_string(o, "kind", field[REPORT_KIND]);
	add_string(o, "outcome", field[REPORT_OUTCOME]);
	add_string(o, "what", field[REPORT_WHAT]);
	add_string(o, "name", field[REPORT_NAME]);
	add_number(o, "us", strtoull(field[REPORT_US], NULL, 10));
	add_string(o, "detail", field[REPORT_DETAIL]);
	json_object_array_add(arg, o);
}

json_object *freeze_report_json(struct quiesce_page *page,
				const struct stillpoint_quiesce_guest *guest)
{
	json_object *array = json_object_new_array();

	report_walk(page, guest, report_add, array);
	return array;
}

/**
 * struct report_table - where the lines go
 */
struct report_table {
	FILE *f;
	const char *prefix;
};

static void report_print(void *arg, char *const field[REPORT_FIELDS])
{
	struct report_table *table = arg;

	fprintf(table->f, "%s%-5s %-11s %-8s %8.1f ms  %s%s%s\n", table->prefix, field[REPORT_KIND],
		field[REPORT_OUTCOME], field[REPORT_WHAT],
		strtoull(field[REPORT_US], NULL, 10) / 1000.0, field[REPORT_NAME],
		*field[REPORT_DETAIL] ? ": " : "", field[REPORT_DETAIL]);
}

char *freeze_report_table(struct quiesce_page *page, const struct stillpoint_quiesce_guest *guest,
			  const char *prefix)
{
	struct report_table table = { .prefix = prefix };
	char *text = NULL;
	size_t size;
	int ret;

	table.f = open_memstream(&text, &size);
	if (!table.f) {
		msg_error("out of memory");
		return NULL;
	}
	ret = report_walk(page, guest, report_print, &table);
	if (!fclose(table.f) && !ret)
		return text;
	free(text);
	return NULL;
}
