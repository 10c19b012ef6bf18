/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pages that somebody writes without any dirty bit of the guest's: the
 * hypervisor through mappings of its own, and backends through grants.
 */
#ifndef SP_EXTRAS_H
#define SP_EXTRAS_H

#include "bitmap.h"

/* 0, or -EOPNOTSUPP if the grant table is not of version 1. */
int sp_extras_check(void);

/*
 * Adds what the hypervisor writes, and the pages granted writable now; these
 * also to @again, for the set after this: a backend may go on until their
 * grant has ended. The grant table must be mapped.
 */
void sp_extras_add(struct sp_bitmap *set, struct sp_bitmap *again);

/* Adds the pages granted writable now to @map. The grant table must be mapped. */
void sp_extras_add_granted(struct sp_bitmap *map);

/* The pfn that grant @ref lets its holder write, ULONG_MAX if none. Any context. */
unsigned long sp_extras_granted(unsigned int ref);

#endif /* SP_EXTRAS_H */
