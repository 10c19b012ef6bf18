// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "text.h"

#define NAME_MAX_BYTES 768
#define DETAIL_MAX_BYTES 384
#define LINE_MAX_BYTES (NAME_MAX_BYTES + DETAIL_MAX_BYTES + 128)

static const char truncated[] = "note\ttruncated\t-\t-\t0\tmore lines did not fit\n";

void report_start(struct report *report)
{
	report->used = 0;
	report->sent = 0;
	report->truncated = false;
}

static size_t format(char *to, const struct report_line *line)
{
	char name[NAME_MAX_BYTES], detail[DETAIL_MAX_BYTES];
	int length;

	text_escape(name, sizeof(name), line->name);
	text_escape(detail, sizeof(detail), line->detail ? line->detail : "");
	length = snprintf(to, LINE_MAX_BYTES, "%s\t%s\t%.32s\t%s\t%llu\t%s\n", line->kind,
			  line->outcome, line->what, name, (unsigned long long)line->us, detail);
	return (size_t)length;
}

static void append(struct report *report, const char *text, size_t bytes)
{
	memcpy(report->text + report->used, text, bytes);
	report->used += bytes;
}

void report_add(struct report *report, const struct report_line *line)
{
	char text[LINE_MAX_BYTES];
	size_t bytes = format(text, line), end = sizeof(report->text) - sizeof(truncated);

	if (!line->important)
		end -= REPORT_KEPT;
	if (report->used + bytes <= end) {
		append(report, text, bytes);
	} else if (!report->truncated) {
		report->truncated = true;
		append(report, truncated, sizeof(truncated) - 1);
	}
}

void report_warn(struct report *report, const char *detail, bool important)
{
	const struct report_line line = {
		.kind = "note",
		.outcome = "warning",
		.what = "-",
		.name = "-",
		.detail = detail,
		.important = important,
	};

	report_add(report, &line);
}

int report_send(struct report *report, int device)
{
	ssize_t written;

	if (report->sent == report->used)
		return 0;
	written = write(device, report->text + report->sent, report->used - report->sent);
	if (written < 0)
		return -errno;
	report->sent = report->used;
	return 0;
}
