// SPDX-License-Identifier: GPL-2.0
#include <linux/gfp.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>

#include <xen/grant_table.h>
#include <xen/page.h>

#include "port.h"
#include "quiesce.h"

static struct stillpoint_quiesce_guest *guest;
static struct stillpoint_quiesce_host *host;
static char *report;
static struct sp_port port;
static grant_ref_t ref;

/* What is in the page, too, which dom0 can write: it is never read from there. */
static u32 report_bytes;
static grant_ref_t report_ref[STILLPOINT_REPORT_PAGES];

int sp_quiesce_init(void)
{
	BUILD_BUG_ON(sizeof(*guest) > STILLPOINT_QUIESCE_HOST_OFFSET);
	BUILD_BUG_ON(STILLPOINT_QUIESCE_HOST_OFFSET + sizeof(*host) > STILLPOINT_QUIESCE_SIZE);
	BUILD_BUG_ON(STILLPOINT_QUIESCE_SIZE != XEN_PAGE_SIZE);

	guest = (void *)get_zeroed_page(GFP_KERNEL);
	report = alloc_pages_exact(STILLPOINT_REPORT_BYTES, GFP_KERNEL | __GFP_ZERO);
	if (!guest || !report) {
		sp_quiesce_exit();
		return -ENOMEM;
	}
	host = (void *)guest + STILLPOINT_QUIESCE_HOST_OFFSET;
	guest->version = STILLPOINT_QUIESCE_VERSION;
	guest->magic = STILLPOINT_QUIESCE_MAGIC;
	return 0;
}

void sp_quiesce_exit(void)
{
	free_page((unsigned long)guest);
	if (report)
		free_pages_exact(report, STILLPOINT_REPORT_BYTES);
}

/* Once the page is nobody's any more. */
static void end_grant(grant_ref_t grant, void *addr)
{
	struct page *page = virt_to_page(addr);

	/* The reference that gnttab drops, now or when dom0 has unmapped the page. */
	get_page(page);
	gnttab_end_foreign_access(grant, page);
}

static void end_report_grants(unsigned int number)
{
	while (number--)
		end_grant(report_ref[number], report + number * XEN_PAGE_SIZE);
}

static int grant_report(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < STILLPOINT_REPORT_PAGES; i++) {
		err = gnttab_grant_foreign_access(SP_DOM0, virt_to_gfn(report + i * XEN_PAGE_SIZE),
						  1);
		if (err < 0) {
			end_report_grants(i);
			return err;
		}
		report_ref[i] = err;
		WRITE_ONCE(guest->report_ref[i], err);
	}
	return 0;
}

void sp_quiesce_forget(void)
{
	memset(host, 0, STILLPOINT_QUIESCE_SIZE - STILLPOINT_QUIESCE_HOST_OFFSET);
}

int sp_quiesce_connect(void (*event)(void))
{
	int err;

	sp_quiesce_forget();
	err = grant_report();
	if (err)
		return err;
	err = gnttab_grant_foreign_access(SP_DOM0, virt_to_gfn(guest), 0);
	if (err < 0)
		goto err_report;
	ref = err;
	err = sp_port_open(&port, "stillpoint-quiesce", event);
	if (err)
		goto err_ref;
	return 0;

err_ref:
	end_grant(ref, guest);
err_report:
	end_report_grants(STILLPOINT_REPORT_PAGES);
	return err;
}

void sp_quiesce_disconnect(void)
{
	sp_port_close(&port);
	end_grant(ref, guest);
	end_report_grants(STILLPOINT_REPORT_PAGES);
}

u32 sp_quiesce_ref(void)
{
	return ref;
}

u32 sp_quiesce_port(void)
{
	return port.port;
}

void sp_quiesce_read(struct sp_wish *wish)
{
	/* Pairs with dom0's release: it writes the number last. */
	wish->request = smp_load_acquire(&host->request);
	wish->op = READ_ONCE(host->op);
	wish->thaw = READ_ONCE(host->thaw);
	wish->heartbeat = READ_ONCE(host->heartbeat);
	wish->prepare_us = clamp_t(u64, READ_ONCE(host->prepare_us), STILLPOINT_PREPARE_MIN_US,
				   STILLPOINT_PREPARE_MAX_US);
	wish->hold_us = clamp_t(u64, READ_ONCE(host->hold_us), STILLPOINT_HOLD_MIN_US,
				STILLPOINT_HOLD_MAX_US);
	wish->lease_us = clamp_t(u64, READ_ONCE(host->lease_us), STILLPOINT_QUIESCE_LEASE_MIN_US,
				 STILLPOINT_QUIESCE_LEASE_MAX_US);
}

u32 sp_quiesce_excludes(char *to)
{
	u32 bytes = min_t(u32, READ_ONCE(host->excludes_bytes), STILLPOINT_EXCLUDES_BYTES);

	memcpy(to, host->excludes, bytes);
	if (bytes)
		to[bytes - 1] = '\0';
	return bytes;
}

struct stillpoint_quiesce_guest *sp_quiesce_page(void)
{
	return guest;
}

void sp_quiesce_state(enum stillpoint_quiesce_state state)
{
	/* dom0 that sees the state sees what led there. */
	smp_store_release(&guest->state, state);
	sp_port_notify(&port);
}

void sp_quiesce_report_start(void)
{
	report_bytes = 0;
	WRITE_ONCE(guest->report_bytes, 0);
}

int sp_quiesce_report_add(const char *text, size_t bytes)
{
	if (bytes > STILLPOINT_REPORT_BYTES - report_bytes)
		return -ENOSPC;
	memcpy(report + report_bytes, text, bytes);
	report_bytes += bytes;
	/* dom0 that sees the length sees the text. */
	smp_store_release(&guest->report_bytes, report_bytes);
	return 0;
}
