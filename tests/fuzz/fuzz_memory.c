// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's memory, one part after the other as a save uses them: the control page, the
 * p2m, sets of dirty pages, page tables and registers.
 */
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "copier.h"
#include "grants.h"
#include "harvest.h"
#include "msg.h"
#include "p2m.h"
#include "pagetable.h"
#include "patches.h"
#include "snapshot.h"

/**
 * struct memory - what is known of a guest
 * @changed: its pages that are new
 * @set: pages that its module says changed
 */
struct memory {
	struct machine *m;
	struct channel *ch;
	struct p2m p2m;
	struct ram ram;
	struct bitmap changed;
	struct bitmap set;
	struct inverse inverse;
	struct snapshot snap;
};

/* Kept, as both are slow to make. */
static struct copier copier;
static struct staging staging;

static int memory_control(struct memory *mem)
{
	struct stillpoint_guest_half half;
	int ret;

	fuzz_check(!mem->m->dom.ops->channel(&mem->m->dom, NULL, true, &mem->ch));
	ret = control_get(mem->ch, &half);
	if (!ret) {
		fuzz_check(half.window_end > half.window_start);
		fuzz_check(half.window_start >> 47 == 0x1ffff);
		fuzz_check(strcmp(control_state_name(half.state), "unknown"));
	}
	return ret;
}

/* As save_find_memory() and save_update_memory() do it. */
static int memory_find(struct memory *mem)
{
	if (p2m_find(&mem->p2m))
		return -1;
	fuzz_check(mem->p2m.size && mem->p2m.size <= mem->p2m.limit);
	fuzz_check(mem->p2m.nframes == (mem->p2m.size + ENTRIES_PER_PAGE - 1) / ENTRIES_PER_PAGE);
	if (mem->p2m.size < mem->ram.size)
		return msg_error("the p2m shrank");
	if (bitmap_grow(&mem->changed, mem->p2m.size) || bitmap_grow(&mem->set, mem->p2m.size) ||
	    snapshot_grow(&mem->snap, mem->p2m.size) || ram_grow(&mem->ram, mem->p2m.size))
		return -1;
	mem->inverse.p2m = mem->ram.p2m;
	return ram_update(&mem->ram, mem->p2m.map, NULL, &mem->changed);
}

static int memory_inverse(struct memory *mem)
{
	uint64_t pfn, mfn;

	if (inverse_build(&mem->inverse, mem->ram.p2m, mem->ram.size))
		return -1;
	for (pfn = 0; pfn < mem->ram.size; pfn++) {
		mfn = mem->ram.p2m[pfn];
		fuzz_check(inverse_pfn(&mem->inverse, mfn) == (mfn <= MFN_MAX ? pfn : UINT64_MAX));
	}
	return 0;
}

static int memory_set(struct memory *mem)
{
	struct harvest h = { .ch = mem->ch, .mem = &mem->ram };
	struct bitmap granted = { 0 };
	int ret;

	control_read(mem->ch, &h.half);
	ret = harvest_collect(&h, &mem->set);
	if (!ret && !bitmap_grow(&granted, mem->ram.size))
		ret = grants_mark(&mem->m->dom, &mem->ram, &mem->inverse, &granted);
	bitmap_free(&granted);
	return ret;
}

/* What save_build_inverse() leaves out. */
static int memory_drop(struct memory *mem)
{
	uint64_t pfn;

	inverse_free(&mem->inverse);
	for (pfn = 0; pfn < mem->ram.size; pfn++)
		if (!page_type_has_data(mem->snap.types[pfn]))
			mem->ram.p2m[pfn] = INVALID_FRAME;
	return memory_inverse(mem);
}

static int memory_snapshot(struct memory *mem)
{
	uint64_t rdx = mem->m->vcpu[0].user_regs.rdx;

	bitmap_or(&mem->changed, &mem->set);
	if (snapshot_types(&mem->snap, &mem->changed) ||
	    snapshot_check_start_info(&mem->snap, &mem->inverse, rdx) ||
	    snapshot_state(&mem->snap, mem->m->info.max_vcpu_id) ||
	    snapshot_copy(&mem->snap, &copier, &staging, mem->ram.size) || memory_drop(mem))
		return -1;
	return snapshot_normalise(&mem->snap, &mem->inverse);
}

/* Nothing but pfns of the guest is left in its tables and registers. */
static void memory_check_table(const struct memory *mem, const uint64_t *table)
{
	unsigned int i;

	for (i = 0; i < ENTRIES_PER_PAGE; i++)
		if (table[i] & PTE_PRESENT)
			fuzz_check((table[i] & PTE_FRAME_MASK) >> PTE_FRAME_SHIFT < mem->ram.size);
}

static void memory_check(const struct memory *mem)
{
	const vcpu_guest_context_t *c;
	uint64_t i;

	for (i = 0; i < mem->snap.nvcpus; i++) {
		c = &mem->snap.vcpus[i].basic;
		fuzz_check(c->ctrlreg[3] >> PAGE_BITS < mem->ram.size);
		fuzz_check(c->ctrlreg[1] >> PAGE_BITS < mem->ram.size);
		fuzz_check(c->gdt_ents <= FIRST_RESERVED_GDT_ENTRY);
		fuzz_check(!c->gdt_ents || c->gdt_frames[0] < mem->ram.size);
	}
	for (i = 0; i < mem->snap.n; i++)
		if (page_type_level(mem->snap.types[mem->snap.list[i]]))
			memory_check_table(mem, (const uint64_t *)mem->snap.copy[i]);
}

static int memory_run(struct memory *mem)
{
	if (memory_control(mem) || memory_find(mem) || memory_inverse(mem))
		return -1;
	patches_event();
	if (memory_find(mem) || memory_set(mem))
		return -1;
	patches_event();
	return memory_find(mem) || memory_snapshot(mem) ? -1 : 0;
}

static void memory_free(struct memory *mem)
{
	snapshot_free(&mem->snap);
	inverse_free(&mem->inverse);
	bitmap_free(&mem->changed);
	bitmap_free(&mem->set);
	ram_free(&mem->ram);
	p2m_free(&mem->p2m);
	mem->ch->ops->close(mem->ch);
	fuzz_check(!mem->m->mapped && !mem->m->channels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory mem = { 0 };
	int ret;

	if (!copier.nthreads) {
		fuzz_check(!copier_start(&copier, 1));
		staging_init(&staging, UINT64_C(4) << 20);
	}
	staging.used = 0;
	mem.m = patches_begin(data, size);
	machine_park(mem.m, 1);
	p2m_init(&mem.p2m, &mem.m->dom, &mem.m->info);
	snapshot_init(&mem.snap, &mem.m->dom, &mem.ram);
	fuzz_check(!ram_init(&mem.ram, &mem.m->dom));
	ret = memory_run(&mem);
	if (!ret)
		memory_check(&mem);
	memory_free(&mem);
	fuzz_verdict(ret);
	return 0;
}
