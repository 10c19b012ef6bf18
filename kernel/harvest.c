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

/* Of one level-1 table, or of the entries of level 2 in a batch; not made yet. */
static struct mmu_update updates[PTRS_PER_PTE];
static unsigned int nupdates;

/* Tables whose accessed bits are cleared together, and that are looked at then. */
#define BATCH 64

/**
 * struct found - a table
 * @addr: where it begins to map
 * @user: it is a process's
 */
struct found {
	pte_t *table;
	unsigned long addr;
	bool user;
};

static struct found batch[BATCH];
static unsigned int nbatch;

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
	if (!h->err)
		h->err = HYPERVISOR_mmu_update(updates, nupdates, NULL, DOMID_SELF);
	h->cleared = true;
	h->work -= (long)nupdates * ENTRIES_PER_UPDATE;
	nupdates = 0;
}

/* Every TLB of the guest. */
static void flush_tlbs(struct sp_harvest *h)
{
	struct mmuext_op op = { .cmd = MMUEXT_TLB_FLUSH_ALL };

	if (!sp_is_broken(SP_FAULT_tlb) && !h->err)
		h->err = HYPERVISOR_mmuext_op(&op, 1, NULL, DOMID_SELF);
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

static bool was_written(unsigned long pfn, pteval_t raw)
{
	if (is_table(pfn, raw))
		return !sp_is_broken(SP_FAULT_tables);
	return raw & SP_PTE_DIRTY;
}

/* The direct map; @pfn is the first that the table maps. */
static void direct_table(struct sp_harvest *h, pte_t *table, unsigned long pfn)
{
	unsigned int i;
	pteval_t raw;

	for_each_entry(i, table, _PAGE_RW, SP_PTE_DIRTY) {
		raw = READ_ONCE(table[i].pte);
		if (was_written(pfn + i, raw))
			sp_bitmap_set(&h->maps->set, pfn + i);
		if (may_clear(h) && raw & SP_PTE_DIRTY)
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

static void look_at(struct sp_harvest *h, const struct found *found)
{
	const unsigned long end = PAGE_OFFSET + (h->maps->set.bits << PAGE_SHIFT);

	if (found->user)
		user_table(h, found->table);
	else if (found->addr >= PAGE_OFFSET && found->addr < end)
		direct_table(h, found->table, (found->addr - PAGE_OFFSET) >> PAGE_SHIFT);
	else
		kernel_table(h, found->table);
	make_updates(h);
}

/*
 * Were entries moved between the tables of @pgd since they were looked at? They are
 * still being moved, or were when the hooks were armed, if somebody holds the lock.
 */
static bool has_moved(struct sp_harvest *h, struct page *pgd)
{
	struct mm_struct *mm = sp_sym.pgd_page_get_mm(pgd);
	bool moved = sp_bitmap_take(&h->maps->moved, page_to_pfn(pgd));

	if (sp_is_broken(SP_FAULT_moved))
		return false;
	if ((moved || h->mode == SP_HARVEST_FIRST) && mm && rwsem_is_locked(&mm->mmap_lock))
		sp_bitmap_set(&h->maps->moved, page_to_pfn(pgd));
	return moved;
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
static bool next_user(struct sp_harvest *h)
{
	struct list_head *pos = h->top ?: sp_sym.pgd_list;
	struct page *page;

	h->user = true;
	while (!sp_is_broken(SP_FAULT_user) && (pos = pos->prev) != sp_sym.pgd_list) {
		page = list_entry(pos, struct page, lru);
		if (sp_bitmap_test(&h->maps->seen, page_to_pfn(page)))
			continue;
		if (h->pgd != page_to_pfn(page))
			start_user(h, page);
		h->top = pos;
		h->ended = false;
		return true;
	}
	h->done = true;
	return false;
}

static void end_walk(struct sp_harvest *h)
{
	h->ended = true;
	if (h->user)
		sp_bitmap_set(&h->maps->seen, h->pgd);
}

/* The next entry of level 2 that names a table, NULL if there is none any more. */
static pmd_t *next_entry(struct sp_harvest *h, unsigned long *addr)
{
	pmd_t *pmd;

	while (!h->ended || next_user(h)) {
		pmd = sp_walk(&h->walk);
		*addr = h->walk.addr;
		if (!pmd || !sp_walk_on(&h->walk))
			end_walk(h);
		h->work -= h->walk.looked;
		h->walk.looked = 0;
		if (pmd)
			return pmd;
	}
	return NULL;
}

static void find_table(struct sp_harvest *h, pmd_t *pmd, unsigned long addr)
{
	pmdval_t raw = READ_ONCE(pmd->pmd);
	pte_t *table;

	if (!h->all && !(raw & _PAGE_ACCESSED))
		return;
	if (may_clear(h) && raw & _PAGE_ACCESSED)
		update(pmd, raw & ~(pmdval_t)_PAGE_ACCESSED);
	table = sp_walk_table(*pmd);
	if (table == h->table)
		return;
	h->table = table;
	h->work -= PTRS_PER_PTE;
	batch[nbatch++] = (struct found){ .table = table, .addr = addr, .user = h->user };
}

static bool is_over(const struct sp_harvest *h)
{
	return h->err || h->done || h->work <= 0;
}

/* Find some tables, and look at them when every access to them leaves its trace again. */
static void harvest_some(struct sp_harvest *h)
{
	unsigned long addr;
	unsigned int i;
	pmd_t *pmd;

	nbatch = 0;
	while (nbatch < BATCH && nupdates < BATCH && !is_over(h)) {
		pmd = next_entry(h, &addr);
		if (pmd)
			find_table(h, pmd, addr);
	}
	if (nupdates) {
		make_updates(h);
		flush_tlbs(h);
	}
	for (i = 0; i < nbatch && !h->err; i++)
		look_at(h, &batch[i]);
}

static void finish(struct sp_harvest *h)
{
	/* Its tables, or its pages, are more than the bitmaps have room for. */
	if (*sp_sym.max_pfn > h->maps->set.bits && may_clear(h))
		h->err = -EAGAIN;
	if (!sp_is_broken(SP_FAULT_tables))
		sp_bitmap_add(&h->maps->set, &h->maps->tables);
}

void sp_harvest_slice(struct sp_harvest *h, long work)
{
	h->work = work;
	h->table = NULL;
	h->top = NULL;
	h->ended = h->user;
	h->cleared = false;
	sp_walk_forget(&h->walk);
	do {
		harvest_some(h);
	} while (!is_over(h));
	/* What hooks noted may still be written through an entry of before. */
	if (h->cleared || (may_clear(h) && h->done))
		flush_tlbs(h);
	if (h->done)
		finish(h);
}
