// SPDX-License-Identifier: GPL-2.0
/* The lines that the agent has for dom0. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "report.h"
#include "text.h"

static struct report report;

static void add(const char *name, const char *detail, bool important)
{
	const struct report_line line = {
		.kind = "fs",
		.outcome = "frozen",
		.what = "ext4",
		.name = name,
		.us = 12,
		.detail = detail,
		.important = important,
	};

	report_add(&report, &line);
}

static void text_is(const char *expected)
{
	assert_int_equal(report.used, strlen(expected));
	assert_memory_equal(report.text, expected, report.used);
}

static void line_has_six_fields(void **state)
{
	(void)state;
	report_start(&report);
	add("/data", NULL, false);
	text_is("fs\tfrozen\text4\t/data\t12\t\n");
}

static void tabs_newlines_and_escapes_are_octal(void **state)
{
	(void)state;
	report_start(&report);
	add("/a\tb\nc\\d\033[2J\xc3\xbc", "x\ty", false);
	text_is("fs\tfrozen\text4\t/a\\011b\\012c\\134d\\033[2J\\303\\274\t12\tx\\011y\n");
}

static void escapes_are_undone(void **state)
{
	char text[] = "/a\\040b\\134\\303\\274\\9\\04", escaped[64];

	(void)state;
	text_unescape(text);
	assert_string_equal(text, "/a b\\\xc3\xbc\\9\\04");
	text_escape(escaped, sizeof(escaped), text);
	assert_string_equal(escaped, "/a b\\134\\303\\274\\1349\\13404");
}

static void what_does_not_fit_is_left_out_whole(void **state)
{
	char small[6];

	(void)state;
	assert_int_equal(text_escape(small, sizeof(small), "ab\n"), 2);
	assert_string_equal(small, "ab");
	assert_int_equal(text_escape(small, sizeof(small), "a\n"), 5);
	assert_string_equal(small, "a\\012");
	assert_int_equal(text_escape(small, sizeof(small), "abcdefgh"), 5);
	assert_string_equal(small, "abcde");
}

static unsigned int lines(const char *beginning)
{
	unsigned int count = 0;
	const char *line;

	for (line = report.text; line < report.text + report.used; line = strchr(line, '\n') + 1)
		count += !strncmp(line, beginning, strlen(beginning));
	return count;
}

static void full_report_says_so_once_and_has_room_for_failures(void **state)
{
	unsigned int i;

	(void)state;
	report_start(&report);
	for (i = 0; i < 5000; i++)
		add("/some/where", NULL, false);
	assert_int_equal(lines("note\ttruncated\t-\t-\t0\t"), 1);
	assert_in_range(report.used, 1, sizeof(report.text) - REPORT_KEPT);
	add("/important", "it failed", true);
	assert_string_equal(report.text + report.used - 10, "it failed\n");
	for (i = 0; i < 5000; i++)
		add("/important", "it failed", true);
	assert_in_range(report.used, 1, sizeof(report.text) - 1);
	assert_int_equal(lines("note"), 1);
	assert_int_equal(report.text[report.used - 1], '\n');
}

static void long_names_are_cut(void **state)
{
	char name[8192];

	(void)state;
	memset(name, '\n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	report_start(&report);
	add(name, name, true);
	assert_in_range(report.used, 100, 2000);
	assert_int_equal(report.text[report.used - 1], '\n');
}

static void only_what_is_new_is_sent(void **state)
{
	char got[256] = "";
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	report_start(&report);
	add("/a", NULL, false);
	assert_int_equal(report_send(&report, fds[1]), 0);
	add("/b", NULL, false);
	assert_int_equal(report_send(&report, fds[1]), 0);
	assert_int_equal(report_send(&report, fds[1]), 0);
	assert_int_equal(read(fds[0], got, sizeof(got) - 1), report.used);
	text_is(got);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(report_send(&report, -1), 0);
	add("/c", NULL, false);
	assert_true(report_send(&report, -1) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_has_six_fields),
		cmocka_unit_test(tabs_newlines_and_escapes_are_octal),
		cmocka_unit_test(escapes_are_undone),
		cmocka_unit_test(what_does_not_fit_is_left_out_whole),
		cmocka_unit_test(full_report_says_so_once_and_has_room_for_failures),
		cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(only_what_is_new_is_sent),
	};

	return cmocka_run_group_tests_name("agent_report", tests, NULL, NULL);
}
