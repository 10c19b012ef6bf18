// SPDX-License-Identifier: GPL-2.0
/* The agent's hooks: which are run, in which order, and that none outlives its time. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "hooks.h"

/* So long that only a test that hangs gets there. */
#define LONG_US 600000000ULL

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/hooks.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void write_hook(const char *name, const char *body, mode_t mode)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", body);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

/* Run the only hook there is. */
static void run_one(struct hook_run *run)
{
	struct hooks hooks;

	assert_int_equal(hooks_find(&hooks, dir), 0);
	assert_int_equal(hooks.count, 1);
	hooks_run(&hooks, 0, run);
	hooks_free(&hooks);
}

static struct hook_run ordinary(void)
{
	return (struct hook_run){
		.phase = "freeze",
		.limit_us = LONG_US,
		.hold_us = 7000000,
		.stop_fds = { -1, -1 },
	};
}

static void found_in_the_order_of_their_names(void **state)
{
	struct hooks hooks;

	(void)state;
	write_hook("20-b", "", 0755);
	write_hook("10-a", "", 0755);
	write_hook("30-not-executable", "", 0644);
	write_hook("40-old~", "", 0755);
	write_hook(".hidden", "", 0755);
	write_hook("50-x.dpkg-old", "", 0755);
	write_hook("15-c.sh", "", 0755);
	assert_int_equal(hooks_find(&hooks, dir), 0);
	assert_int_equal(hooks.count, 3);
	assert_string_equal(hooks.names[0], "10-a");
	assert_string_equal(hooks.names[1], "15-c.sh");
	assert_string_equal(hooks.names[2], "20-b");
	hooks_free(&hooks);
}

static void no_folder_has_no_hooks(void **state)
{
	struct hooks hooks;

	(void)state;
	assert_int_equal(hooks_find(&hooks, "/nonexistent/hooks"), 0);
	assert_int_equal(hooks.count, 0);
	hooks_free(&hooks);
	assert_int_equal(hooks_find(&hooks, "/dev/null"), -ENOTDIR);
	hooks_free(&hooks);
}

static void is_told_the_phase_and_the_times(void **state)
{
	struct hook_run run = ordinary();

	(void)state;
	write_hook("a", "echo noise; echo \"$1 $STILLPOINT_TIMEOUT $STILLPOINT_HOLD\"", 0755);
	run_one(&run);
	assert_int_equal(run.outcome, HOOK_OK);
	assert_string_equal(run.said, "freeze 600 7");
}

static void failure_says_why(void **state)
{
	struct hook_run run = ordinary();

	(void)state;
	write_hook("a", "echo out; echo 'the database is down' >&2; exit 3", 0755);
	run_one(&run);
	assert_int_equal(run.outcome, HOOK_FAILED);
	assert_string_equal(run.said, "the database is down");
}

static void silent_failure_gives_its_status(void **state)
{
	struct hook_run run = ordinary();

	(void)state;
	write_hook("a", "exit 3", 0755);
	run_one(&run);
	assert_int_equal(run.outcome, HOOK_FAILED);
	assert_string_equal(run.said, "exit status 3");
	write_hook("a", "kill -9 $$", 0755);
	run_one(&run);
	assert_int_equal(run.outcome, HOOK_FAILED);
	assert_string_equal(run.said, "killed by signal 9");
}

static void what_is_no_program_fails(void **state)
{
	struct hook_run run = ordinary();
	char path[256];

	(void)state;
	write_hook("a", "", 0755);
	snprintf(path, sizeof(path), "%s/a", dir);
	assert_int_equal(truncate(path, 3), 0);
	run_one(&run);
	assert_int_equal(run.outcome, HOOK_FAILED);
	assert_non_null(strstr(run.said, "cannot be executed"));
}

static void floods_of_output_do_not_stop_it(void **state)
{
	struct hook_run run = ordinary();

	(void)state;
	write_hook("a", "head -c 1000000 /dev/zero; echo; echo end", 0755);
	run_one(&run);
	assert_int_equal(run.outcome, HOOK_OK);
	assert_string_equal(run.said, "end");
}

static void signals_are_not_ignored_in_it(void **state)
{
	struct hook_run run = ordinary();

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	write_hook("a",
		   "ignored=$(sed -n 's/^SigIgn:[[:space:]]*//p' /proc/self/status)\n"
		   "echo $((0x$ignored & (1 << 12 | 1 << 0)))",
		   0755);
	run_one(&run);
	assert_int_equal(run.outcome, HOOK_OK);
	assert_string_equal(run.said, "0");
	/* Otherwise "yes" would complain of its pipe, which nobody reads, and fail. */
	write_hook("a", "{ yes; echo $? >&2; } | head -n 1 >/dev/null", 0755);
	run_one(&run);
	assert_int_equal(run.outcome, HOOK_OK);
	assert_string_equal(run.said, "141");
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
}

static void no_status_is_a_failure(void **state)
{
	struct hook_run run = ordinary();

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	write_hook("a", "sleep 1", 0755);
	run_one(&run);
	signal(SIGCHLD, SIG_DFL);
	assert_int_equal(run.outcome, HOOK_FAILED);
	assert_non_null(strstr(run.said, "no exit status"));
}

/* The pid that a hook left in the folder's file "pid". */
static pid_t left_pid(void)
{
	char path[256];
	int pid = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/pid", dir);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	return pid;
}

/* Gone, or a zombie that init has not looked at. */
static bool is_gone(pid_t pid)
{
	char path[64], text[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return true;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return strstr(text, ") Z ") || !text[0];
}

static void wait_until_gone(pid_t pid)
{
	int tries;

	for (tries = 0; tries < 500 && !is_gone(pid); tries++)
		usleep(10000);
	assert_true(is_gone(pid));
}

static void time_is_up_for_the_whole_group(void **state)
{
	struct hook_run run = ordinary();
	char body[256];

	(void)state;
	/* TERM does not impress it. */
	snprintf(
		body, sizeof(body),
		"trap '' TERM; sh -c 'trap \"\" TERM; echo $$ >%s/pid; while :; do sleep 9; done' &\n"
		"while :; do sleep 9; done",
		dir);
	write_hook("a", body, 0755);
	run.limit_us = 1000000;
	run_one(&run);
	assert_int_equal(run.outcome, HOOK_TIMEOUT);
	wait_until_gone(left_pid());
}

static void stopped_when_nobody_wants_it(void **state)
{
	struct hook_run run;
	int fds[2], i;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	write_hook("a", "while :; do sleep 9; done", 0755);
	for (i = 0; i < 2; i++) {
		run = ordinary();
		run.stop_fds[i] = fds[0];
		run_one(&run);
		assert_int_equal(run.outcome, HOOK_STOPPED);
	}
	close(fds[0]);
	close(fds[1]);
}

static void what_a_good_one_left_running_stays(void **state)
{
	struct hook_run run = ordinary();
	char body[128];

	(void)state;
	snprintf(body, sizeof(body), "setsid sleep 600 >/dev/null 2>&1 &\necho $! >%s/pid", dir);
	write_hook("a", body, 0755);
	run_one(&run);
	assert_int_equal(run.outcome, HOOK_OK);
	assert_false(is_gone(left_pid()));
	kill(left_pid(), SIGKILL);
}

int main(void)
{
#define HOOK_TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		HOOK_TEST(found_in_the_order_of_their_names),
		HOOK_TEST(no_folder_has_no_hooks),
		HOOK_TEST(is_told_the_phase_and_the_times),
		HOOK_TEST(failure_says_why),
		HOOK_TEST(silent_failure_gives_its_status),
		HOOK_TEST(what_is_no_program_fails),
		HOOK_TEST(floods_of_output_do_not_stop_it),
		HOOK_TEST(signals_are_not_ignored_in_it),
		HOOK_TEST(no_status_is_a_failure),
		HOOK_TEST(time_is_up_for_the_whole_group),
		HOOK_TEST(stopped_when_nobody_wants_it),
		HOOK_TEST(what_a_good_one_left_running_stays),
	};

	return cmocka_run_group_tests_name("agent_hooks", tests, NULL, NULL);
}
