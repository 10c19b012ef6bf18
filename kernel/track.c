// SPDX-License-Identifier: GPL-2.0
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/stop_machine.h>

#include <asm/msr.h>
#include <asm/tsc.h>

#include "bitmap.h"
#include "control.h"
#include "decide.h"
#include "directory.h"
#include "extras.h"
#include "harvest.h"
#include "hooks.h"
#include "symbols.h"
#include "track.h"
#include "walk.h"

/* The CPUs run at least as long between two slices. */
#define GAP_US 500

/**
 * struct track - an epoch
 * @report: what dom0 is told
 * @maps: the set that dom0 reads is one of them
 * @next: what hooks noted since the last set
 * @after: what they noted for the set after the next
 * @dir: where dom0 finds the set
 * @extras: only what the hypervisor's log does not see
 */
struct track {
	struct sp_tracking report;
	struct sp_harvest_maps maps;
	struct sp_bitmap next;
	struct sp_bitmap after;
	struct sp_directory dir;
	bool extras;
};

static struct track track;
static struct sp_harvest harvest;
static u32 last_epoch;

bool sp_track_is_on(void)
{
	return track.report.epoch;
}

static struct sp_bitmap *const bitmaps[] = {
	&track.maps.set,  &track.maps.tables, &track.maps.moved,
	&track.maps.seen, &track.next,	      &track.after,
};

static void free_track(void)
{
	unsigned int i;

	sp_directory_free(&track.dir);
	for (i = 0; i < ARRAY_SIZE(bitmaps); i++)
		sp_bitmap_free(bitmaps[i]);
	memset(&track, 0, sizeof(track));
}

static int make_bitmaps(unsigned long bits)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(bitmaps) && !err; i++)
		err = sp_bitmap_init(bitmaps[i], bits);
	return err;
}

static int start(bool extras)
{
	unsigned long bits = *sp_sym.max_pfn;
	int err = sp_extras_check();

	/* There a task may sleep between an entry that it cleared and the hook. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		err = -EOPNOTSUPP;
	if (!err)
		err = make_bitmaps(bits);
	if (!err)
		err = sp_directory_init(&track.dir, &track.maps.set);
	if (!err)
		err = sp_hooks_arm(&track.next, &track.after, &track.maps.moved, extras);
	if (err) {
		free_track();
		return err;
	}
	track.extras = extras;
	track.report.bitmap_pfns = bits;
	memcpy(track.report.bitmap_dir, track.dir.pfn, sizeof(track.dir.pfn));
	last_epoch += last_epoch == U32_MAX ? 2 : 1;
	track.report.epoch = last_epoch;
	return 0;
}

void sp_track_stop(void)
{
	if (!sp_track_is_on())
		return;
	sp_hooks_disarm();
	free_track();
	sp_control_tracking(&track.report);
}

void sp_track_exit(void)
{
	sp_hooks_exit();
}

/* What hooks noted, and what has no dirty bit. Every CPU is stopped. */
static void add_rest(void)
{
	sp_bitmap_move(&track.maps.set, &track.next);
	sp_bitmap_move(&track.next, &track.after);
}

static int slice(void *data)
{
	u64 begin = rdtsc_ordered(), us;

	if (!track.extras)
		sp_harvest_slice(&harvest, SP_HARVEST_SLICE);
	else
		harvest.done = true;
	if (harvest.done && !harvest.err) {
		/* The TLBs are flushed: no write comes behind what was noted until now. */
		add_rest();
		sp_extras_add(&track.maps.set, &track.next);
	}
	us = sp_cycles_to_us(rdtsc_ordered() - begin, tsc_khz);
	track.report.slice_max_us = max_t(u32, track.report.slice_max_us, us);
	track.report.slices++;
	return 0;
}

static void report_set(u64 begin)
{
	track.report.harvests++;
	track.report.set_pages = sp_bitmap_weight(&track.maps.set);
	track.report.hooks = sp_hooks_calls();
	track.report.harvest_us = sp_cycles_to_us(rdtsc_ordered() - begin, tsc_khz);
	sp_control_tracking(&track.report);
}

int sp_track_harvest(bool extras, bool (*go_on)(void))
{
	u64 begin = rdtsc_ordered();
	int err;

	if (!sp_track_is_on()) {
		err = start(extras);
		if (err)
			return err;
	}
	track.report.slice_max_us = 0;
	track.report.slices = 0;
	sp_bitmap_clear(&track.maps.set);
	sp_harvest_start(&harvest, &track.maps,
			 track.report.harvests ? SP_HARVEST_NEXT : SP_HARVEST_FIRST);
	for (;;) {
		stop_machine(slice, NULL, cpumask_of(0));
		if (!harvest.done && !harvest.err && !go_on())
			harvest.err = -ECANCELED;
		if (harvest.done || harvest.err)
			break;
		usleep_range(GAP_US, 2 * GAP_US);
	}
	if (harvest.err) {
		pr_warn("cannot make a set of dirty pages: %d\n", harvest.err);
		err = harvest.err;
		sp_track_stop();
		return err;
	}
	report_set(begin);
	return 0;
}

static void add_own(const struct sp_bitmap *map)
{
	unsigned long i;

	for (i = 0; i < map->pages; i++)
		sp_bitmap_set(&track.maps.set, PFN_DOWN(__pa(map->page[i])));
}

/* What is still written until the guest is in the loop, whatever its dirty bit. */
static void add_writer(void)
{
	unsigned long stack = (unsigned long)task_stack_page(current), offset;
	unsigned int i;

	for (offset = 0; offset < THREAD_SIZE; offset += PAGE_SIZE)
		sp_bitmap_set(&track.maps.set, sp_walk_pfn(sp_sym.init_top_pgt, stack + offset));
	for (i = 0; i < ARRAY_SIZE(bitmaps); i++)
		add_own(bitmaps[i]);
}

void sp_track_last_extras(void)
{
	if (!sp_track_is_on())
		return;
	sp_bitmap_clear(&track.maps.set);
	sp_extras_add(&track.maps.set, &track.next);
}

void sp_track_last(void)
{
	u64 begin = rdtsc_ordered();

	if (!sp_track_is_on())
		return;
	track.report.slices = 0;
	track.report.slice_max_us = 0;
	add_rest();
	add_writer();
	if (!track.extras) {
		sp_harvest_start(&harvest, &track.maps, SP_HARVEST_LAST);
		sp_harvest_slice(&harvest, SP_HARVEST_ALL);
	}
	report_set(begin);
}
