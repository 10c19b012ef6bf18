// SPDX-License-Identifier: GPL-2.0
#include <linux/limits.h>
#include <linux/mm.h>

#include "walk.h"

/* A large page has no table below it; a PV guest has none. */
static bool has_table(unsigned long flags)
{
	return (flags & (_PAGE_PRESENT | _PAGE_PSE)) == _PAGE_PRESENT;
}

/* The level-2 table that maps @addr, or NULL and how much there is none for. */
static pmd_t *pmds_at(pgd_t *pgd, unsigned long addr, unsigned long *hole)
{
	p4d_t *p4d;
	pud_t *pud;

	pgd = pgd_offset_pgd(pgd, addr);
	*hole = PGDIR_SIZE;
	if (pgd_none(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	*hole = P4D_SIZE;
	if (!has_table(p4d_flags(*p4d)))
		return NULL;
	pud = pud_offset(p4d, addr);
	*hole = PUD_SIZE;
	return has_table(pud_flags(*pud)) ? pmd_offset(pud, addr & PUD_MASK) : NULL;
}

/* The level-1 table that @pmd names, or NULL. */
static pte_t *table_of(pmd_t pmd)
{
	return has_table(pmd_flags(pmd)) ? (pte_t *)pmd_page_vaddr(pmd) : NULL;
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

pte_t *sp_walk(struct sp_walk *walk)
{
	unsigned long hole;
	pte_t *table;

	do {
		if (!walk->pmd || (walk->addr & PUD_MASK) != walk->pmd_base) {
			walk->pmd = pmds_at(walk->pgd, walk->addr, &hole);
			walk->pmd_base = walk->addr & PUD_MASK;
		}
		if (walk->pmd) {
			hole = PMD_SIZE;
			table = table_of(walk->pmd[pmd_index(walk->addr)]);
			if (table) {
				walk->addr &= PMD_MASK;
				return table;
			}
		}
	} while (step(walk, hole));
	return NULL;
}

unsigned long sp_walk_pfn(pgd_t *pgd, unsigned long addr)
{
	unsigned long hole;
	pmd_t *pmd = pmds_at(pgd, addr, &hole);
	pte_t *table = pmd ? table_of(pmd[pmd_index(addr)]) : NULL;
	pte_t pte;

	if (!table)
		return ULONG_MAX;
	pte = READ_ONCE(table[pte_index(addr)]);
	return pte_present(pte) ? pte_pfn(pte) : ULONG_MAX;
}
