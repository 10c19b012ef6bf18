/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SP_COMPAT_PGTABLE_H
#define SP_COMPAT_PGTABLE_H

#include <linux/pgtable.h>

/*
 * What says in an entry that its page was written. Since 6.7 write protection
 * moves the processor's bit to one of the kernel's own.
 */
#ifdef _PAGE_SAVED_DIRTY
#define SP_PTE_DIRTY (_PAGE_DIRTY | _PAGE_SAVED_DIRTY)
#else
#define SP_PTE_DIRTY _PAGE_DIRTY
#endif

#endif /* SP_COMPAT_PGTABLE_H */
