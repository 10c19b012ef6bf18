/* SPDX-License-Identifier: GPL-2.0 */
/* What the guest reports of a round; quiesce.h has the format. The guest wrote it. */
#ifndef STILLPOINT_FREEZE_REPORT_H
#define STILLPOINT_FREEZE_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "quiesce_page.h"

/* The first thing that failed, for an error message; "" if nothing is said to have. */
void freeze_report_first(struct quiesce_page *page, const struct stillpoint_quiesce_guest *guest,
			 char *text, size_t size);

/* Warn of each hook that failed, and of what the guest warns of. */
void freeze_report_warn(struct quiesce_page *page, const struct stillpoint_quiesce_guest *guest);

/* All of it as an array of objects; empty if it cannot be read. */
json_object *freeze_report_json(struct quiesce_page *page,
				const struct stillpoint_quiesce_guest *guest);

/* All of it as a table, with @prefix before each line; free() it. NULL, recorded. */
char *freeze_report_table(struct quiesce_page *page, const struct stillpoint_quiesce_guest *guest,
			  const char *prefix);

#endif /* STILLPOINT_FREEZE_REPORT_H */
