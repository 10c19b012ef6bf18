// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <stillpoint/park.h>

#include "domain_file.h"
#include "recover.h"

static struct machine *m;
static char text[128];

static int setup(void **state)
{
	(void)state;
	m = machine_build(32);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(m->channels, 0);
	machine_free(m);
	return 0;
}

/* As a save that was killed while it had the domain paused leaves it. */
static void park_and_pause(int pauses)
{
	machine_park(m, 5);
	m->pauses = pauses;
}

static void running_domain_is_left_alone(void **state)
{
	(void)state;
	assert_works(recover_run(&m->dom, text, sizeof(text)));
	assert_non_null(strstr(text, "nothing to do"));
	assert_int_equal(m->calls[OP_SET_REGS], 0);
}

static void domain_paused_elsewhere_is_left_alone(void **state)
{
	(void)state;
	m->pauses = 1;
	assert_works(recover_run(&m->dom, text, sizeof(text)));
	assert_non_null(strstr(text, "left alone"));
	assert_int_equal(m->pauses, 1);
	assert_int_equal(m->calls[OP_SET_REGS], 0);
	/* Registers that only look like a park, outside of it. */
	m->vcpu[0].user_regs.rsi = STILLPOINT_PARK_MAGIC;
	assert_works(recover_run(&m->dom, text, sizeof(text)));
	assert_int_equal(m->pauses, 1);
}

static void parked_domain_runs_on(void **state)
{
	(void)state;
	park_and_pause(1);
	assert_works(recover_run(&m->dom, text, sizeof(text)));
	assert_non_null(strstr(text, "runs on"));
	assert_int_equal(m->pauses, 0);
	assert_int_equal(machine_guest_half(m)->result, STILLPOINT_RESULT_CHECKPOINT);
	assert_int_equal(m->xsave[0][0], 0xa0);
}

static void several_pauses_are_undone(void **state)
{
	(void)state;
	park_and_pause(3);
	assert_works(recover_run(&m->dom, text, sizeof(text)));
	assert_int_equal(m->pauses, 0);
}

static void flipped_domain_is_only_unpaused(void **state)
{
	(void)state;
	park_and_pause(1);
	m->vcpu[0].user_regs.rax = STILLPOINT_RAX_RUN_ON;
	assert_works(recover_run(&m->dom, text, sizeof(text)));
	assert_int_equal(m->pauses, 0);
	assert_int_equal(m->calls[OP_SET_REGS], 0);
	assert_int_equal(machine_guest_half(m)->result, STILLPOINT_RESULT_CHECKPOINT);
}

static void domain_that_reads_the_tsc_is_only_unpaused(void **state)
{
	(void)state;
	park_and_pause(1);
	m->tsc_looks = 1;
	assert_works(recover_run(&m->dom, text, sizeof(text)));
	assert_int_equal(m->pauses, 0);
	assert_int_equal(m->calls[OP_SET_REGS], 0);
}

static void other_generation_is_not_believed(void **state)
{
	(void)state;
	park_and_pause(1);
	m->vcpu[0].user_regs.rdi++;
	machine_guest_half(m)->state = STILLPOINT_STATE_IDLE;
	assert_works(recover_run(&m->dom, text, sizeof(text)));
	assert_int_equal(m->pauses, 1);
}

static void hostile_control_page_is_refused(void **state)
{
	(void)state;
	park_and_pause(1);
	machine_guest_half(m)->window_end = UINT64_MAX;
	assert_fails(recover_run(&m->dom, text, sizeof(text)), "park window");
	assert_int_equal(m->pauses, 1);
}

static void own_pause_is_undone_wherever_the_guest_is(void **state)
{
	(void)state;
	assert_int_equal(recover_own(&m->dom), 0);
	m->pauses = 1;
	assert_int_equal(recover_own(&m->dom), 1);
	assert_int_equal(m->pauses, 0);
	assert_int_equal(m->calls[OP_SET_REGS], 0);
	/* With one of somebody else's. */
	m->pauses = 2;
	assert_int_equal(recover_own(&m->dom), 1);
	assert_int_equal(m->pauses, 1);
	m->pauses = 0;
	park_and_pause(1);
	assert_int_equal(recover_own(&m->dom), 1);
	assert_int_equal(m->pauses, 0);
	assert_int_equal(machine_guest_half(m)->result, STILLPOINT_RESULT_CHECKPOINT);
	assert_int_equal(m->xsave[0][0], 0xa0);
}

static void own_pause_is_undone_whatever_the_guest_says(void **state)
{
	(void)state;
	park_and_pause(1);
	machine_guest_half(m)->window_end = UINT64_MAX;
	assert_int_equal(recover_own(&m->dom), 1);
	assert_int_equal(m->pauses, 0);
	assert_int_equal(m->calls[OP_SET_REGS], 0);
}

static void failures_are_told(void **state)
{
	static const enum machine_op ops[] = { OP_INFO, OP_GET_REGS, OP_GET_XSAVE, OP_SET_REGS,
					       OP_SET_XSAVE };
	size_t i;

	(void)state;
	park_and_pause(1);
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		m->fail_op = ops[i];
		assert_fails(recover_run(&m->dom, text, sizeof(text)), "Input/output error");
		assert_int_equal(m->pauses, 1);
	}
	m->fail_op = OP_NONE;
	assert_works(recover_run(&m->dom, text, sizeof(text)));
	assert_int_equal(m->pauses, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(running_domain_is_left_alone),
		TEST(domain_paused_elsewhere_is_left_alone),
		TEST(parked_domain_runs_on),
		TEST(several_pauses_are_undone),
		TEST(flipped_domain_is_only_unpaused),
		TEST(domain_that_reads_the_tsc_is_only_unpaused),
		TEST(other_generation_is_not_believed),
		TEST(hostile_control_page_is_refused),
		TEST(own_pause_is_undone_wherever_the_guest_is),
		TEST(own_pause_is_undone_whatever_the_guest_says),
		TEST(failures_are_told),
	};

	return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
