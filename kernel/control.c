// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/printk.h>

#include <xen/grant_table.h>
#include <xen/page.h>
#include <xen/xen.h>

#include "control.h"
#include "port.h"
#include "spin.h"

static struct page *page;
static struct stillpoint_guest_half *guest;
static struct stillpoint_host_half *host;
static grant_ref_t ref;
static struct sp_port port;

/* What is in the page, too, which dom0 can write: it is never read from there. */
static struct {
	u64 features;
	u64 generation;
	u64 checkpoints;
	u64 abandoned;
	u64 restores;
	u32 taken;
} own;

int sp_control_init(u64 features)
{
	BUILD_BUG_ON(sizeof(*guest) > STILLPOINT_HOST_OFFSET);
	BUILD_BUG_ON(STILLPOINT_HOST_OFFSET + sizeof(*host) > STILLPOINT_CONTROL_SIZE);
	BUILD_BUG_ON(STILLPOINT_CONTROL_SIZE != XEN_PAGE_SIZE);

	page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!page)
		return -ENOMEM;
	guest = page_address(page);
	host = page_address(page) + STILLPOINT_HOST_OFFSET;

	guest->abi_version = STILLPOINT_ABI_VERSION;
	own.features = features;
	guest->features = features;
	guest->window_start = (unsigned long)stillpoint_window_start;
	guest->window_end = (unsigned long)stillpoint_window_end;
	guest->magic = STILLPOINT_CONTROL_MAGIC;
	return 0;
}

void sp_control_exit(void)
{
	put_page(page);
}

int sp_control_connect(void (*event)(void))
{
	int err;

	memset(host, 0, sizeof(*host));
	err = gnttab_grant_foreign_access(SP_DOM0, virt_to_gfn(guest), 0);
	if (err < 0)
		return err;
	ref = err;
	err = sp_port_open(&port, "stillpoint", event);
	if (err)
		gnttab_end_foreign_access(ref, NULL);
	return err;
}

void sp_control_disconnect(void)
{
	sp_port_close(&port);
	/* The reference that gnttab drops, now or when dom0 has unmapped the page. */
	get_page(page);
	gnttab_end_foreign_access(ref, page);
}

u32 sp_control_ref(void)
{
	return ref;
}

u64 sp_control_features(void)
{
	return own.features;
}

u32 sp_control_port(void)
{
	return port.port;
}

void sp_control_read(struct sp_ask *ask)
{
	/* Pairs with dom0's release: it writes the number last. */
	ask->request = smp_load_acquire(&host->request);
	ask->op = READ_ONCE(host->op);
	ask->cancel = READ_ONCE(host->cancel);
	ask->flags = READ_ONCE(host->flags);
	ask->deadline_us = READ_ONCE(host->deadline_us);
	ask->lease_us = READ_ONCE(host->lease_us);
}

bool sp_control_is_cancelled(u32 number)
{
	return READ_ONCE(host->cancel) == number;
}

u64 sp_control_signs(void)
{
	return (u64)READ_ONCE(host->request) << 32 | READ_ONCE(host->heartbeat);
}

void sp_control_notify(void)
{
	sp_port_notify(&port);
}

void sp_control_take(u32 number)
{
	own.taken = number;
	WRITE_ONCE(guest->taken, number);
	/* dom0 that sees the state sees the number. */
	smp_store_release(&guest->state, STILLPOINT_STATE_PREPARING);
}

u64 sp_control_next_generation(void)
{
	own.generation++;
	WRITE_ONCE(guest->generation, own.generation);
	return own.generation;
}

void sp_control_parked(void)
{
	/* Canonical memory first: whoever sees the state may copy. */
	smp_store_release(&guest->state, STILLPOINT_STATE_PARKED);
	sp_control_notify();
}

void sp_control_left(const struct sp_park_times *times)
{
	WRITE_ONCE(guest->last_park_us, times->all);
	WRITE_ONCE(guest->park_stop_us, times->stop);
	WRITE_ONCE(guest->park_run_us, times->run);
	/* dom0 that sees the state sees the times. */
	smp_store_release(&guest->state, STILLPOINT_STATE_RESUMING);
}

void sp_control_tracking(const struct sp_tracking *tracking)
{
	unsigned int i;

	WRITE_ONCE(guest->epoch, tracking->epoch);
	WRITE_ONCE(guest->harvests, tracking->harvests);
	WRITE_ONCE(guest->bitmap_pfns, tracking->bitmap_pfns);
	WRITE_ONCE(guest->set_pages, tracking->set_pages);
	WRITE_ONCE(guest->harvest_us, tracking->harvest_us);
	WRITE_ONCE(guest->slice_max_us, tracking->slice_max_us);
	WRITE_ONCE(guest->slices, tracking->slices);
	WRITE_ONCE(guest->hooks, tracking->hooks);
	for (i = 0; i < STILLPOINT_DIRS; i++)
		WRITE_ONCE(guest->bitmap_dir[i], tracking->bitmap_dir[i]);
}

void sp_control_free(const struct sp_free_report *report)
{
	unsigned int i;

	WRITE_ONCE(guest->free_pfns, report->free_pfns);
	WRITE_ONCE(guest->free_pages, report->free_pages);
	WRITE_ONCE(guest->free_us, report->free_us);
	for (i = 0; i < STILLPOINT_DIRS; i++)
		WRITE_ONCE(guest->free_dir[i], report->free_dir[i]);
}

void sp_control_done(enum stillpoint_result result, int err)
{
	switch (result) {
	case STILLPOINT_RESULT_CHECKPOINT:
		own.checkpoints++;
		WRITE_ONCE(guest->checkpoints, own.checkpoints);
		break;
	case STILLPOINT_RESULT_ABANDONED:
		own.abandoned++;
		WRITE_ONCE(guest->abandoned, own.abandoned);
		break;
	case STILLPOINT_RESULT_RESTORED:
		own.restores++;
		WRITE_ONCE(guest->restores, own.restores);
		break;
	default:
		break;
	}
	WRITE_ONCE(guest->result, result);
	WRITE_ONCE(guest->error, -err);
	WRITE_ONCE(guest->state, STILLPOINT_STATE_IDLE);
	/* dom0 that sees the number sees the result. */
	smp_store_release(&guest->done, own.taken);
	sp_control_notify();
}

void sp_control_stats(struct stillpoint_guest_half *stats)
{
	*stats = *guest;
}
