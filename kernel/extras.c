// SPDX-License-Identifier: GPL-2.0
#include <linux/cpumask.h>
#include <linux/limits.h>
#include <linux/percpu.h>

#include <xen/grant_table.h>
#include <xen/interface/grant_table.h>
#include <xen/interface/vcpu.h>
#include <xen/page.h>
#include <xen/xen.h>

#include <asm/desc.h>
#include <asm/pvclock.h>

#include "extras.h"
#include "symbols.h"
#include "walk.h"

#define GRANTS_PER_FRAME (XEN_PAGE_SIZE / sizeof(struct grant_entry_v1))

int sp_extras_check(void)
{
	/* Version 2 has a table of states beside the grants. */
	return *sp_sym.grstatus ? -EOPNOTSUPP : 0;
}

static void add_address(struct sp_bitmap *set, const void *addr, size_t size)
{
	unsigned long first = (unsigned long)addr & PAGE_MASK, page;

	for (page = first; page < (unsigned long)addr + size; page += PAGE_SIZE)
		sp_bitmap_set(set, sp_walk_pfn(sp_sym.init_top_pgt, page));
}

static void add_event_pages(struct sp_bitmap *set)
{
	unsigned int i;

	for (i = 0; i < *sp_sym.event_array_pages; i++)
		if (sp_sym.event_array[i])
			add_address(set, sp_sym.event_array[i], PAGE_SIZE);
}

static void add_cpu(struct sp_bitmap *set, int cpu)
{
	const void *control = *per_cpu_ptr(sp_sym.cpu_control_block, cpu);
	const void *pmu = sp_sym.xenpmu_shared ? *per_cpu_ptr(sp_sym.xenpmu_shared, cpu) : NULL;

	add_address(set, per_cpu_ptr(sp_sym.xen_vcpu_info, cpu), sizeof(struct vcpu_info));
	add_address(set, per_cpu_ptr(sp_sym.xen_runstate, cpu), sizeof(struct vcpu_runstate_info));
	/* update_descriptor */
	add_address(set, get_cpu_gdt_rw(cpu), PAGE_SIZE);
	if (control)
		add_address(set, control, PAGE_SIZE);
	if (pmu)
		add_address(set, pmu, PAGE_SIZE);
}

static void add_hypervisor(struct sp_bitmap *set)
{
	const struct pvclock_vsyscall_time_info *clock = *sp_sym.xen_clock;
	int cpu;

	for_each_possible_cpu(cpu)
		add_cpu(set, cpu);
	add_event_pages(set);
	if (clock)
		add_address(set, clock, sizeof(*clock));
	sp_bitmap_set(set, mfn_to_pfn(xen_start_info->store_mfn));
	sp_bitmap_set(set, mfn_to_pfn(xen_start_info->console.domU.mfn));
}

unsigned long sp_extras_granted(unsigned int ref)
{
	const struct grant_entry_v1 *grants = *sp_sym.gnttab_shared;
	u16 flags;
	u32 frame;

	if (!grants || ref / GRANTS_PER_FRAME >= *sp_sym.nr_grant_frames)
		return ULONG_MAX;
	flags = READ_ONCE(grants[ref].flags);
	frame = READ_ONCE(grants[ref].frame);
	if ((flags & GTF_type_mask) != GTF_permit_access || flags & GTF_readonly)
		return ULONG_MAX;
	return mfn_to_pfn(frame);
}

void sp_extras_add(struct sp_bitmap *set, struct sp_bitmap *again)
{
	unsigned int grants = *sp_sym.nr_grant_frames * GRANTS_PER_FRAME, ref;
	unsigned long pfn;

	add_hypervisor(set);
	for (ref = 0; ref < grants; ref++) {
		pfn = sp_extras_granted(ref);
		sp_bitmap_set(set, pfn);
		sp_bitmap_set(again, pfn);
	}
}

void sp_extras_add_granted(struct sp_bitmap *map)
{
	unsigned int grants = *sp_sym.nr_grant_frames * GRANTS_PER_FRAME, ref;

	for (ref = 0; ref < grants; ref++)
		sp_bitmap_set(map, sp_extras_granted(ref));
}
