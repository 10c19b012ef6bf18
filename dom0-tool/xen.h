/* SPDX-License-Identifier: GPL-2.0 */
/* Connections to the hypervisor and to xenstore. */
#ifndef STILLPOINT_XEN_H
#define STILLPOINT_XEN_H

#include <stdbool.h>

#include <libxl.h>
#include <xenctrl.h>
#include <xenforeignmemory.h>
#include <xenstore.h>
#include <xentoollog.h>

struct xen {
	xentoollog_logger *log;
	xc_interface *xch;
	xenforeignmemory_handle *fmem;
	struct xs_handle *xs;
	libxl_ctx *ctx;
};

/*
 * Open all. The libraries' own messages appear with @verbose only. Returns 0, or -1
 * with an error recorded that says what is missing (root, Xen, xenstore).
 */
int xen_open(struct xen *xen, bool verbose);

void xen_close(struct xen *xen);

/* Find a domain by its name or number. Returns 0, or -1 with an error recorded. */
int xen_find_domain(struct xen *xen, const char *name, uint32_t *domid);

/*
 * Call @visit with @arg for each domain but dom0, until it returns something else than 0, which is
 * returned then. Else 0, or -1 with an error recorded.
 */
int xen_each_domain(struct xen *xen, int (*visit)(struct xen *xen, uint32_t domid, void *arg),
		    void *arg);

#endif /* STILLPOINT_XEN_H */
