// SPDX-License-Identifier: GPL-2.0
#include <linux/ftrace.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>

#include <asm/desc_defs.h>

#include "extras.h"
#include "faults.h"
#include "hooks.h"
#include "symbols.h"
#include "walk.h"

/* How far behind a function's entry its call of ftrace may be. */
#define ENTRY_BYTES 8

/* Read with preemption disabled: once it is false for an RCU grace period, no hook is at work. */
static bool armed;
static bool registered;
static struct sp_bitmap *next_set;
static struct sp_bitmap *set_after;
static struct sp_bitmap *moved_tables;
static DEFINE_PER_CPU(u64, calls);

static void note(unsigned long pfn, unsigned long pages)
{
	for (; pages; pages--)
		sp_bitmap_set(next_set, pfn++);
}

static void note_twice(unsigned long pfn)
{
	sp_bitmap_set(set_after, pfn);
	sp_bitmap_set(next_set, pfn);
}

static void note_kernel(unsigned long addr, unsigned long size)
{
	unsigned long end = addr + size;

	for (addr &= PAGE_MASK; addr < end; addr += PAGE_SIZE)
		note(sp_walk_pfn(sp_sym.init_top_pgt, addr), 1);
}

/* page_remove_rmap(page, ...), mark_page_lazyfree(page): the entry's bit is gone already. */
static void on_page(struct pt_regs *regs)
{
	note(page_to_pfn((struct page *)regs_get_kernel_argument(regs, 0)), 1);
}

/* folio_remove_rmap_ptes(folio, page, nr_pages, ...) */
static void on_pages(struct pt_regs *regs)
{
	note(page_to_pfn((struct page *)regs_get_kernel_argument(regs, 1)),
	     (unsigned int)regs_get_kernel_argument(regs, 2));
}

/*
 * folio_mark_dirty(folio), folio_mark_lazyfree(folio): so is that of the folio's entries.
 * folio_move_anon_rmap(folio, vma): the entry may be on its way to another table (UFFDIO_MOVE).
 */
static void on_folio(struct pt_regs *regs)
{
	struct folio *folio = (struct folio *)regs_get_kernel_argument(regs, 0);

	note(folio_pfn(folio), folio_nr_pages(folio));
}

/* folio_mkclean(folio): until it returns the page may be written. */
static void on_mkclean(struct pt_regs *regs)
{
	struct folio *folio = (struct folio *)regs_get_kernel_argument(regs, 0);
	unsigned long i;

	if (!folio_mapped(folio))
		return;
	for (i = 0; i < folio_nr_pages(folio); i++)
		note_twice(folio_pfn(folio) + i);
}

/* __vunmap_range_noflush(start, end) */
static void on_vunmap(struct pt_regs *regs)
{
	unsigned long start = regs_get_kernel_argument(regs, 0);

	note_kernel(start, regs_get_kernel_argument(regs, 1) - start);
}

/* set_memory_ro(addr, numpages) and the like, which clear dirty bits since 6.6. */
static void on_protect(struct pt_regs *regs)
{
	note_kernel(regs_get_kernel_argument(regs, 0),
		    (unsigned long)(int)regs_get_kernel_argument(regs, 1) << PAGE_SHIFT);
}

/* set_direct_map_invalid_noflush(page) */
static void on_unmap_direct(struct pt_regs *regs)
{
	note(page_to_pfn((struct page *)regs_get_kernel_argument(regs, 0)), 1);
}

/*
 * text_poke_memcpy(dst, src, len) and text_poke_memset(dst, src, len): kernel
 * text, through a mapping that lives for the moment. Interrupts are off.
 */
static void on_poke(struct pt_regs *regs)
{
	pgd_t *pgd = (*sp_sym.poking_mm)->pgd;
	unsigned long addr = regs_get_kernel_argument(regs, 0);
	unsigned long end = addr + regs_get_kernel_argument(regs, 2);

	for (addr &= PAGE_MASK; addr < end; addr += PAGE_SIZE)
		note(sp_walk_pfn(pgd, addr), 1);
}

/* xen_alloc_ldt(ldt, entries) and xen_free_ldt(): read-only in between. */
static void on_ldt(struct pt_regs *regs)
{
	note_kernel(regs_get_kernel_argument(regs, 0),
		    (unsigned int)regs_get_kernel_argument(regs, 1) * sizeof(struct desc_struct));
}

/* untrack_pfn(vma, ...): a mapping without pages (no rmap) is about to go. */
static void on_untrack(struct pt_regs *regs)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)regs_get_kernel_argument(regs, 0);
	unsigned long addr;

	if (!vma)
		return;
	for (addr = vma->vm_start; addr < vma->vm_end; addr += PAGE_SIZE)
		note_twice(sp_walk_pfn(vma->vm_mm->pgd, addr));
}

/* move_page_tables(vma, ...): entries keep their dirty bits, and get under others of level 2. */
static void on_move(struct pt_regs *regs)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)regs_get_kernel_argument(regs, 0);

	sp_bitmap_set(moved_tables, PFN_DOWN(__pa(vma->vm_mm->pgd)));
}

/* gnttab_end_foreign_access_ref_v1(ref): its holder may write until it returns. */
static void on_grant_end(struct pt_regs *regs)
{
	if (!sp_is_broken(SP_FAULT_grants))
		note_twice(sp_extras_granted(regs_get_kernel_argument(regs, 0)));
}

/**
 * struct hook - a function of the kernel's
 * @entry: its address; 0 if this kernel does not have it
 * @note: takes its arguments
 * @extra: the hypervisor's log does not see what it is about
 */
struct hook {
	const unsigned long *entry;
	void (*note)(struct pt_regs *regs);
	bool extra;
};

static const struct hook hooks[] = {
	{ &sp_sym.page_remove_rmap, on_page },
	{ &sp_sym.folio_remove_rmap_ptes, on_pages },
	{ &sp_sym.folio_mark_dirty, on_folio },
	{ &sp_sym.mark_page_lazyfree, on_page },
	{ &sp_sym.folio_mark_lazyfree, on_folio },
	{ &sp_sym.folio_mkclean, on_mkclean },
	{ &sp_sym.__vunmap_range_noflush, on_vunmap },
	{ &sp_sym.set_memory_ro, on_protect },
	{ &sp_sym.set_memory_rox, on_protect },
	{ &sp_sym.set_direct_map_invalid_noflush, on_unmap_direct },
	{ &sp_sym.text_poke_memcpy, on_poke },
	{ &sp_sym.text_poke_memset, on_poke },
	{ &sp_sym.xen_alloc_ldt, on_ldt, .extra = true },
	{ &sp_sym.xen_free_ldt, on_ldt, .extra = true },
	{ &sp_sym.untrack_pfn, on_untrack },
	{ &sp_sym.move_page_tables, on_move },
	{ &sp_sym.folio_move_anon_rmap, on_folio },
	{ &sp_sym.gnttab_end_foreign_access_ref_v1, on_grant_end, .extra = true },
};

static void notrace dispatch(unsigned long ip, struct pt_regs *regs)
{
	unsigned int i;

	this_cpu_inc(calls);
	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		if (*hooks[i].entry && ip - *hooks[i].entry < ENTRY_BYTES) {
			hooks[i].note(regs);
			return;
		}
	}
}

static void notrace call_hook(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
			      struct ftrace_regs *fregs)
{
	preempt_disable_notrace();
	if (READ_ONCE(armed))
		dispatch(ip, ftrace_get_regs(fregs));
	preempt_enable_notrace();
}

/* What ftrace watches when nothing is to be watched: for it, no function means all. */
static noinline void nothing(void)
{
	barrier();
}

/*
 * Permanent: kernel.ftrace_enabled cannot take it away. It calls nothing that it
 * hooks, and is not to be kept from a call in the middle of another, so that it
 * does not ask for protection against recursion.
 */
static struct ftrace_ops ops = {
	.func = call_hook,
	.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_PERMANENT,
};

int sp_hooks_arm(struct sp_bitmap *noted, struct sp_bitmap *again, struct sp_bitmap *moved,
		 bool extras)
{
	unsigned long entries[ARRAY_SIZE(hooks)];
	unsigned int i, n = 0;
	int cpu, err;

	next_set = noted;
	set_after = again;
	moved_tables = moved;
	WRITE_ONCE(armed, true);
	for_each_possible_cpu(cpu)
		per_cpu(calls, cpu) = 0;
	for (i = 0; i < ARRAY_SIZE(hooks); i++)
		if (*hooks[i].entry && (!extras || hooks[i].extra))
			entries[n++] = *hooks[i].entry;
	err = ftrace_set_filter_ips(&ops, entries, n, 0, 1);
	if (!err && !registered)
		err = register_ftrace_function(&ops);
	registered = registered || !err;
	if (err)
		sp_hooks_disarm();
	return err;
}

/*
 * Unregistering waits for every task to give up its processor by itself, which
 * may take minutes: that is for the end.
 */
void sp_hooks_disarm(void)
{
	unsigned long entry = (unsigned long)nothing;

	WRITE_ONCE(armed, false);
	if (registered && ftrace_set_filter_ips(&ops, &entry, 1, 0, 1))
		pr_warn("the hooks stay, at the cost of a call that does nothing\n");
	synchronize_rcu();
}

void sp_hooks_exit(void)
{
	if (registered)
		unregister_ftrace_function(&ops);
	registered = false;
	/* Not before: the filter is not to be used after. */
	ftrace_free_filter(&ops);
}

u64 sp_hooks_calls(void)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(calls, cpu);
	return sum;
}
