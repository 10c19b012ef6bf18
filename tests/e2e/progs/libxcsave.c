// SPDX-License-Identifier: GPL-2.0
/*
 * libxcsave DOMID FILE: libxc's own live save of a guest that parks itself.
 *
 * Something to measure against. libxc copies by the hypervisor's log of dirty
 * pages; where it wants the guest suspended, the guest is asked to park. libxc
 * takes a guest for suspended that the hypervisor knows to be shut down for
 * that, with registers that say "restored" in the image. Afterwards it is
 * resumed as after a suspend that was cancelled, which says "run on".
 * FILE gets libxc's stream alone, without libxl's envelope. On a CPU with XSAVE the
 * extended state of vCPU 0 would be lost; the lab has none.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenguest.h>
#include <xenstore.h>

#include <stillpoint/control.h>
#include <stillpoint/park.h>
#include <stillpoint/xenstore.h>

#include "util.h"

#define PARK_TIMEOUT_NS (20 * NS_PER_S)
#define DEADLINE_US 30000000ULL
#define POLL_NS (200 * NS_PER_US)

/**
 * struct guest - the domain and its control page
 * @suspended: it is shut down, as libxc wants it
 */
struct guest {
	xc_interface *xch;
	uint32_t domid;
	xenevtchn_handle *evtchn;
	xenevtchn_port_or_error_t port;
	const volatile struct stillpoint_guest_half *half;
	volatile struct stillpoint_host_half *host;
	bool suspended;
};

static uint32_t published(struct xs_handle *xs, uint32_t domid, const char *key)
{
	char path[128];
	unsigned int length;
	char *value;
	uint32_t n;

	snprintf(path, sizeof(path), "/local/domain/%u/%s/%s", domid, STILLPOINT_XS_DIR, key);
	value = xs_read(xs, XBT_NULL, path, &length);
	if (!value)
		die(errno, "%s", path);
	n = number(path, value, 0, UINT32_MAX);
	free(value);
	return n;
}

static void open_guest(struct guest *guest)
{
	struct xs_handle *xs = xs_open(0);
	xengnttab_handle *gnttab = xengnttab_open(NULL, 0);
	char *page;

	guest->xch = xc_interface_open(NULL, NULL, 0);
	guest->evtchn = xenevtchn_open(NULL, 0);
	if (!xs || !gnttab || !guest->xch || !guest->evtchn)
		die(errno, "cannot reach Xen");
	page = xengnttab_map_grant_ref(gnttab, guest->domid,
				       published(xs, guest->domid, STILLPOINT_XS_REF),
				       PROT_READ | PROT_WRITE);
	if (!page)
		die(errno, "cannot map the control page");
	guest->half = (void *)page;
	guest->host = (void *)(page + STILLPOINT_HOST_OFFSET);
	guest->port = xenevtchn_bind_interdomain(guest->evtchn, guest->domid,
						 published(xs, guest->domid, STILLPOINT_XS_PORT));
	if (guest->port < 0)
		die(errno, "cannot bind the event channel");
	xs_close(xs);
}

static bool park(struct guest *guest)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC);

	guest->host->op = STILLPOINT_OP_PARK;
	guest->host->cancel = 0;
	guest->host->deadline_us = DEADLINE_US;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	guest->host->request = guest->half->taken + 1;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	xenevtchn_notify(guest->evtchn, guest->port);
	while (guest->half->state != STILLPOINT_STATE_PARKED) {
		if (now_ns(CLOCK_MONOTONIC) - start > PARK_TIMEOUT_NS)
			return false;
		sleep_ns(POLL_NS);
	}
	return true;
}

/* True, with the domain paused and its registers in *regs, if it is in its loop. */
static bool pause_in_loop(struct guest *guest, vcpu_guest_context_any_t *regs)
{
	int i;

	for (i = 0; i < 100; i++) {
		if (xc_domain_pause(guest->xch, guest->domid))
			return false;
		if (!xc_vcpu_getcontext(guest->xch, guest->domid, 0, regs) &&
		    regs->x64.user_regs.rip >= guest->half->window_start &&
		    regs->x64.user_regs.rip < guest->half->window_end)
			return true;
		xc_domain_unpause(guest->xch, guest->domid);
		sleep_ns(POLL_NS);
	}
	return false;
}

/* 1 if libxc may take the rest, 0 if it must give up. */
static int suspend(void *data)
{
	static vcpu_guest_context_any_t regs;
	struct guest *guest = data;

	if (!park(guest)) {
		say("the guest does not park");
		return 0;
	}
	if (!pause_in_loop(guest, &regs)) {
		say("the guest is not in its loop");
		return 0;
	}
	regs.x64.user_regs.rax = STILLPOINT_RAX_RESTORED;
	guest->suspended = !xc_domain_shutdown(guest->xch, guest->domid, SHUTDOWN_suspend) &&
			   !xc_vcpu_setcontext(guest->xch, guest->domid, 0, &regs);
	xc_domain_unpause(guest->xch, guest->domid);
	return guest->suspended;
}

/* Sets rax to 1, which is what the guest waits for, and tells xenstored, which saw it go. */
static bool resume(struct guest *guest)
{
	struct xs_handle *xs = xs_open(0);
	bool ok;

	ok = xs && !xc_domain_resume(guest->xch, guest->domid, 1) &&
	     xs_resume_domain(xs, guest->domid);
	xs_close(xs);
	return ok;
}

int main(int argc, char **argv)
{
	struct guest guest = { 0 };
	struct save_callbacks callbacks = { .suspend = suspend, .data = &guest };
	bool ok;
	int fd;

	if (argc != 3 || !strcmp(argv[1], "--help")) {
		puts("usage: libxcsave DOMID FILE\n"
		     "Saves a guest that has stillpoint.ko with libxc's live save. Needs a hypervisor with a\n"
		     "log of dirty pages.");
		return argc == 2 ? 0 : 2;
	}
	guest.domid = number("DOMID", argv[1], 1, 0x7fef);
	open_guest(&guest);
	fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		die(errno, "%s", argv[2]);
	ok = !xc_domain_save(guest.xch, fd, guest.domid, XCFLAGS_LIVE, &callbacks, XC_STREAM_PLAIN,
			     -1);
	if (!ok)
		say("libxc cannot save the domain: %s", strerror(errno));
	if (guest.suspended && !resume(&guest))
		die(errno, "the guest cannot be resumed");
	if (fsync(fd) || close(fd))
		die(errno, "%s", argv[2]);
	return ok ? 0 : 1;
}
