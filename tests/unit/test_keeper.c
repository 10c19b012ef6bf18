// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper.h"
#include "lock.h"
#include "tempdir.h"

#define DOMID 7
#define LOCKS "locks"
#define RESCUED "rescued"

static void rescue(void *arg)
{
	const char *text = arg;

	tempdir_write(RESCUED, text, strlen(text));
}

enum end {
	END_KILLED,
	END_KILLED_WITH_ALL,
	END_STOPPED,
};

/* A process with a keeper, which ends with the mark set or not. */
static void holder(bool mark, enum end end)
{
	struct keeper k;
	int lock;

	/* Of a group of its own, which is killed with it. */
	if (setpgid(0, 0))
		_exit(4);
	lock = lock_take(LOCKS, DOMID);
	if (lock < 0 || keeper_start(&k, lock, rescue, "rescued"))
		_exit(2);
	keeper_mark(&k, true);
	keeper_mark(&k, mark);
	if (end == END_STOPPED) {
		keeper_stop(&k);
		_exit(0);
	}
	kill(end == END_KILLED_WITH_ALL ? 0 : getpid(), SIGKILL);
	_exit(3);
}

/* True if the keeper did what it is for. */
static bool rescued(bool mark, enum end end)
{
	int status, lock;
	pid_t pid;

	pid = fork();
	if (!pid)
		holder(mark, end);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (end == END_STOPPED)
		assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
	else
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	/* It is held until all is done. */
	lock = lock_take(LOCKS, DOMID);
	assert_true(lock >= 0);
	close(lock);
	return !unlink(RESCUED);
}

static void killed_with_the_mark_is_undone(void **state)
{
	(void)state;
	assert_true(rescued(true, END_KILLED));
	assert_true(rescued(true, END_KILLED));
}

static void killed_without_the_mark_is_nothing(void **state)
{
	(void)state;
	assert_false(rescued(false, END_KILLED));
}

static void killed_with_its_group_is_undone(void **state)
{
	(void)state;
	assert_true(rescued(true, END_KILLED_WITH_ALL));
}

static void stopped_is_nothing(void **state)
{
	(void)state;
	assert_false(rescued(true, END_STOPPED));
	assert_false(rescued(false, END_STOPPED));
}

static void no_keeper_is_no_error(void **state)
{
	(void)state;
	keeper_mark(NULL, true);
	keeper_mark(NULL, false);
}

static void lock_that_is_held_is_refused(void **state)
{
	int lock = lock_take(LOCKS, DOMID);

	(void)state;
	assert_true(lock >= 0);
	assert_true(lock_held(LOCKS, DOMID));
	assert_fails(lock_take(LOCKS, DOMID) < 0, "another stillpoint is at work on this domain");
	close(lock);
	assert_false(lock_held(LOCKS, DOMID));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, tempdir_setup, tempdir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(killed_with_the_mark_is_undone),  TEST(killed_without_the_mark_is_nothing),
		TEST(killed_with_its_group_is_undone), TEST(stopped_is_nothing),
		TEST(no_keeper_is_no_error),	       TEST(lock_that_is_held_is_refused),
	};

	return cmocka_run_group_tests_name("keeper", tests, NULL, NULL);
}
