// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain_file.h"
#include "freeze.h"
#include "freeze_report.h"
#include "lock.h"
#include "signals.h"
#include "tempdir.h"

static struct machine *m;
static struct quiesce_fake *fake;
static struct freeze_options opts;
static struct freeze f;

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	signals_catch();
	signals_reset();
	msg_error_clear();
	m = machine_build(64);
	fake = &m->quiesce;
	freeze_options_init(&opts);
	opts.prepare_ms = 100;
	opts.lock_dir = "locks";
	freeze_init(&f, &m->dom, &opts);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	freeze_close(&f);
	assert_int_equal(fake->open, 0);
	machine_free(m);
	tempdir_leave();
	signals_reset();
	msg_error_clear();
	return 0;
}

static void test_freeze_and_thaw(void **state)
{
	(void)state;
	assert_works(freeze_begin(&f));
	assert_int_equal(fake->guest.state, STILLPOINT_QUIESCE_FROZEN);
	assert_int_equal(fake->host.prepare_us, 100000);
	assert_int_equal(fake->host.hold_us, FREEZE_HOLD_MS * 1000);
	assert_int_equal(fake->host.lease_us, FREEZE_LEASE_MS * 1000);
	assert_works(freeze_check(&f));
	assert_works(freeze_end(&f));
	assert_int_equal(fake->guest.state, STILLPOINT_QUIESCE_IDLE);
	assert_int_equal(fake->thaws, 1);
	/* Again is nothing. */
	assert_works(freeze_end(&f));
	freeze_finish(&f);
	freeze_close(&f);
	freeze_init(&f, &m->dom, &opts);
	assert_works(freeze_begin(&f));
	assert_int_equal(fake->guest.taken, 2);
}

static void test_signs(void **state)
{
	uint32_t beat;

	(void)state;
	assert_works(freeze_begin(&f));
	while (!__atomic_load_n(&fake->host.heartbeat, __ATOMIC_RELAXED))
		usleep(1000);
	/* None comes while they are held, though the thread is woken. */
	freeze_hold_signs(&f, true);
	beat = fake->host.heartbeat;
	usleep(700000);
	assert_int_equal(fake->host.heartbeat, beat);
	freeze_hold_signs(&f, false);
	while (__atomic_load_n(&fake->host.heartbeat, __ATOMIC_RELAXED) == beat)
		usleep(1000);
	assert_works(freeze_end(&f));
}

static void test_close_thaws(void **state)
{
	(void)state;
	assert_works(freeze_begin(&f));
	freeze_close(&f);
	assert_int_equal(fake->guest.state, STILLPOINT_QUIESCE_IDLE);
	assert_int_equal(fake->thaws, 1);
}

static void check_fails(enum stillpoint_quiesce_result result, const char *text)
{
	fake->module = QUIESCE_ENDS;
	fake->result = result;
	assert_fails(freeze_begin(&f), text);
	freeze_close(&f);
	freeze_init(&f, &m->dom, &opts);
}

static void test_reasons(void **state)
{
	(void)state;
	check_fails(STILLPOINT_QUIESCE_NO_AGENT, "stillpoint-agent does not run");
	check_fails(STILLPOINT_QUIESCE_LATE, "--freeze-timeout");
	check_fails(STILLPOINT_QUIESCE_AGENT_GONE, "the agent in the guest ended");
	check_fails(STILLPOINT_QUIESCE_NONE, "no reason");
	fake->error = 16;
	check_fails(STILLPOINT_QUIESCE_FAILED, "Device or resource busy");
	fake->report = "fs\tfrozen\text4\t/data\t12\t\n"
		       "hook\tfailed\tfreeze\t10-db\t7\texit status 3\n"
		       "hook\tfailed\tfreeze\t20-other\t7\tno\n";
	check_fails(STILLPOINT_QUIESCE_FAILED, "freeze hook '10-db' failed: exit status 3");
	assert_int_equal(fake->rounds, 0);
}

static void test_silent(void **state)
{
	(void)state;
	fake->module = QUIESCE_SILENT;
	opts.prepare_ms = 1;
	assert_fails(freeze_begin(&f), "does not answer");
	/* If it is taken up later, it ends at once. */
	assert_int_equal(fake->host.thaw, fake->host.request);
}

static void test_interrupted(void **state)
{
	(void)state;
	fake->module = QUIESCE_SILENT;
	raise(SIGINT);
	assert_fails(freeze_begin(&f), "interrupted");
	assert_int_equal(fake->host.thaw, fake->host.request);
}

static void check_breaks(enum stillpoint_quiesce_result result, const char *text)
{
	assert_works(freeze_begin(&f));
	quiesce_fake_end(fake, result);
	assert_fails(freeze_check(&f), text);
	assert_fails(freeze_end(&f), text);
	freeze_close(&f);
	freeze_init(&f, &m->dom, &opts);
}

static void test_breaks(void **state)
{
	(void)state;
	check_breaks(STILLPOINT_QUIESCE_EXPIRED, "--timeout");
	check_breaks(STILLPOINT_QUIESCE_DOM0_GONE, "no sign of this tool");
	check_breaks(STILLPOINT_QUIESCE_AGENT_GONE, "the agent in the guest ended");
	check_breaks(STILLPOINT_QUIESCE_BROKEN, "thawed a file system");
	check_breaks(STILLPOINT_QUIESCE_RESTORED, "was restored");
	/* Somebody else's thaw is as good as the guest's own. */
	check_breaks(STILLPOINT_QUIESCE_THAWED, "another 'stillpoint thaw'");
}

/* It says so only when it is told to thaw: a file system was thawed behind its back. */
static void test_breaks_late(void **state)
{
	(void)state;
	assert_works(freeze_begin(&f));
	fake->module = QUIESCE_BREAKS;
	fake->looks = 0;
	fake->result = STILLPOINT_QUIESCE_BROKEN;
	fake->host.thaw = 0;
	assert_works(freeze_check(&f));
	quiesce_fake_end(fake, STILLPOINT_QUIESCE_BROKEN);
	fake->guest.state = STILLPOINT_QUIESCE_THAWING;
	assert_fails(freeze_end(&f), "thawed a file system");
}

/* A file system was mounted, and dom0 thaws before the agent sees that. */
static void test_mounted(void **state)
{
	(void)state;
	fake->mounted = true;
	fake->error = EIO;
	fake->report = "fs\tunsupported\tvfat\t/boot/efi\t0\tno\n"
		       "fs\tfailed\text4\t/new\t0\tit was mounted while all was frozen\n";
	assert_works(freeze_begin(&f));
	assert_works(freeze_check(&f));
	assert_fails(freeze_end(&f), "'/new' failed: it was mounted");
}

static void test_agent_blind(void **state)
{
	(void)state;
	fake->blind = true;
	assert_works(freeze_begin(&f));
	assert_fails(freeze_end(&f), "ended before it could say");
}

static void test_other_round(void **state)
{
	(void)state;
	assert_works(freeze_begin(&f));
	fake->guest.taken++;
	assert_fails(freeze_check(&f), "another round");
	fake->guest.thawed = fake->guest.taken;
	assert_fails(freeze_end(&f), "another round");
}

/* A tool that died left its round behind. */
static void test_left_behind(void **state)
{
	(void)state;
	fake->host.request = 40;
	fake->guest.taken = 40;
	fake->guest.done = 39;
	fake->guest.state = STILLPOINT_QUIESCE_FROZEN;
	assert_works(freeze_begin(&f));
	assert_int_equal(fake->thaws, 1);
	assert_int_equal(fake->guest.taken, 41);
	assert_works(freeze_end(&f));
}

static void test_two_tools(void **state)
{
	struct freeze other;

	(void)state;
	assert_works(freeze_begin(&f));
	freeze_init(&other, &m->dom, &opts);
	assert_fails(freeze_begin(&other), "another stillpoint is at work");
	freeze_close(&other);
	assert_works(freeze_check(&f));
	assert_works(freeze_end(&f));
}

static void test_thaw(void **state)
{
	(void)state;
	assert_int_equal(freeze_thaw(&m->dom, 100), 0);
	assert_works(freeze_begin(&f));
	assert_int_equal(freeze_thaw(&m->dom, 100), 1);
	assert_fails(freeze_end(&f), "another 'stillpoint thaw'");
}

static void test_hostile_page(void **state)
{
	(void)state;
	fake->guest.magic = 1;
	assert_fails(freeze_begin(&f), "magic");
	freeze_close(&f);
	fake->guest.magic = STILLPOINT_QUIESCE_MAGIC;
	fake->guest.version = 9;
	assert_fails(freeze_begin(&f), "version 9");
	freeze_close(&f);
	fake->guest.version = STILLPOINT_QUIESCE_VERSION;
	fake->guest.state = 77;
	assert_fails(freeze_begin(&f), "state 77");
	freeze_close(&f);
	fake->guest.state = 0;
	fake->guest.result = 77;
	assert_fails(freeze_begin(&f), "result 77");
	freeze_close(&f);
	fake->guest.result = 0;
	fake->guest.report_bytes = STILLPOINT_REPORT_BYTES + 1;
	assert_fails(freeze_begin(&f), "report of");
}

/* Whatever is in it, it is printable, and lines that are none are passed over. */
static void test_report(void **state)
{
	struct stillpoint_quiesce_guest guest;
	struct quiesce_page *page;
	json_object *array, *v;
	char *table;

	(void)state;
	fake->report = "no fields\nfs\tfrozen\text4\t/da\033[2Jta\t12\t\nfs\tx\n"
		       "fs\tfrozen\text4\t/b\t-1\t\na\tb\tc\td\t1\te\tf\n"
		       "fs\tfrozen\text4\t/c\t99999999999999999999\t\n"
		       "note\twarning\t-\t-\t0\tit is late\nhook\tok\tfreeze\tcut";
	fake->guest.report_bytes = strlen(fake->report);
	assert_works(m->dom.ops->quiesce(&m->dom, QUIESCE_LOOK, &page));
	assert_works(quiesce_page_get(page, &guest));
	array = freeze_report_json(page, &guest);
	assert_int_equal(json_object_array_length(array), 2);
	assert_true(json_object_object_get_ex(json_object_array_get_idx(array, 0), "name", &v));
	assert_string_equal(json_object_get_string(v), "/da?[2Jta");
	json_object_put(array);
	table = freeze_report_table(page, &guest, "  ");
	assert_non_null(table);
	assert_non_null(strstr(table, "it is late"));
	free(table);
	page->ops->close(page);
}

static void test_excludes(void **state)
{
	char longer[STILLPOINT_EXCLUDES_BYTES + 1];

	(void)state;
	assert_works(freeze_exclude(&opts, "/srv"));
	assert_works(freeze_exclude(&opts, "xfs"));
	assert_fails(freeze_exclude(&opts, ""), "empty");
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_fails(freeze_exclude(&opts, longer), "more than");
	/* The last byte has room. */
	longer[STILLPOINT_EXCLUDES_BYTES - opts.excludes_bytes - 1] = '\0';
	assert_works(freeze_exclude(&opts, longer));
	assert_fails(freeze_exclude(&opts, "b"), "more than");
	assert_works(freeze_begin(&f));
	assert_int_equal(fake->host.excludes_bytes, STILLPOINT_EXCLUDES_BYTES);
	assert_memory_equal(fake->host.excludes, "/srv\0xfs\0aaa", 12);
	assert_works(freeze_end(&f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_freeze_and_thaw, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_thaws, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reasons, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interrupted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_breaks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_breaks_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mounted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_agent_blind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_round, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_tools, setup, teardown),
		cmocka_unit_test_setup_teardown(test_thaw, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_report, setup, teardown),
		cmocka_unit_test_setup_teardown(test_excludes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
