// SPDX-License-Identifier: GPL-2.0
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/page-flags.h>

#include <xen/interface/xen.h>
#include <xen/page.h>

#include <asm/xen/hypercall.h>

#include "compat/pgtable.h"
#include "faults.h"
#include "harvest.h"
#include "symbols.h"
#include "walk.h"

/* As many updates take about as long as the entries of a table take to look at. */
#define UPDATES_PER_TABLE 8

/* Of one level-1 table, not made yet. */
static struct mmu_update updates[PTRS_PER_PTE];
static unsigned int nupdates;

void sp_harvest_start(struct sp_harvest *h, struct sp_bitmap *set, struct sp_bitmap *seen,
		      bool clear)
{
	*h = (struct sp_harvest){
		.set = set,
		.seen = seen,
		.clear = clear,
		.walk = { .addr = SP_KERNEL_START, .last = SP_KERNEL_LAST },
	};
	h->walk.pgd = sp_sym.init_top_pgt;
	sp_bitmap_clear(seen);
}

static void clear_dirty(pte_t *pte, pteval_t raw)
{
	updates[nupdates].ptr = virt_to_machine(pte).maddr | MMU_NORMAL_PT_UPDATE;
	updates[nupdates++].val = raw & ~SP_PTE_DIRTY;
}

static void make_updates(struct sp_harvest *h)
{
	if (nupdates)
		h->err = HYPERVISOR_mmu_update(updates, nupdates, NULL, DOMID_SELF);
	h->work -= nupdates / UPDATES_PER_TABLE;
	nupdates = 0;
}

/* A page table in use is read-only here; the hypervisor writes it. */
static bool is_table(unsigned long pfn, pteval_t raw)
{
	return (raw & (_PAGE_PRESENT | _PAGE_RW)) == _PAGE_PRESENT && pfn_valid(pfn) &&
	       PagePinned(pfn_to_page(pfn));
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

	for_each_entry(i, table, _PAGE_RW, SP_PTE_DIRTY) {
		raw = READ_ONCE(table[i].pte);
		if (is_table(pfn + i, raw)) {
			if (!sp_is_broken(SP_FAULT_tables))
				sp_bitmap_set(h->set, pfn + i);
		} else if (raw & SP_PTE_DIRTY) {
			sp_bitmap_set(h->set, pfn + i);
		}
		if (h->clear && raw & SP_PTE_DIRTY)
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
		sp_bitmap_set(h->set, pte_pfn(table[i]));
		if (h->clear)
			clear_dirty(&table[i], raw);
	}
}

static bool may_clear(unsigned long pfn)
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
		sp_bitmap_set(h->set, pfn);
		if (h->clear && !(raw & _PAGE_SPECIAL) && may_clear(pfn)) {
			clear_dirty(&table[i], raw);
			h->cleared = true;
		}
	}
}

/* One table more; false if there is none from here on. */
static bool harvest_table(struct sp_harvest *h)
{
	pte_t *table = sp_walk(&h->walk);
	unsigned long addr = h->walk.addr;

	if (!table)
		return false;
	if (table == h->table)
		return sp_walk_on(&h->walk);
	h->table = table;
	h->work--;
	if (h->user)
		user_table(h, table);
	else if (addr >= PAGE_OFFSET && addr < PAGE_OFFSET + (h->set->bits << PAGE_SHIFT))
		direct_table(h, table, (addr - PAGE_OFFSET) >> PAGE_SHIFT);
	else
		kernel_table(h, table);
	make_updates(h);
	return sp_walk_on(&h->walk);
}

static bool is_over(const struct sp_harvest *h)
{
	return h->err || h->work <= 0;
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
		if (sp_bitmap_test(h->seen, pfn))
			continue;
		if (h->pgd != pfn)
			h->walk = (struct sp_walk){ .last = SP_USER_LAST };
		h->walk.pgd = page_address(page);
		h->pgd = pfn;
		while (harvest_table(h))
			if (is_over(h))
				return;
		sp_bitmap_set(h->seen, pfn);
		if (is_over(h))
			return;
	}
	h->done = true;
}

static void harvest_some(struct sp_harvest *h)
{
	while (!h->user) {
		h->user = !harvest_table(h);
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
	err = h->cleared || (h->clear && h->done) ? flush_tlbs() : 0;
	if (!h->err)
		h->err = err;
}
