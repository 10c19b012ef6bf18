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
 * sp_walk() - finds the next level-1 table
 * @pgd: top-level table
 * @addr: where to begin; on return, where the table found begins to map
 * @last: the last address of interest
 *
 * Return: the table, or NULL if there is none up to @last.
 */
pte_t *sp_walk(pgd_t *pgd, unsigned long *addr, unsigned long last);

/* The pfn that @addr is mapped to, ULONG_MAX if to none. */
unsigned long sp_walk_pfn(pgd_t *pgd, unsigned long addr);

#endif /* SP_WALK_H */
