// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <stillpoint/park.h>

#include "page.h"
#include "vcpu.h"

static uint64_t p2m[] = { 500, 400, 300, 200, 100 };
static struct inverse inv;

static int setup(void **state)
{
	(void)state;
	return inverse_build(&inv, p2m, 5);
}

static int teardown(void **state)
{
	(void)state;
	inverse_free(&inv);
	return 0;
}

static struct vcpu_state vcpu(uint32_t id)
{
	struct vcpu_state v = { .id = id };

	v.basic.user_regs.rax = 77;
	v.basic.user_regs.rdx = 300;
	v.basic.ctrlreg[3] = 500 << PAGE_BITS;
	v.basic.ctrlreg[1] = 400 << PAGE_BITS;
	v.basic.gdt_ents = 513;
	v.basic.gdt_frames[0] = 200;
	v.basic.gdt_frames[1] = 100;
	v.basic.gdt_frames[2] = 12345;
	return v;
}

static void vcpu_0_is_told_that_it_is_restored(void **state)
{
	struct vcpu_state v = vcpu(0);

	(void)state;
	assert_works(vcpu_normalise(&v, &inv));
	assert_int_equal(v.basic.user_regs.rax, STILLPOINT_RAX_RESTORED);
	assert_int_equal(v.basic.user_regs.rdx, 2);
	assert_int_equal(v.basic.ctrlreg[3], 0 << PAGE_BITS);
	assert_int_equal(v.basic.ctrlreg[1], 1 << PAGE_BITS | 1);
	assert_int_equal(v.basic.gdt_frames[0], 3);
	assert_int_equal(v.basic.gdt_frames[1], 4);
	assert_int_equal(v.basic.gdt_frames[2], 12345);
}

static void other_vcpus_keep_their_registers(void **state)
{
	struct vcpu_state v = vcpu(1);

	(void)state;
	v.basic.ctrlreg[1] = 0;
	assert_works(vcpu_normalise(&v, &inv));
	assert_int_equal(v.basic.user_regs.rax, 77);
	assert_int_equal(v.basic.user_regs.rdx, 300);
	assert_int_equal(v.basic.ctrlreg[1], 0);
}

static void hostile_registers_are_refused(void **state)
{
	struct vcpu_state v = vcpu(0);

	(void)state;
	v.basic.user_regs.rdx = 2;
	assert_fails(vcpu_normalise(&v, &inv), "rdx");
	v = vcpu(0);
	v.basic.user_regs.rdx = UINT64_MAX;
	assert_fails(vcpu_normalise(&v, &inv), "rdx");
	v = vcpu(3);
	v.basic.ctrlreg[3] = 499 << PAGE_BITS;
	assert_fails(vcpu_normalise(&v, &inv), "vCPU 3 has machine frame 0x1f3 in cr3");
	v = vcpu(3);
	v.basic.ctrlreg[3] = UINT64_MAX;
	assert_fails(vcpu_normalise(&v, &inv), "cr3");
	v = vcpu(3);
	v.basic.ctrlreg[1] = 1;
	assert_fails(vcpu_normalise(&v, &inv), "cr1");
	v = vcpu(3);
	v.basic.gdt_ents = FIRST_RESERVED_GDT_ENTRY + 1;
	assert_fails(vcpu_normalise(&v, &inv), "descriptor table entries");
	v = vcpu(3);
	v.basic.gdt_ents = UINT64_MAX;
	assert_fails(vcpu_normalise(&v, &inv), "descriptor table entries");
	v = vcpu(3);
	v.basic.gdt_ents = 1025;
	assert_fails(vcpu_normalise(&v, &inv), "descriptor table");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vcpu_0_is_told_that_it_is_restored),
		cmocka_unit_test(other_vcpus_keep_their_registers),
		cmocka_unit_test(hostile_registers_are_refused),
	};

	return cmocka_run_group_tests_name("vcpu", tests, setup, teardown);
}
