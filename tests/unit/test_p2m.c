// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <stdlib.h>

#include "domain_file.h"
#include "p2m.h"
#include "pagetable.h"

#define PFNS 1500

static struct machine *m;
static struct p2m p2m;

static int setup(void **state)
{
	(void)state;
	m = machine_build(PFNS);
	p2m_init(&p2m, &m->dom, &m->info);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	p2m_free(&p2m);
	/* Nothing stays mapped, whatever the guest said. */
	assert_int_equal(m->mapped, 0);
	machine_free(m);
	return 0;
}

static struct arch_shared_info *arch(void)
{
	return &machine_shared_info(m)->arch;
}

static void assert_p2m_is_true(void)
{
	uint64_t *copy = malloc(p2m.size * sizeof(*copy));
	uint64_t pfn;

	assert_non_null(copy);
	memcpy(copy, p2m.map, p2m.size * sizeof(*copy));
	for (pfn = 0; pfn < PFNS; pfn++)
		assert_true(copy[pfn] == m->p2m_mfn[pfn]);
	for (; pfn < p2m.size; pfn++)
		assert_true(copy[pfn] == UINT64_MAX);
	free(copy);
}

static void list_is_read(void **state)
{
	(void)state;
	assert_works(p2m_find(&p2m));
	assert_int_equal(p2m.size, PFNS);
	assert_int_equal(p2m.nframes, 3);
	assert_int_equal(p2m.frames[2], m->p2m_mfn[MACHINE_P2M + 2]);
	assert_p2m_is_true();
}

static void list_is_found_again_without_mapping_it_anew(void **state)
{
	const uint64_t *map;

	(void)state;
	assert_works(p2m_find(&p2m));
	map = p2m.map;
	m->calls[OP_MAP] = 0;
	assert_works(p2m_find(&p2m));
	assert_ptr_equal(map, p2m.map);
	assert_p2m_is_true();
	/* Nor is it looked for while its generation is the same. */
	assert_int_equal(m->calls[OP_MAP], 0);
	arch()->p2m_generation++;
	assert_works(p2m_find(&p2m));
	assert_works(p2m_find(&p2m));
	/* The guest is about to change it, so twice through four levels. */
	assert_int_equal(m->calls[OP_MAP], 8);
	assert_ptr_equal(map, p2m.map);
}

static void list_that_moved_is_mapped_anew(void **state)
{
	uint64_t *l1 = machine_page(m, MACHINE_L1);
	uint64_t first = MACHINE_P2M_VADDR >> 12 & 511;

	(void)state;
	assert_works(p2m_find(&p2m));
	/* The guest moves the second frame of its list to pfn 20. */
	memcpy(machine_page(m, 20), machine_page(m, MACHINE_P2M + 1), PAGE_BYTES);
	memset(machine_page(m, MACHINE_P2M + 1), 0, PAGE_BYTES);
	l1[first + 1] = m->p2m_mfn[20] << 12 | 0x63;
	arch()->p2m_generation += 2;
	assert_works(p2m_find(&p2m));
	assert_int_equal(p2m.frames[1], m->p2m_mfn[20]);
	assert_p2m_is_true();
}

/* Linux points what it has no memory for to one table of missing entries. */
static void shared_tail_is_cut(void **state)
{
	uint64_t *l2 = machine_page(m, MACHINE_L2);
	uint64_t *missing = machine_page(m, 21);
	uint64_t first = MACHINE_P2M_VADDR >> 21 & 511;
	uint64_t *l1 = machine_page(m, MACHINE_L1);
	unsigned int i;

	(void)state;
	memset(machine_page(m, 22), 0xff, PAGE_BYTES);
	for (i = 0; i < 512; i++)
		missing[i] = m->p2m_mfn[22] << 12 | 1;
	for (i = 3; i < 512; i++)
		l1[i] = m->p2m_mfn[22] << 12 | 1;
	for (i = 1; i < 512; i++)
		l2[first + i] = m->p2m_mfn[21] << 12 | 1;
	/* 512 tables of 512 frames of 512 pfns: 512 GiB. */
	arch()->max_pfn = UINT64_C(1) << 27;
	assert_works(p2m_find(&p2m));
	assert_int_equal(p2m.size, 1 << 18);
	assert_int_equal(p2m.nframes, 512);
	assert_p2m_is_true();
}

static void list_amid_a_table_is_read(void **state)
{
	uint64_t *l1 = machine_page(m, MACHINE_L1);

	(void)state;
	/* The same three frames at the end of the table's range. */
	memcpy(l1 + 509, l1, 3 * sizeof(*l1));
	memset(l1, 0, 3 * sizeof(*l1));
	arch()->p2m_vaddr = MACHINE_P2M_VADDR + 509 * 4096;
	assert_works(p2m_find(&p2m));
	assert_p2m_is_true();
}

static void hostile_addresses_are_refused(void **state)
{
	static const uint64_t bad[] = {
		0x0000800000000000, /* not canonical */
		0xffff7fffffffffff & ~UINT64_C(4095),
		0xffff800000000000, /* Xen's */
		0xffff87fffffff000,
		0xffff7ffffffff000,
		0x00007ffffffff000,    /* runs out of the lower half */
		0xfffffffffffff000,    /* wraps */
		MACHINE_P2M_VADDR + 8, /* amid a page */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		arch()->p2m_vaddr = bad[i];
		assert_fails(p2m_find(&p2m), "bad address range");
	}
	arch()->p2m_vaddr = 0x1000;
	assert_fails(p2m_find(&p2m), "not mapped");
}

static void hostile_sizes_are_refused(void **state)
{
	(void)state;
	arch()->max_pfn = 0;
	assert_fails(p2m_find(&p2m), "no memory");
	arch()->max_pfn = UINT64_MAX;
	assert_fails(p2m_find(&p2m), "pfns");
	arch()->max_pfn = (UINT64_C(1) << 36) + 1;
	assert_fails(p2m_find(&p2m), "pfns");
	arch()->max_pfn = UINT64_C(1) << 61;
	assert_fails(p2m_find(&p2m), "pfns");
	arch()->max_pfn = UINT64_C(1) << 30;
	assert_fails(p2m_find(&p2m), "");
	/* One table more than there is. */
	arch()->max_pfn = 3 * 512 + 1;
	assert_fails(p2m_find(&p2m), "not mapped");
}

/* 1 GiB of pfns in each of many tables that differ: no tail to cut. */
static void more_pfns_than_memory_are_refused(void **state)
{
	uint64_t *l2 = machine_page(m, MACHINE_L2);
	uint64_t first = MACHINE_P2M_VADDR >> 21 & 511;
	unsigned int i;

	(void)state;
	for (i = 1; i < 512; i++)
		l2[first + i] = m->p2m_mfn[20 + i % 2] << 12 | 1;
	arch()->max_pfn = UINT64_C(1) << 27;
	assert_fails(p2m_find(&p2m), "fit its memory");
}

static void hostile_roots_are_refused(void **state)
{
	static const uint64_t bad[] = { 0xfffffffff000, UINT64_MAX, 0x2000, 0x7 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		arch()->p2m_cr3 = bad[i];
		assert_fails(p2m_find(&p2m), "cannot map machine frame");
	}
}

static void hostile_entries_are_refused_at_each_level(void **state)
{
	static const enum machine_pfn tables[] = { MACHINE_L4, MACHINE_L3, MACHINE_L2, MACHINE_L1 };
	static const unsigned int shifts[] = { 39, 30, 21, 12 };
	uint64_t *entry, old;
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		entry = (uint64_t *)machine_page(m, tables[i]) +
			(MACHINE_P2M_VADDR >> shifts[i] & 511);
		old = *entry;
		*entry = 0;
		assert_fails(p2m_find(&p2m), "not mapped");
		*entry = old & ~UINT64_C(1);
		assert_fails(p2m_find(&p2m), "not mapped");
		*entry = 1;
		assert_fails(p2m_find(&p2m), "not mapped");
		*entry = PTE_FRAME_MASK | 1;
		assert_fails(p2m_find(&p2m), "cannot map machine frame");
		if (i < 3) {
			*entry = old | PTE_PSE;
			assert_fails(p2m_find(&p2m), "not mapped");
		}
		*entry = old;
	}
	assert_works(p2m_find(&p2m));
	assert_p2m_is_true();
}

/* The three-level tree: one top entry, one middle frame, the same leaves. */
static void build_tree(void)
{
	uint64_t *top = machine_page(m, 23), *middle = machine_page(m, 24);
	unsigned int i;

	for (i = 0; i < 512; i++)
		top[i] = m->p2m_mfn[24];
	for (i = 0; i < 3; i++)
		middle[i] = m->p2m_mfn[MACHINE_P2M + i];
	arch()->p2m_cr3 = 0;
	arch()->pfn_to_mfn_frame_list_list = m->p2m_mfn[23];
}

static void tree_is_read(void **state)
{
	(void)state;
	build_tree();
	assert_works(p2m_find(&p2m));
	assert_int_equal(p2m.size, PFNS);
	assert_int_equal(p2m.nframes, 3);
	assert_p2m_is_true();
}

static void hostile_trees_are_refused(void **state)
{
	uint64_t *top = machine_page(m, 23), *middle = machine_page(m, 24);

	(void)state;
	build_tree();
	arch()->max_pfn = (UINT64_C(1) << 27) + 1;
	assert_fails(p2m_find(&p2m), "fit its p2m tree");
	arch()->max_pfn = PFNS;
	arch()->pfn_to_mfn_frame_list_list = 0;
	assert_fails(p2m_find(&p2m), "no p2m");
	arch()->pfn_to_mfn_frame_list_list = UINT64_MAX;
	assert_fails(p2m_find(&p2m), "no p2m");
	arch()->pfn_to_mfn_frame_list_list = 2;
	assert_fails(p2m_find(&p2m), "cannot map machine frame");
	build_tree();
	top[0] = UINT64_MAX;
	assert_fails(p2m_find(&p2m), "cannot map machine frame");
	build_tree();
	middle[2] = 0;
	assert_fails(p2m_find(&p2m), "bad frame");
	middle[2] = UINT64_MAX;
	assert_fails(p2m_find(&p2m), "bad frame");
	middle[2] = 2;
	assert_fails(p2m_find(&p2m), "cannot map machine frame");
}

static void failed_mapping_is_told(void **state)
{
	unsigned int calls;

	(void)state;
	m->fail_op = OP_MAP;
	for (calls = 0; calls < 5; calls++) {
		m->calls[OP_MAP] = 0;
		m->fail_after = calls;
		assert_fails(p2m_find(&p2m), "Input/output error");
	}
	m->fail_op = OP_SHARED_INFO;
	m->fail_after = 0;
	assert_fails(p2m_find(&p2m), "shared info");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(list_is_read),
		TEST(list_is_found_again_without_mapping_it_anew),
		TEST(list_that_moved_is_mapped_anew),
		TEST(shared_tail_is_cut),
		TEST(list_amid_a_table_is_read),
		TEST(hostile_addresses_are_refused),
		TEST(hostile_sizes_are_refused),
		TEST(more_pfns_than_memory_are_refused),
		TEST(hostile_roots_are_refused),
		TEST(hostile_entries_are_refused_at_each_level),
		TEST(tree_is_read),
		TEST(hostile_trees_are_refused),
		TEST(failed_mapping_is_told),
	};

	return cmocka_run_group_tests_name("p2m", tests, NULL, NULL);
}
