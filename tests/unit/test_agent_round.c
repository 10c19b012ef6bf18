// SPDX-License-Identifier: GPL-2.0
/* The agent's rounds, up to where file systems are frozen: hooks, and the notes of them. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "round.h"

static char dir[64], hook_dir[128], restored_dir[128], state_dir[128];
static struct settings settings;
static struct round test_round;
static int module[2], signals;

static int make_round(void **state)
{
	char path[128];

	(void)state;
	strcpy(dir, "/tmp/round.XXXXXX");
	if (!mkdtemp(dir) || socketpair(AF_UNIX, SOCK_STREAM, 0, module))
		return -1;
	snprintf(hook_dir, sizeof(hook_dir), "%s/hooks", dir);
	snprintf(restored_dir, sizeof(restored_dir), "%s/restored", dir);
	snprintf(state_dir, sizeof(state_dir), "%s/state", dir);
	settings = (struct settings){
		.hook_dir = hook_dir,
		.restored_dir = restored_dir,
		.state_dir = state_dir,
		.hook_limit_us = 600000000,
	};
	snprintf(path, sizeof(path), "%s/signals", dir);
	if (mkfifo(path, 0600))
		return -1;
	signals = open(path, O_RDWR);
	round_init(&test_round, &settings, module[0], signals);
	test_round.event = (struct stillpoint_agent_event){
		.type = STILLPOINT_AGENT_FREEZE,
		.prepare_us = 600000000,
		.hold_us = 1000000,
	};
	return mkdir(hook_dir, 0700) || mkdir(restored_dir, 0700);
}

static int remove_round(void **state)
{
	char command[128];

	(void)state;
	round_exit(&test_round);
	close(module[0]);
	close(module[1]);
	close(signals);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* A hook that works in the folder of the test. */
static void write_hook(const char *folder, const char *name, const char *body)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\ncd %s\n%s\n", dir, body);
	fclose(file);
	assert_int_equal(chmod(path, 0755), 0);
}

static bool exists(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return !access(path, F_OK);
}

/* The note @name of an agent that ended. */
static void leave(const char *name)
{
	char path[256];
	FILE *file;

	assert_int_equal(mkdir(state_dir, 0700), 0);
	snprintf(path, sizeof(path), "%s/%s", state_dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
}

/* What hooks wrote into the file "log". */
static void log_is(const char *expected)
{
	char path[128], text[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/log", dir);
	file = fopen(path, "r");
	if (file) {
		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
		fclose(file);
	}
	assert_string_equal(text, expected);
}

/* The report of a test is far from full, and was all zeroes. */
static void report_has(const char *text)
{
	assert_non_null(strstr(test_round.report.text, text));
}

static void note_is_there_from_the_first_hook_to_the_last(void **state)
{
	(void)state;
	write_hook(hook_dir, "10-a", "test -e state/agent.frozen && echo a $1 >>log");
	write_hook(hook_dir, "20-b", "test -e state/agent.frozen && echo b $1 >>log; exit 1");
	round_freeze(&test_round);
	report_has("hook\tok\tfreeze\t10-a");
	report_has("hook\tfailed\tfreeze\t20-b");
	round_thaw(&test_round, STILLPOINT_QUIESCE_FAILED);
	log_is("a freeze\nb freeze\nb thaw\na thaw\n");
	assert_false(exists("state/agent.frozen"));
}

static void no_hook_is_called_without_the_note(void **state)
{
	(void)state;
	snprintf(state_dir, sizeof(state_dir), "%s/hooks/10-a/state", dir);
	write_hook(hook_dir, "10-a", "echo $1 >>log");
	round_freeze(&test_round);
	report_has("note\twarning\t-\t-\t0\tcannot note in ");
	round_thaw(&test_round, STILLPOINT_QUIESCE_FAILED);
	log_is("");
}

static void nothing_was_frozen(void)
{
	assert_null(strstr(test_round.report.text, "fs\t"));
	assert_int_equal(test_round.held_count, 0);
}

static void hook_is_stopped_when_the_agent_is_to_end(void **state)
{
	(void)state;
	write_hook(hook_dir, "10-a",
		   "echo a $1 >>log; [ $1 = thaw ] || { echo >signals; sleep 600; }");
	write_hook(hook_dir, "20-b", "echo b $1 >>log");
	round_freeze(&test_round);
	report_has("hook\tfailed\tfreeze\t10-a");
	report_has("stopped, as the agent is to end");
	nothing_was_frozen();
	round_thaw(&test_round, STILLPOINT_QUIESCE_AGENT_GONE);
	log_is("a freeze\na thaw\n");
	assert_false(exists("state/agent.frozen"));
}

static void nothing_is_frozen_when_the_agent_is_to_end(void **state)
{
	(void)state;
	write_hook(hook_dir, "10-a", "echo $1 >>log; echo >signals");
	round_freeze(&test_round);
	nothing_was_frozen();
	round_thaw(&test_round, STILLPOINT_QUIESCE_AGENT_GONE);
	log_is("freeze\nthaw\n");
}

static void thaw_hooks_are_called_for_an_agent_that_ended(void **state)
{
	(void)state;
	write_hook(hook_dir, "10-a", "echo a $1 >>log");
	write_hook(hook_dir, "20-b", "echo b $1 >>log");
	round_recover(&test_round);
	log_is("");
	leave("agent.frozen");
	round_recover(&test_round);
	log_is("b thaw\na thaw\n");
	assert_false(exists("state/agent.frozen"));
}

static void restored_hooks_are_noted_until_the_last_ended(void **state)
{
	(void)state;
	write_hook(restored_dir, "10-a", "test -e state/agent.restored && echo a $1 >>log; exit 1");
	write_hook(restored_dir, "20-b", "test -e state/agent.restored && echo b $1 >>log");
	round_restored(&test_round);
	log_is("a restored\nb restored\n");
	assert_false(exists("state/agent.restored"));
	round_recover(&test_round);
	log_is("a restored\nb restored\n");
}

static void restored_hooks_are_called_for_an_agent_that_ended(void **state)
{
	(void)state;
	write_hook(restored_dir, "10-a", "echo $1 >>log");
	leave("agent.restored");
	round_recover(&test_round);
	log_is("restored\n");
	assert_false(exists("state/agent.restored"));
}

static void restored_hooks_are_left_to_the_next_agent(void **state)
{
	(void)state;
	write_hook(restored_dir, "10-a", "echo a >>log; echo >signals; sleep 600");
	write_hook(restored_dir, "20-b", "echo b >>log");
	round_restored(&test_round);
	log_is("a\n");
	assert_true(exists("state/agent.restored"));
}

int main(void)
{
#define ROUND_TEST(f) cmocka_unit_test_setup_teardown(f, make_round, remove_round)
	const struct CMUnitTest tests[] = {
		ROUND_TEST(note_is_there_from_the_first_hook_to_the_last),
		ROUND_TEST(no_hook_is_called_without_the_note),
		ROUND_TEST(hook_is_stopped_when_the_agent_is_to_end),
		ROUND_TEST(nothing_is_frozen_when_the_agent_is_to_end),
		ROUND_TEST(thaw_hooks_are_called_for_an_agent_that_ended),
		ROUND_TEST(restored_hooks_are_noted_until_the_last_ended),
		ROUND_TEST(restored_hooks_are_called_for_an_agent_that_ended),
		ROUND_TEST(restored_hooks_are_left_to_the_next_agent),
	};

	return cmocka_run_group_tests_name("agent_round", tests, NULL, NULL);
}
