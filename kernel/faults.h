/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A module that misses pages on purpose, to see that the audit finds them:
 * make modules SP_BREAK=tlb, user, grants, tables or moved. Any other module does not.
 */
#ifndef SP_FAULTS_H
#define SP_FAULTS_H

#include <linux/types.h>

enum sp_fault {
	SP_FAULT_none,
	SP_FAULT_tlb,	 /* the TLBs are not flushed */
	SP_FAULT_user,	 /* user mappings are not looked at */
	SP_FAULT_grants, /* grants that were ended are forgotten */
	SP_FAULT_tables, /* page tables are forgotten */
	SP_FAULT_moved,	 /* that entries were moved is forgotten */
};

#ifndef SP_BREAK
#define SP_BREAK SP_FAULT_none
#endif

static inline bool sp_is_broken(enum sp_fault fault)
{
	return fault == SP_BREAK;
}

#endif /* SP_FAULTS_H */
