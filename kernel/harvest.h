/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The dirty bits of the guest's page tables.
 *
 * The processor sets them in a PV guest's own tables; clearing one takes a
 * hypercall. In the kernel half nobody else looks at them. In a user mapping
 * reclaim and writeback do, so that a bit is cleared only where the page's own
 * PG_dirty says the same; set it is where the kernel would do no more than that
 * itself (anonymous memory and shmem), and any other bit stays: the page is in the
 * set whenever its table was accessed. Soft-dirty bits, which a process may clear,
 * play no part.
 *
 * On its way to an entry the processor sets the accessed bit of the one of level
 * 2 above. A harvest clears these too, and flushes the TLBs before it looks at the
 * tables below: a table whose bit is clear at the next set has no entry that was
 * written by since, not even by the harvest, and is not looked at. Who moves
 * entries between a process's tables must tell of it (&struct
 * sp_harvest_maps.moved).
 */
#ifndef SP_HARVEST_H
#define SP_HARVEST_H

#include <linux/limits.h>
#include <linux/list.h>
#include <linux/types.h>

#include "bitmap.h"
#include "walk.h"

/**
 * struct sp_harvest_maps - bitmaps of pfns; all but @set belong to the epoch
 * @set: where the pages found go to, and all page tables
 * @tables: the page tables that were there at the last set; the hypervisor may have
 *	written what is none any more
 * @moved: top-level tables of which entries were moved since they were looked at
 * @seen: top-level tables done
 */
struct sp_harvest_maps {
	struct sp_bitmap set;
	struct sp_bitmap tables;
	struct sp_bitmap moved;
	struct sp_bitmap seen;
};

/**
 * enum sp_harvest_mode - what a harvest does
 * @SP_HARVEST_FIRST: look at all tables; clear the bits that are found
 * @SP_HARVEST_NEXT: look at those accessed; clear the bits that are found
 * @SP_HARVEST_LAST: look at those accessed
 */
enum sp_harvest_mode {
	SP_HARVEST_FIRST,
	SP_HARVEST_NEXT,
	SP_HARVEST_LAST,
};

/**
 * struct sp_harvest - how far one harvest has come
 * @maps: the bitmaps
 * @mode: what it does
 * @err: 0, -EAGAIN if the guest grew beyond the bitmaps, or the negative errno of a
 *	page table update that failed
 * @done: all is done
 * @user: the kernel half is done
 * @ended: the walk through one top-level table is
 * @all: look at all of its tables
 * @cleared: entries were cleared in this slice
 * @pgd: pfn of the user top-level table that is under way
 * @top: where it is in the list; NULL if it is to be found again
 * @walk: where in it, or in the kernel half
 * @table: the last that was found; the kernel half names some many times in a row
 * @work: what this slice may still do, in entries looked at
 */
struct sp_harvest {
	struct sp_harvest_maps *maps;
	enum sp_harvest_mode mode;
	int err;
	bool done;
	bool user;
	bool ended;
	bool all;
	bool cleared;
	unsigned long pgd;
	struct list_head *top;
	struct sp_walk walk;
	const pte_t *table;
	long work;
};

/* A slice of about half a millisecond, on a processor of the 2020s. */
#define SP_HARVEST_SLICE (256L * PTRS_PER_PTE)
#define SP_HARVEST_ALL LONG_MAX

void sp_harvest_start(struct sp_harvest *h, struct sp_harvest_maps *maps,
		      enum sp_harvest_mode mode);

/**
 * sp_harvest_slice() - goes on until it is done, or has failed, or for a while
 * @h: from sp_harvest_start()
 * @work: for how long: SP_HARVEST_SLICE or SP_HARVEST_ALL
 *
 * Every other CPU is stopped, interrupts are off. What runs between two slices
 * may change the tables. A slice that cleared bits ends with a flush of the TLBs: a
 * processor that holds an entry as dirty goes on writing by it, and does not set
 * the bit again; and the kernel takes a clean user entry as a promise that the
 * processor looks at it again before it writes (see try_to_unmap_one()).
 */
void sp_harvest_slice(struct sp_harvest *h, long work);

#endif /* SP_HARVEST_H */
