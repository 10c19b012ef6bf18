// SPDX-License-Identifier: GPL-2.0
#include <linux/limits.h>
#include <linux/mm.h>

#include "walk.h"

/* A large page has no table below it; a PV guest has none. */
static bool has_table(unsigned long flags)
{
	return (flags & (_PAGE_PRESENT | _PAGE_PSE)) == _PAGE_PRESENT;
}

/* The table that maps @addr, or NULL and how much there is none for. */
static pte_t *table_at(pgd_t *pgd, unsigned long addr, unsigned long *hole)
{
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

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
	if (!has_table(pud_flags(*pud)))
		return NULL;
	pmd = pmd_offset(pud, addr);
	*hole = PMD_SIZE;
	if (!has_table(pmd_flags(*pmd)))
		return NULL;
	return (pte_t *)pmd_page_vaddr(*pmd);
}

pte_t *sp_walk(pgd_t *pgd, unsigned long *addr, unsigned long last)
{
	unsigned long hole, end;
	pte_t *table;

	for (;;) {
		table = table_at(pgd, *addr, &hole);
		if (table) {
			*addr &= PMD_MASK;
			return table;
		}
		end = *addr | (hole - 1);
		if (end >= last)
			return NULL;
		*addr = end + 1;
	}
}

unsigned long sp_walk_pfn(pgd_t *pgd, unsigned long addr)
{
	unsigned long hole;
	pte_t *table = table_at(pgd, addr, &hole);
	pte_t pte;

	if (!table)
		return ULONG_MAX;
	pte = READ_ONCE(table[pte_index(addr)]);
	return pte_present(pte) ? pte_pfn(pte) : ULONG_MAX;
}
