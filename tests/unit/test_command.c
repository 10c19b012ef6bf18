// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "signals.h"
#include "tempdir.h"

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	signals_catch();
	signals_reset();
	msg_error_clear();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tempdir_leave();
	signals_reset();
	msg_error_clear();
	return 0;
}

static int object(void *arg)
{
	(void)arg;
	return msg_error("objection");
}

/* Objects once the file "there" is. */
static int object_then(void *arg)
{
	(void)arg;
	return access("there", F_OK) ? 0 : msg_error("objection");
}

static int interrupt_then(void *arg)
{
	(void)arg;
	if (!access("there", F_OK) && !signals_stop())
		raise(SIGTERM);
	return 0;
}

static int run(const char *script, struct command *c)
{
	const char *const argv[] = { "sh", "-c", script, NULL };

	c->argv = argv;
	c->name = "it";
	return command_run(c);
}

static void test_status(void **state)
{
	struct command c = { .name = NULL };

	(void)state;
	assert_works(run("exit 0", &c));
	assert_works(command_judge(&c));
	assert_works(run("exit 3", &c));
	assert_int_equal(WEXITSTATUS(c.status), 3);
	assert_fails(command_judge(&c), "it failed with exit status 3");
	assert_works(run("kill -9 $$", &c));
	assert_fails(command_judge(&c), "it died of signal 9");
}

static void test_not_found(void **state)
{
	const char *const argv[] = { "./no-such-command", NULL };
	struct command c = { .argv = argv, .name = "it" };

	(void)state;
	assert_fails(command_run(&c), "cannot run it: No such file");
	assert_int_equal(c.not_run, ENOENT);
}

static void test_environment(void **state)
{
	const char *const env[] = { "STILLPOINT_A=b c", "HOME=/elsewhere", NULL };
	struct command c = { .env = env };

	(void)state;
	setenv("KEPT", "1", 1);
	setenv("HOME", "/here", 1);
	assert_works(run("test \"$STILLPOINT_A\" = 'b c' && test \"$HOME\" = /elsewhere", &c));
	assert_works(command_judge(&c));
	assert_works(run("test \"$KEPT\" = 1 && test $(env | grep -c ^HOME=) = 1", &c));
	assert_works(command_judge(&c));
}

/* Signals that we catch are not ignored, or caught, or blocked by the command. */
static void test_signals_are_default(void **state)
{
	struct command c = { .name = NULL };

	(void)state;
	signals_hold_stops(true);
	assert_works(run("kill -XFSZ $$; exit 7", &c));
	signals_hold_stops(false);
	assert_true(WIFSIGNALED(c.status));
	assert_int_equal(WTERMSIG(c.status), SIGXFSZ);
}

static void test_timeout(void **state)
{
	struct command c = { .timeout_ms = 1000 };
	uint64_t start = clock_us();

	(void)state;
	assert_fails(run("sleep 600", &c), "did not end within 1 s");
	assert_true(clock_us() - start < 300 * 1000000ULL);
}

/* Also the processes that it started. */
static void test_watch(void **state)
{
	struct command c = { .watch = object_then };
	pid_t pid;
	size_t size;
	char *text;

	(void)state;
	assert_fails(
		run("sleep 600 & echo $! >pid; trap '' TERM; touch there; while :; do wait; done",
		    &c),
		"objection");
	text = (char *)tempdir_read("pid", &size);
	text[size - 1] = '\0';
	pid = atoi(text);
	free(text);
	assert_int_equal(kill(pid, 0), -1);
}

static void test_watch_objects_at_once(void **state)
{
	struct command c = { .watch = object };

	(void)state;
	assert_fails(run("exec sleep 600", &c), "objection");
}

static void test_interrupted(void **state)
{
	struct command c = { .watch = interrupt_then };

	(void)state;
	assert_fails(run("touch there; exec sleep 600", &c), "interrupted by signal");
	/* What cleans up goes on, and an error before it is nothing to it. */
	msg_error("earlier");
	c.watch = NULL;
	c.through = true;
	assert_int_equal(run("sleep 0.3; touch cleaned", &c), 0);
	assert_int_equal(access("cleaned", F_OK), 0);
	msg_error_clear();
}

/* If we die, it does. */
static void test_dies_with_us(void **state)
{
	struct command c = { .name = NULL };
	pid_t us, it;
	size_t size;
	char *text;
	int status;

	(void)state;
	/* It is ours to wait for once its parent is gone. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	us = fork();
	if (!us) {
		run("echo $$ >pid.new; mv pid.new pid; exec sleep 600", &c);
		_exit(0);
	}
	while (access("pid", F_OK))
		usleep(1000);
	text = (char *)tempdir_read("pid", &size);
	text[size - 1] = '\0';
	it = atoi(text);
	free(text);
	assert_int_equal(kill(it, 0), 0);
	kill(us, SIGKILL);
	assert_int_equal(waitpid(us, NULL, 0), us);
	assert_int_equal(waitpid(it, &status, 0), it);
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_status, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_environment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signals_are_default, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timeout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watch_objects_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interrupted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dies_with_us, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
