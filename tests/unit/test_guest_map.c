// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include "bitmap.h"
#include "domain_file.h"
#include "guest_map.h"
#include "p2m.h"
#include "ram.h"

#define PFNS 100

/* Free memory of the guest's. */
#define DIRECTORY 60
#define BITMAP 61

static struct machine *m;
static struct p2m p2m;
static struct ram mem;
static struct bitmap bits;
static __u64 dir[STILLPOINT_DIRS] = { DIRECTORY };

static int setup(void **state)
{
	(void)state;
	m = machine_build(PFNS);
	((uint64_t *)machine_page(m, DIRECTORY))[0] = BITMAP;
	((uint64_t *)machine_page(m, BITMAP))[0] = 1 << 7;
	p2m_init(&p2m, &m->dom, &m->info);
	assert_works(p2m_find(&p2m));
	assert_works(ram_init(&mem, &m->dom));
	assert_works(ram_grow(&mem, p2m.size));
	assert_works(bitmap_grow(&bits, p2m.size));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bitmap_free(&bits);
	ram_free(&mem);
	p2m_free(&p2m);
	assert_int_equal(m->mapped, 0);
	machine_free(m);
	return 0;
}

/* Take the p2m over while Xen lets nobody have @pfn's frame. */
static void update_without(uint64_t pfn)
{
	const uint64_t mfn = m->p2m_mfn[pfn];
	struct bitmap changed = { 0 };

	m->types[mfn] = XEN_DOMCTL_PFINFO_XTAB;
	assert_works(bitmap_grow(&changed, p2m.size));
	assert_works(ram_update(&mem, p2m.map, NULL, &changed));
	bitmap_free(&changed);
	assert_null(ram_page(&mem, pfn));
	m->types[mfn] = XEN_DOMCTL_PFINFO_NOTAB;
}

/* The balloon was deflated while the p2m was compared, into the same frame as before. */
static void directory_comes_back(void **state)
{
	(void)state;
	update_without(DIRECTORY);
	assert_works(guest_map_read(&mem, "free", PFNS, dir, &bits));
	assert_int_equal(bitmap_next(&bits, 0), 7);
}

static void page_comes_back(void **state)
{
	(void)state;
	update_without(BITMAP);
	assert_works(guest_map_read(&mem, "free", PFNS, dir, &bits));
	assert_int_equal(bitmap_next(&bits, 0), 7);
}

static void what_stays_away_is_refused(void **state)
{
	(void)state;
	update_without(BITMAP);
	m->types[m->p2m_mfn[BITMAP]] = XEN_DOMCTL_PFINFO_XTAB;
	assert_fails(guest_map_read(&mem, "free", PFNS, dir, &bits), "bad pfn 0x3d");
}

static void no_pfn_is_refused(void **state)
{
	(void)state;
	update_without(BITMAP);
	((uint64_t *)machine_page(m, DIRECTORY))[0] = PFNS;
	assert_fails(guest_map_read(&mem, "free", PFNS, dir, &bits), "bad pfn");
	((uint64_t *)machine_page(m, DIRECTORY))[0] = UINT64_MAX;
	assert_fails(guest_map_read(&mem, "free", PFNS, dir, &bits), "bad pfn");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(directory_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(page_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(what_stays_away_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(no_pfn_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests_name("guest_map", tests, NULL, NULL);
}
