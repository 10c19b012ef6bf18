// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* ppoll */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

#include "msg.h"
#include "shared_page.h"

int shared_page_map(struct shared_page *sp, struct domain_xen *dx, const char *what, uint32_t ref,
		    bool write)
{
	memset(sp, 0, sizeof(*sp));
	sp->port = -1;
	sp->gnttab = xengnttab_open(dx->xen->log, 0);
	if (!sp->gnttab)
		return msg_error("cannot open the grant device: %s; load xen-gntdev",
				 strerror(errno));
	sp->page = xengnttab_map_grant_ref(sp->gnttab, dx->dom.domid, ref,
					   write ? PROT_READ | PROT_WRITE : PROT_READ);
	if (!sp->page)
		return msg_error(
			"cannot map the %s page (grant %u): %s; reload the module in the guest",
			what, ref, strerror(errno));
	return 0;
}

int shared_page_bind(struct shared_page *sp, struct domain_xen *dx, uint32_t port)
{
	sp->evtchn = xenevtchn_open(dx->xen->log, 0);
	if (!sp->evtchn)
		return msg_error("cannot open the event channel device: %s; load xen-evtchn",
				 strerror(errno));
	sp->port = xenevtchn_bind_interdomain(sp->evtchn, dx->dom.domid, port);
	if (sp->port < 0)
		return msg_error(
			"cannot bind the module's event channel (port %u): %s; reload the module in the guest",
			port, strerror(errno));
	return 0;
}

int shared_page_notify(struct shared_page *sp)
{
	return xenevtchn_notify(sp->evtchn, sp->port) ? -errno : 0;
}

int shared_page_wait(struct shared_page *sp, uint64_t us)
{
	struct timespec ts = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
	struct pollfd pfd = { .fd = xenevtchn_fd(sp->evtchn), .events = POLLIN };
	xenevtchn_port_or_error_t port;
	int ret;

	ret = ppoll(&pfd, 1, &ts, NULL);
	if (ret < 0)
		return -errno;
	if (!ret)
		return 0;
	port = xenevtchn_pending(sp->evtchn);
	if (port < 0 || xenevtchn_unmask(sp->evtchn, port))
		return -errno;
	return 0;
}

void shared_page_close(struct shared_page *sp)
{
	if (sp->evtchn) {
		if (sp->port >= 0)
			xenevtchn_unbind(sp->evtchn, sp->port);
		xenevtchn_close(sp->evtchn);
	}
	if (sp->page)
		xengnttab_unmap(sp->gnttab, sp->page, 1);
	if (sp->gnttab)
		xengnttab_close(sp->gnttab);
	memset(sp, 0, sizeof(*sp));
	sp->port = -1;
}
