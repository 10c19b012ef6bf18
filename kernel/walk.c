// SPDX-License-Identifier: GPL-2.0
#include <linux/limits.h>
#include <linux/mm.h>

#include <asm/xen/page.h>

#include "walk.h"

/* Of no table: they begin at multiples of much more. */
#define NO_BASE 1UL

/* A large page has no table below it; a PV guest has none. */
static bool has_table(unsigned long flags)
{
	return (flags & (_PAGE_PRESENT | _PAGE_PSE)) == _PAGE_PRESENT;
}

static void note(struct sp_walk *walk, const void *table)
{
	sp_bitmap_set(walk->tables, PFN_DOWN(__pa(table)));
}

/* Without the pfn's way back, which pmd_val() takes as well: tables are the guest's own. */
static void note_table_of(struct sp_walk *walk, const pmd_t *pmd)
{
	unsigned long mfn = (READ_ONCE(pmd->pmd) & PTE_PFN_MASK) >> PAGE_SHIFT;

	sp_bitmap_set(walk->tables, mfn_to_pfn_no_overrides(mfn));
}

void sp_walk_start(struct sp_walk *walk, pgd_t *pgd, unsigned long first, unsigned long last,
		   struct sp_bitmap *tables)
{
	*walk = (struct sp_walk){
		.pgd = pgd,
		.addr = first,
		.last = last,
		.tables = tables,
	};
	sp_walk_forget(walk);
	note(walk, pgd);
}

void sp_walk_forget(struct sp_walk *walk)
{
	walk->pud_base = NO_BASE;
	walk->pmd_base = NO_BASE;
}

/* Find the level-3 table that maps walk->addr. */
static void find_puds(struct sp_walk *walk)
{
	p4d_t *p4d = p4d_offset(pgd_offset_pgd(walk->pgd, walk->addr), walk->addr);

	walk->looked++;
	walk->pud_base = walk->addr & P4D_MASK;
	walk->pud = NULL;
	if (!has_table(p4d_flags(*p4d)))
		return;
	walk->pud = p4d_pgtable(*p4d);
	note(walk, walk->pud);
}

/* The same for level 2; returns how much there is no table for. */
static unsigned long find_pmds(struct sp_walk *walk)
{
	pud_t *pud;

	walk->pmd_base = walk->addr & PUD_MASK;
	walk->pmd = NULL;
	if (walk->pud_base != (walk->addr & P4D_MASK))
		find_puds(walk);
	if (!walk->pud)
		return P4D_SIZE;
	pud = &walk->pud[pud_index(walk->addr)];
	walk->looked++;
	if (!has_table(pud_flags(*pud)))
		return PUD_SIZE;
	walk->pmd = pud_pgtable(*pud);
	note(walk, walk->pmd);
	return 0;
}

/* On by @size, aligned to it. */
static bool step(struct sp_walk *walk, unsigned long size)
{
	unsigned long end = walk->addr | (size - 1);

	if (end >= walk->last)
		return false;
	walk->addr = end + 1;
	return true;
}

bool sp_walk_on(struct sp_walk *walk)
{
	return step(walk, PMD_SIZE);
}

pmd_t *sp_walk(struct sp_walk *walk)
{
	unsigned long hole;
	pmd_t *pmd;

	do {
		hole = PMD_SIZE;
		if (walk->pmd_base != (walk->addr & PUD_MASK))
			hole = find_pmds(walk) ?: PMD_SIZE;
		if (!walk->pmd)
			continue;
		walk->looked++;
		pmd = &walk->pmd[pmd_index(walk->addr)];
		if (!has_table(pmd_flags(*pmd)))
			continue;
		note_table_of(walk, pmd);
		walk->addr &= PMD_MASK;
		return pmd;
	} while (step(walk, hole));
	return NULL;
}

pte_t *sp_walk_table(pmd_t pmd)
{
	return (pte_t *)pmd_page_vaddr(pmd);
}

unsigned long sp_walk_pfn(pgd_t *pgd, unsigned long addr)
{
	p4d_t *p4d = p4d_offset(pgd_offset_pgd(pgd, addr), addr);
	pud_t *pud;
	pmd_t *pmd;
	pte_t pte;

	if (!has_table(p4d_flags(*p4d)))
		return ULONG_MAX;
	pud = pud_offset(p4d, addr);
	if (!has_table(pud_flags(*pud)))
		return ULONG_MAX;
	pmd = pmd_offset(pud, addr);
	if (!has_table(pmd_flags(*pmd)))
		return ULONG_MAX;
	pte = READ_ONCE(sp_walk_table(*pmd)[pte_index(addr)]);
	return pte_present(pte) ? pte_pfn(pte) : ULONG_MAX;
}
