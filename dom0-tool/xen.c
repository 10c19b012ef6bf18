// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libxl_utils.h>

#include "msg.h"
#include "xen.h"

/* Domains that one call asks for. */
#define XEN_DOMAINS 256

static int xen_open_all(struct xen *xen, bool verbose)
{
	xen->log = (xentoollog_logger *)xtl_createlogger_stdiostream(
		stderr, verbose ? XTL_ERROR : XTL_CRITICAL, 0);
	if (!xen->log)
		return msg_error("out of memory");
	xen->xch = xc_interface_open(xen->log, NULL, 0);
	if (!xen->xch)
		return msg_error("cannot reach the hypervisor: %s; is this dom0 of a Xen host?",
				 strerror(errno));
	xen->fmem = xenforeignmemory_open(xen->log, 0);
	if (!xen->fmem)
		return msg_error(
			"cannot map memory of other domains: %s; is this dom0 of a Xen host?",
			strerror(errno));
	xen->xs = xs_open(0);
	if (!xen->xs)
		return msg_error("cannot reach xenstore: %s; is xenstored running?",
				 strerror(errno));
	if (libxl_ctx_alloc(&xen->ctx, LIBXL_VERSION, 0, xen->log))
		return msg_error("cannot set up libxl; is xenstored running?");
	return 0;
}

int xen_open(struct xen *xen, bool verbose)
{
	memset(xen, 0, sizeof(*xen));
	if (geteuid())
		return msg_error("this needs root");
	if (xen_open_all(xen, verbose)) {
		xen_close(xen);
		return -1;
	}
	return 0;
}

void xen_close(struct xen *xen)
{
	if (xen->ctx)
		libxl_ctx_free(xen->ctx);
	if (xen->xs)
		xs_close(xen->xs);
	if (xen->fmem)
		xenforeignmemory_close(xen->fmem);
	if (xen->xch)
		xc_interface_close(xen->xch);
	if (xen->log)
		xtl_logger_destroy(xen->log);
	memset(xen, 0, sizeof(*xen));
}

int xen_find_domain(struct xen *xen, const char *name, uint32_t *domid)
{
	xc_domaininfo_t info;

	if (libxl_domain_qualifier_to_domid(xen->ctx, name, domid))
		return msg_error("there is no such domain; see 'xl list'");
	if (!*domid)
		return msg_error("dom0 is not a guest");
	if (xc_domain_getinfolist(xen->xch, *domid, 1, &info) != 1 || info.domain != *domid)
		return msg_error("there is no such domain; see 'xl list'");
	return 0;
}

int xen_each_domain(struct xen *xen, int (*visit)(struct xen *xen, uint32_t domid, void *arg),
		    void *arg)
{
	xc_domaininfo_t info[XEN_DOMAINS];
	uint32_t first = 1;
	int n, i, ret;

	do {
		n = xc_domain_getinfolist(xen->xch, first, XEN_DOMAINS, info);
		if (n < 0)
			return msg_error("cannot list the domains");
		for (i = 0; i < n; i++) {
			ret = visit(xen, info[i].domain, arg);
			if (ret)
				return ret;
			first = info[i].domain + 1;
		}
	} while (n == XEN_DOMAINS);
	return 0;
}
