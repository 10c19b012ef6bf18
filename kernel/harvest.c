// SPDX-License-Identifier: GPL-2.0
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/rwsem.h>

#include <xen/interface/xen.h>
#include <xen/page.h>

#include <asm/xen/hypercall.h>

#include "compat/pgtable.h"
#include "faults.h"
#include "harvest.h"
#include "symbols.h"
#include "walk.h"

/* An update takes about as long as so many entries take to look at. */
#define ENTRIES_PER_UPDATE 64

/* Of one level-1 table and the entry that names it, not made yet. */
static struct mmu_update updates[PTRS_PER_PTE + 1];
static unsigned int nupdates;

void sp_harvest_start(struct sp_harvest *h, struct sp_harvest_maps *maps, enum sp_harvest_mode mode)
{
	*h = (struct sp_harvest){
		.maps = maps,
		.mode = mode,
		.all = mode == SP_HARVEST_FIRST,
	};
	sp_bitmap_clear(&maps->seen);
	if (!sp_is_broken(SP_FAULT_tables))
		sp_bitmap_add(&maps->set, &maps->tables);
	sp_bitmap_clear(&maps->tables);
	sp_walk_start(&h->walk, sp_sym.init_top_pgt, SP_KERNEL_START, SP_KERNEL_LAST,
		      &maps->tables);
}

static bool may_clear(const struct sp_harvest *h)
{
	return h->mode != SP_HARVEST_LAST;
}

static void update(const void *entry, u64 val)
{
	updates[nupdates].ptr = virt_to_machine(entry).maddr | MMU_NORMAL_PT_UPDATE;
	updates[nupdates++].val = val;
}

static void clear_dirty(pte_t *pte, pteval_t raw)
{
	update(pte, raw & ~SP_PTE_DIRTY);
}

static void make_updates(struct sp_harvest *h)
{
	if (!nupdates)
		return;
	h->err = HYPERVISOR_mmu_update(updates, nupdates, NULL, DOMID_SELF);
	h->cleared = true;
	h->work -= (long)nupdates * ENTRIES_PER_UPDATE;
	nupdates = 0;
}

/*
 * Most entries are of no interest, so that a few at a time are looked at first:
 * whether all of them have @set, and none @clear.
 */
#define FEW 8

static bool are_plain(const pte_t *pte, pteval_t set, pteval_t clear)
{
	pteval_t all = set, any = 0;
	unsigned int i;

	for (i = 0; i < FEW; i++) {
		all &= READ_ONCE(pte[i].pte);
		any |= READ_ONCE(pte[i].pte);
	}
	return all == set && !(any & clear);
}

/* The first entry from @i on that may be of interest, PTRS_PER_PTE if none is. */
static unsigned int skip_plain(const pte_t *table, unsigned int i, pteval_t set, pteval_t clear)
{
	while (i % FEW == 0 && i < PTRS_PER_PTE && are_plain(&table[i], set, clear))
		i += FEW;
	return i;
}

#define for_each_entry(i, table, set, clear)                             \
	for ((i) = skip_plain(table, 0, set, clear); (i) < PTRS_PER_PTE; \
	     (i) = skip_plain(table, (i) + 1, set, clear))

/* The direct map; @pfn is the first that the table maps. */
static void direct_table(struct sp_harvest *h, pte_t *table, unsigned long pfn)
{
	unsigned int i;
	pteval_t raw;

	for_each_entry(i, table, 0, SP_PTE_DIRTY) {
		raw = READ_ONCE(table[i].pte);
		if (!(raw & SP_PTE_DIRTY))
			continue;
		sp_bitmap_set(&h->maps->set, pfn + i);
		if (may_clear(h))
			clear_dirty(&table[i], raw);
	}
}

static void kernel_table(struct sp_harvest *h, pte_t *table)
{
	unsigned int i;
	pteval_t raw;

	for_each_entry(i, table, 0, SP_PTE_DIRTY) {
		raw = READ_ONCE(table[i].pte);
		if (!(raw & SP_PTE_DIRTY))
			continue;
		sp_bitmap_set(&h->maps->set, pte_pfn(table[i]));
		if (may_clear(h))
			clear_dirty(&table[i], raw);
	}
}

static bool may_clear_user(unsigned long pfn)
{
	struct folio *folio;

	if (!pfn_valid(pfn))
		return false;
	folio = page_folio(pfn_to_page(pfn));
	if (folio_test_dirty(folio))
		return true;
	/* Its address space may want to know. */
	if (folio_test_swapcache(folio))
		return false;
	if (!folio_test_anon(folio) && !folio_test_swapbacked(folio))
		return false;
	folio_set_dirty(folio);
	return true;
}

static void user_table(struct sp_harvest *h, pte_t *table)
{
	unsigned long pfn;
	unsigned int i;
	pteval_t raw;

	for_each_entry(i, table, 0, SP_PTE_DIRTY) {
		raw = READ_ONCE(table[i].pte);
		if (!(raw & SP_PTE_DIRTY) || !(raw & (_PAGE_PRESENT | _PAGE_PROTNONE)))
			continue;
		pfn = pte_pfn(table[i]);
		sp_bitmap_set(&h->maps->set, pfn);
		if (may_clear(h) && !(raw & _PAGE_SPECIAL) && may_clear_user(pfn))
			clear_dirty(&table[i], raw);
	}
}

static void harvest_table(struct sp_harvest *h, pte_t *table)
{
	const unsigned long addr = h->walk.addr;

	if (table == h->table)
		return;
	h->table = table;
	h->work -= PTRS_PER_PTE;
	if (h->user)
		user_table(h, table);
	else if (addr >= PAGE_OFFSET && addr < PAGE_OFFSET + (h->maps->set.bits << PAGE_SHIFT))
		direct_table(h, table, (addr - PAGE_OFFSET) >> PAGE_SHIFT);
	else
		kernel_table(h, table);
}

/* One entry of level 2 more; false if there is none from here on. */
static bool harvest_entry(struct sp_harvest *h)
{
	pmd_t *pmd = sp_walk(&h->walk);
	pmdval_t raw;

	h->work -= h->walk.looked;
	h->walk.looked = 0;
	if (!pmd)
		return false;
	raw = READ_ONCE(pmd->pmd);
	if (h->all || raw & _PAGE_ACCESSED) {
		if (may_clear(h) && raw & _PAGE_ACCESSED)
			update(pmd, raw & ~(pmdval_t)_PAGE_ACCESSED);
		harvest_table(h, sp_walk_table(*pmd));
		make_updates(h);
	}
	return sp_walk_on(&h->walk);
}

static bool is_over(const struct sp_harvest *h)
{
	return h->err || h->work <= 0;
}

/*
 * Were entries moved between the tables of @pgd since they were looked at? They are
 * still being moved if who does so holds the lock.
 */
static bool has_moved(struct sp_harvest *h, struct page *pgd)
{
	struct mm_struct *mm = sp_sym.pgd_page_get_mm(pgd);

	if (!sp_bitmap_take(&h->maps->moved, page_to_pfn(pgd)))
		return false;
	if (mm && rwsem_is_locked(&mm->mmap_lock))
		sp_bitmap_set(&h->maps->moved, page_to_pfn(pgd));
	return true;
}

static void start_user(struct sp_harvest *h, struct page *pgd)
{
	void *user_mode = (void *)page_private(pgd);

	h->pgd = page_to_pfn(pgd);
	h->all = has_moved(h, pgd) || h->mode == SP_HARVEST_FIRST;
	sp_walk_start(&h->walk, page_address(pgd), 0, SP_USER_LAST, &h->maps->tables);
	/* The top-level table of user mode has the same entries. */
	if (user_mode)
		sp_bitmap_set(&h->maps->tables, PFN_DOWN(__pa(user_mode)));
}

/*
 * The list has every top-level table, new ones at its head: backwards, so that
 * they do not get before the one that is under way. One that is made from now on
 * need not be seen: what it maps is dirty by the way it came there.
 */
static void harvest_users(struct sp_harvest *h)
{
	struct page *page;
	unsigned long pfn;

	list_for_each_entry_reverse(page, sp_sym.pgd_list, lru) {
		pfn = page_to_pfn(page);
		if (sp_bitmap_test(&h->maps->seen, pfn))
			continue;
		if (h->pgd != pfn)
			start_user(h, page);
		while (harvest_entry(h))
			if (is_over(h))
				return;
		sp_bitmap_set(&h->maps->seen, pfn);
		if (is_over(h))
			return;
	}
	h->done = true;
}

static void harvest_some(struct sp_harvest *h)
{
	while (!h->user) {
		h->user = !harvest_entry(h);
		if (is_over(h))
			return;
	}
	if (sp_is_broken(SP_FAULT_user))
		h->done = true;
	else
		harvest_users(h);
}

/* Every TLB of the guest. */
static int flush_tlbs(void)
{
	struct mmuext_op op = { .cmd = MMUEXT_TLB_FLUSH_ALL };

	if (sp_is_broken(SP_FAULT_tlb))
		return 0;
	return HYPERVISOR_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

void sp_harvest_slice(struct sp_harvest *h, long work)
{
	int err;

	h->work = work;
	h->table = NULL;
	h->cleared = false;
	sp_walk_forget(&h->walk);
	harvest_some(h);
	/* What hooks noted may still be written through an entry of before. */
	err = h->cleared || (may_clear(h) && h->done) ? flush_tlbs() : 0;
	if (!h->err)
		h->err = err;
	if (h->done && !sp_is_broken(SP_FAULT_tables))
		sp_bitmap_add(&h->maps->set, &h->maps->tables);
}
