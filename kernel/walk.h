/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page tables, found from a top-level table. Nothing may free them meanwhile:
 * either they are the kernel half's, or every CPU is stopped.
 */
#ifndef SP_WALK_H
#define SP_WALK_H

#include <linux/pgtable.h>

#include "bitmap.h"

/* The kernel half, behind the slots that are Xen's. */
#define SP_KERNEL_START 0xffff880000000000UL
#define SP_KERNEL_LAST ULONG_MAX
#define SP_USER_LAST (TASK_SIZE_MAX - 1)

/**
 * struct sp_walk - a walk over the entries of level 2 below a top-level table
 * @pgd: the top-level table
 * @addr: where to go on; after sp_walk(), where the entry found begins to map
 * @last: the last address of interest
 * @tables: where the pfns of the tables found go to, those of level 1 too
 * @looked: entries of any level looked at since the caller set it to 0
 * @pud: the level-3 table that maps @pud_base, NULL if there is none
 * @pud_base: where it begins to map; no such address if it is not known
 * @pmd: the level-2 table that maps @pmd_base, NULL if there is none
 * @pmd_base: the same for it
 */
struct sp_walk {
	pgd_t *pgd;
	unsigned long addr;
	unsigned long last;
	struct sp_bitmap *tables;
	unsigned long looked;
	pud_t *pud;
	unsigned long pud_base;
	pmd_t *pmd;
	unsigned long pmd_base;
};

void sp_walk_start(struct sp_walk *walk, pgd_t *pgd, unsigned long first, unsigned long last,
		   struct sp_bitmap *tables);

/* The next entry from walk->addr on that names a table, NULL if there is none. */
pmd_t *sp_walk(struct sp_walk *walk);

/* Behind the entry found; false if that was the last of interest. */
bool sp_walk_on(struct sp_walk *walk);

/* To be called when the tables may have changed since the last call. */
void sp_walk_forget(struct sp_walk *walk);

/* The table that an entry names which sp_walk() found. */
pte_t *sp_walk_table(pmd_t pmd);

/* The pfn that @addr is mapped to, ULONG_MAX if to none. */
unsigned long sp_walk_pfn(pgd_t *pgd, unsigned long addr);

#endif /* SP_WALK_H */
