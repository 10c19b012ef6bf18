/* SPDX-License-Identifier: GPL-2.0 */
/* The report of a round, as stillpoint/quiesce.h describes it. Needs no memory but its own. */
#ifndef AGENT_REPORT_H
#define AGENT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stillpoint/quiesce.h>

/* Room that is kept for what went wrong, and for the thaw. */
#define REPORT_KEPT 4096

/**
 * struct report - lines for dom0
 * @used: bytes of @text
 * @sent: of these, those that the module has
 * @truncated: a line was left out, and the report says so
 * @text: whole lines
 */
struct report {
	size_t used;
	size_t sent;
	bool truncated;
	char text[STILLPOINT_REPORT_BYTES];
};

/**
 * struct report_line - one line; strings are escaped when it is added
 * @kind: "fs", "hook" or "note"
 * @outcome: what became of it
 * @what: type of file system, or what the hook was to do
 * @name: path or hook
 * @us: microseconds that it took
 * @detail: for a person; NULL for none
 * @important: it may use the room that is kept
 */
struct report_line {
	const char *kind;
	const char *outcome;
	const char *what;
	const char *name;
	uint64_t us;
	const char *detail;
	bool important;
};

void report_start(struct report *report);

/* Add a line, or note once that lines are missing. */
void report_add(struct report *report, const struct report_line *line);

/* Add a note that warns of @detail; @important as of a line. */
void report_warn(struct report *report, const char *detail, bool important);

/* Give the module what it does not have yet. Returns 0 or a negative errno. */
int report_send(struct report *report, int device);

#endif /* AGENT_REPORT_H */
