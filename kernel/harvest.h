/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The dirty bits of the guest's page tables.
 *
 * The processor sets them in a PV guest's own tables; clearing one takes a
 * hypercall. In the kernel half nobody else looks at them. In a user mapping
 * reclaim and writeback do, so that a bit is cleared only where the page's own
 * PG_dirty says the same; set it is where the kernel would do no more than that
 * itself (anonymous memory and shmem), and any other bit stays, and with it the
 * page in the set. Soft-dirty bits, which a process may clear, play no part.
 */
#ifndef SP_HARVEST_H
#define SP_HARVEST_H

#include <linux/limits.h>
#include <linux/types.h>

#include "bitmap.h"
#include "walk.h"

/**
 * struct sp_harvest - how far one harvest has come
 * @set: where the pages found go to
 * @seen: top-level tables done, by pfn
 * @clear: clear the dirty bits that are found
 * @err: 0, or the negative errno of a page table update that failed
 * @user: the kernel half is done
 * @done: all is done
 * @pgd: pfn of the user top-level table that is under way
 * @walk: where in it, or in the kernel half
 * @cleared: user entries were cleared in this slice
 * @table: the last that was looked at; the kernel half names some many times in a row
 * @work: what this slice may still do, in the time that a table takes to look at
 */
struct sp_harvest {
	struct sp_bitmap *set;
	struct sp_bitmap *seen;
	bool clear;
	bool cleared;
	int err;
	bool user;
	bool done;
	unsigned long pgd;
	struct sp_walk walk;
	const pte_t *table;
	long work;
};

/* A slice of about half a millisecond, on a processor of the 2020s. */
#define SP_HARVEST_SLICE 256
#define SP_HARVEST_ALL LONG_MAX

void sp_harvest_start(struct sp_harvest *h, struct sp_bitmap *set, struct sp_bitmap *seen,
		      bool clear);

/**
 * sp_harvest_slice() - goes on until it is done, or has failed, or for a while
 * @h: from sp_harvest_start()
 * @work: for how long: SP_HARVEST_SLICE or SP_HARVEST_ALL
 *
 * Every other CPU is stopped, interrupts are off. What runs between two slices
 * may change the tables. Where bits are cleared, the TLBs are flushed at the end: a
 * processor that holds an entry as dirty goes on writing by it, and does not set
 * the bit again. They are flushed in each slice that cleared user entries, too: the
 * kernel takes a clean entry as a promise that the processor looks at it again
 * before it writes (see try_to_unmap_one()).
 */
void sp_harvest_slice(struct sp_harvest *h, long work);

#endif /* SP_HARVEST_H */
