// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include "control.h"
#include "domain_file.h"

static void numbers_wrap(void **state)
{
	(void)state;
	assert_true(stillpoint_seq_after(1, 0));
	assert_false(stillpoint_seq_after(0, 0));
	assert_false(stillpoint_seq_after(0, 1));
	assert_true(stillpoint_seq_after(0, 0xffffffff));
	assert_true(stillpoint_seq_after(5, 0xfffffff0));
	assert_false(stillpoint_seq_after(0xfffffff0, 5));
}

static void next_is_ahead_of_both_and_not_zero(void **state)
{
	(void)state;
	assert_int_equal(control_next(0, 0), 1);
	assert_int_equal(control_next(4, 9), 10);
	assert_int_equal(control_next(9, 4), 10);
	assert_int_equal(control_next(0xffffffff, 0xffffffff), 1);
	assert_int_equal(control_next(0xffffffff, 3), 4);
	assert_int_equal(control_next(3, 0xffffffff), 4);
}

static struct stillpoint_guest_half good(void)
{
	return (struct stillpoint_guest_half){
		.magic = STILLPOINT_CONTROL_MAGIC,
		.abi_version = STILLPOINT_ABI_VERSION,
		.features = STILLPOINT_FEATURE_PARK,
		.window_start = MACHINE_WINDOW_START,
		.window_end = MACHINE_WINDOW_END,
	};
}

static void good_half_passes(void **state)
{
	struct stillpoint_guest_half h = good();

	(void)state;
	assert_works(control_check(&h));
	h.window_end = h.window_start + 4095;
	assert_works(control_check(&h));
	h.state = STILLPOINT_STATE_RESUMING;
	h.result = STILLPOINT_RESULT_FAILED;
	assert_works(control_check(&h));
}

#define REFUSES(field, value, text)                      \
	do {                                             \
		struct stillpoint_guest_half h = good(); \
		h.field = (value);                       \
		assert_fails(control_check(&h), text);   \
	} while (0)

static void each_hostile_field_is_refused(void **state)
{
	(void)state;
	REFUSES(magic, 0, "magic");
	REFUSES(magic, STILLPOINT_CONTROL_MAGIC ^ 1, "magic");
	REFUSES(abi_version, 0, "ABI");
	REFUSES(abi_version, 2, "ABI");
	REFUSES(features, 0, "cannot park");
	REFUSES(features, ~1ULL, "cannot park");
	REFUSES(state, 4, "state");
	REFUSES(state, 0xffffffff, "state");
	REFUSES(result, 8, "result");
	REFUSES(window_start, 0, "kernel");
	REFUSES(window_start, 0x00007fffffffffff, "kernel");
	REFUSES(window_start, 0x8000000000000000, "kernel");
	/* Xen's own addresses. */
	REFUSES(window_start, 0xffff800000000000, "kernel");
	REFUSES(window_start, 0xffff87ffffffffff, "kernel");
	REFUSES(window_end, MACHINE_WINDOW_START, "empty");
	REFUSES(window_end, 0, "empty");
	REFUSES(window_end, MACHINE_WINDOW_START + 4096, "bytes");
	REFUSES(window_end, UINT64_MAX, "bytes");
}

static void request_is_complete_when_numbered(void **state)
{
	struct machine *m = machine_build(32);
	struct channel *ch;

	(void)state;
	m->module = MODULE_SILENT;
	assert_int_equal(m->dom.ops->channel(&m->dom, NULL, true, &ch), 0);
	assert_int_equal(control_request_park(ch, 77, 5), 0);
	assert_int_equal(machine_host_half(m)->request, 77);
	assert_int_equal(machine_host_half(m)->op, STILLPOINT_OP_PARK);
	assert_int_equal(machine_host_half(m)->deadline_us, STILLPOINT_DEADLINE_MIN_US);
	assert_int_equal(control_request_park(ch, 78, UINT64_MAX), 0);
	assert_int_equal(machine_host_half(m)->deadline_us, STILLPOINT_DEADLINE_MAX_US);
	assert_int_equal(control_cancel(ch, 78), 0);
	assert_int_equal(machine_host_half(m)->cancel, 78);
	ch->ops->close(ch);
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_wrap),
		cmocka_unit_test(next_is_ahead_of_both_and_not_zero),
		cmocka_unit_test(good_half_passes),
		cmocka_unit_test(each_hostile_field_is_refused),
		cmocka_unit_test(request_is_complete_when_numbered),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
