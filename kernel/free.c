// SPDX-License-Identifier: GPL-2.0
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/printk.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include <asm/msr.h>
#include <asm/tsc.h>

#include "bitmap.h"
#include "control.h"
#include "decide.h"
#include "directory.h"
#include "extras.h"
#include "free.h"
#include "symbols.h"

/*
 * Blocks that are looked at for one map, the largest first. Each costs a cache miss, so
 * that a walk takes some two milliseconds at most: 1 GiB that is free in
 * blocks of 4 MiB takes 256 of them, and one in single pages 262144.
 */
#define BLOCKS 16384

#define ORDERS ((int)(sizeof_field(struct zone, free_area) / sizeof(struct free_area)))

static struct sp_bitmap map;
/* Pages granted writable, free or not. */
static struct sp_bitmap granted;
static struct sp_directory dir;

static const char *impossible_because(void)
{
	if (page_poisoning_enabled_static())
		return "page_poison= is on, which wants to find its pattern in them";
	if (debug_pagealloc_enabled_static())
		return "debug_pagealloc= is on, which unmaps them";
	if (IS_ENABLED(CONFIG_KASAN) || IS_ENABLED(CONFIG_KMSAN))
		return "this kernel watches who reads them (KASAN, KMSAN)";
	/* There a task that sleeps may hold a zone's lock at the park. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return "this kernel is preemptible everywhere (PREEMPT_RT)";
	return NULL;
}

bool sp_free_is_possible(void)
{
	const char *why = impossible_because();

	if (why)
		pr_info("free pages are saved like others: %s\n", why);
	return !why;
}

void sp_free_prepare(void)
{
	unsigned long bits = *sp_sym.max_pfn;

	if (map.bits || impossible_because() || sp_extras_check())
		return;
	if (sp_bitmap_init(&map, bits) || sp_bitmap_init(&granted, bits) ||
	    sp_directory_init(&dir, &map))
		sp_free_release();
}

void sp_free_release(void)
{
	static const struct sp_free_report none;

	sp_control_free(&none);
	sp_directory_free(&dir);
	sp_bitmap_free(&granted);
	sp_bitmap_free(&map);
}

/* Adds a list's blocks, as far as @blocks goes; returns what is left of it. */
static unsigned int add_list(const struct list_head *list, unsigned int order, unsigned int blocks)
{
	struct page *page;

	list_for_each_entry(page, list, buddy_list) {
		if (!blocks)
			break;
		blocks--;
		sp_bitmap_fill(&map, page_to_pfn(page), 1UL << order);
	}
	return blocks;
}

/*
 * The lock is always taken with interrupts off: where every CPU is stopped none
 * is in the middle of it.
 */
static unsigned int add_zone(struct zone *zone, unsigned int order, unsigned int blocks)
{
	const struct free_area *area = &zone->free_area[order];
	unsigned long flags;
	unsigned int type;

	for (type = 0; type < ARRAY_SIZE(area->free_list) && blocks; type++) {
		spin_lock_irqsave(&zone->lock, flags);
		blocks = add_list(&area->free_list[type], order, blocks);
		spin_unlock_irqrestore(&zone->lock, flags);
	}
	return blocks;
}

static unsigned int add_order(unsigned int order, unsigned int blocks)
{
	struct zone *zone, *end;
	int node;

	for_each_online_node(node) {
		zone = NODE_DATA(node)->node_zones;
		for (end = zone + MAX_NR_ZONES; zone < end; zone++)
			if (populated_zone(zone))
				blocks = add_zone(zone, order, blocks);
	}
	return blocks;
}

void sp_free_note_grants(void)
{
	if (!map.bits)
		return;
	sp_bitmap_clear(&granted);
	sp_extras_add_granted(&granted);
}

void sp_free_walk(void)
{
	struct sp_free_report report = { .free_pfns = map.bits };
	unsigned int blocks = BLOCKS;
	u64 begin = rdtsc_ordered();
	int order;

	if (!map.bits)
		return;
	sp_bitmap_clear(&map);
	for (order = ORDERS - 1; order >= 0 && blocks; order--)
		blocks = add_order(order, blocks);
	/* Who may write one expects something of it. */
	sp_bitmap_subtract(&map, &granted);

	memcpy(report.free_dir, dir.pfn, sizeof(report.free_dir));
	report.free_pages = sp_bitmap_weight(&map);
	report.free_us = sp_cycles_to_us(rdtsc_ordered() - begin, tsc_khz);
	sp_control_free(&report);
}
