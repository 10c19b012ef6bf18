/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Level-1 page tables, found from a top-level table. Nothing may free the
 * tables meanwhile: either they are the kernel half's, or every CPU is stopped.
 */
#ifndef SP_WALK_H
#define SP_WALK_H

#include <linux/pgtable.h>

/* The kernel half, behind the slots that are Xen's. */
#define SP_KERNEL_START 0xffff880000000000UL
#define SP_KERNEL_LAST ULONG_MAX
#define SP_USER_LAST (TASK_SIZE_MAX - 1)

/**
 * struct sp_walk - a walk over the level-1 tables of a top-level table
 * @pgd: the top-level table
 * @addr: where to go on; after sp_walk(), where the table found begins to map
 * @last: the last address of interest
 * @pmd: the level-2 table that maps @pmd_base, NULL if it is not known
 * @pmd_base: where it begins to map
 */
struct sp_walk {
	pgd_t *pgd;
	unsigned long addr;
	unsigned long last;
	pmd_t *pmd;
	unsigned long pmd_base;
};

/* The next table from walk->addr on, NULL if there is none. */
pte_t *sp_walk(struct sp_walk *walk);

/* Behind the table found; false if that was the last of interest. */
bool sp_walk_on(struct sp_walk *walk);

/* To be called when the tables may have changed since the last call. */
static inline void sp_walk_forget(struct sp_walk *walk)
{
	walk->pmd = NULL;
}

/* The pfn that @addr is mapped to, ULONG_MAX if to none. */
unsigned long sp_walk_pfn(pgd_t *pgd, unsigned long addr);

#endif /* SP_WALK_H */
