// SPDX-License-Identifier: GPL-2.0
#include <linux/interrupt.h>
#include <linux/mm.h>

#include <xen/events.h>
#include <xen/grant_table.h>
#include <xen/page.h>
#include <xen/xen.h>

#include <asm/xen/hypercall.h>

#include "../symbols.h"
#include "window.h"

#define DOM0 0

/* The tmem page, the ring's, and the window's. */
enum {
	TMEM_PAGE,
	RING_PAGE,
	SLOT_PAGE,
	PAGES = SLOT_PAGE + SP_TMEM_SLOTS,
};

static struct page *pages[PAGES];
static grant_ref_t refs[PAGES];
static evtchn_port_t port;
static int irq;
static void (*on_event)(void);

static struct stillpoint_tmem_guest_half *guest(void)
{
	return page_address(pages[TMEM_PAGE]);
}

static struct stillpoint_tmem_store_half *store(void)
{
	return page_address(pages[TMEM_PAGE]) + STILLPOINT_TMEM_STORE_OFFSET;
}

static irqreturn_t window_event(int irq_nr, void *data)
{
	on_event();
	return IRQ_HANDLED;
}

/* The references that gnttab drops, now or when dom0 has unmapped the pages. */
static void end_pages(unsigned int count)
{
	while (count--) {
		gnttab_end_foreign_access(refs[count], pages[count]);
		pages[count] = NULL;
	}
}

static int grant_pages(void)
{
	unsigned int i;
	int ref;

	for (i = 0; i < PAGES; i++) {
		pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!pages[i]) {
			end_pages(i);
			return -ENOMEM;
		}
		ref = gnttab_grant_foreign_access(DOM0, xen_page_to_gfn(pages[i]), 0);
		if (ref < 0) {
			put_page(pages[i]);
			end_pages(i);
			return ref;
		}
		refs[i] = ref;
	}
	return 0;
}

static void fill_in(void)
{
	unsigned int i;

	guest()->abi_version = STILLPOINT_TMEM_ABI_VERSION;
	guest()->ring_ref = refs[RING_PAGE];
	guest()->slots = SP_TMEM_SLOTS;
	for (i = 0; i < SP_TMEM_SLOTS; i++)
		guest()->slot_ref[i] = refs[SLOT_PAGE + i];
	guest()->magic = STILLPOINT_TMEM_MAGIC;
}

static int alloc_port(void)
{
	struct evtchn_alloc_unbound alloc = { .dom = DOMID_SELF, .remote_dom = DOM0 };
	int err = HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &alloc);

	if (!err)
		port = alloc.port;
	return err;
}

int sp_window_open(void (*event)(void))
{
	int err;

	BUILD_BUG_ON(sizeof(struct stillpoint_tmem_guest_half) > STILLPOINT_TMEM_STORE_OFFSET);
	BUILD_BUG_ON(STILLPOINT_TMEM_PAGE_SIZE != XEN_PAGE_SIZE);

	on_event = event;
	err = grant_pages();
	if (err)
		return err;
	fill_in();
	err = alloc_port();
	if (err)
		goto err_pages;
	err = bind_evtchn_to_irqhandler(port, window_event, 0, "stillpoint-tmem", &port);
	if (err < 0)
		goto err_port;
	irq = err;
	return 0;

err_port:
	HYPERVISOR_event_channel_op(EVTCHNOP_close, &(struct evtchn_close){ .port = port });
err_pages:
	end_pages(PAGES);
	return err;
}

void sp_window_close(void)
{
	unbind_from_irqhandler(irq, &port);
	end_pages(PAGES);
}

int sp_window_open_again(void)
{
	unsigned int i;
	int err;

	guest()->session = 0;
	store()->session = 0;
	/* The references are the kernel's bookkeeping, which is as it was: they are ours. */
	for (i = 0; i < PAGES; i++)
		gnttab_grant_foreign_access_ref(refs[i], DOM0, xen_page_to_gfn(pages[i]), 0);
	err = alloc_port();
	if (!err)
		sp_sym.rebind_evtchn_irq(port, irq);
	return err;
}

u32 sp_window_ref(void)
{
	return refs[TMEM_PAGE];
}

u32 sp_window_port(void)
{
	return port;
}

void *sp_window_ring(void)
{
	return page_address(pages[RING_PAGE]);
}

void *sp_window_slot(unsigned int slot)
{
	return page_address(pages[SLOT_PAGE + slot]);
}

u32 sp_window_store_session(void)
{
	return READ_ONCE(store()->session);
}

void sp_window_set_session(u32 session)
{
	/* The store that sees the number sees the empty ring. */
	smp_store_release(&guest()->session, session);
}

void sp_window_notify(void)
{
	notify_remote_via_irq(irq);
}

bool sp_window_is_bound(void)
{
	struct evtchn_status status = { .dom = DOMID_SELF, .port = port };

	return !HYPERVISOR_event_channel_op(EVTCHNOP_status, &status) &&
	       status.status == EVTCHNSTAT_interdomain;
}
