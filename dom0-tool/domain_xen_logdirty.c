// SPDX-License-Identifier: GPL-2.0
/* The hypervisor's log of dirty pages. */
#include <errno.h>
#include <string.h>

#include "domain_xen.h"
#include "page.h"

static int logdirty_clean(xc_interface *xch, uint32_t domid, uint64_t *bitmap, uint64_t pfns)
{
	size_t bytes = (pfns + 63) / 64 * sizeof(*bitmap);
	DECLARE_HYPERCALL_BUFFER(uint64_t, buffer);
	xc_shadow_op_stats_t stats;
	long long got;
	int ret = 0;

	buffer =
		xc_hypercall_buffer_alloc_pages(xch, buffer, (bytes + PAGE_BYTES - 1) / PAGE_BYTES);
	if (!buffer)
		return -ENOMEM;
	got = xc_logdirty_control(xch, domid, XEN_DOMCTL_SHADOW_OP_CLEAN, HYPERCALL_BUFFER(buffer),
				  pfns, 0, &stats);
	if (got < 0)
		ret = -errno;
	else if ((uint64_t)got != pfns)
		ret = -ENODATA;
	else
		memcpy(bitmap, buffer, bytes);
	xc_hypercall_buffer_free_pages(xch, buffer, (bytes + PAGE_BYTES - 1) / PAGE_BYTES);
	/* The hypervisor writes whole bytes. */
	if (!ret && pfns % 64)
		bitmap[pfns / 64] &= (UINT64_C(1) << pfns % 64) - 1;
	return ret;
}

int domain_xen_logdirty(struct domain *dom, enum domain_logdirty op, uint64_t *bitmap,
			uint64_t pfns)
{
	xc_interface *xch = ((struct domain_xen *)dom)->xen->xch;
	unsigned int shadow_op = op == DOMAIN_LOGDIRTY_ON ? XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY :
							    XEN_DOMCTL_SHADOW_OP_OFF;

	if (op == DOMAIN_LOGDIRTY_CLEAN)
		return logdirty_clean(xch, dom->domid, bitmap, pfns);
	return xc_shadow_control(xch, dom->domid, shadow_op, NULL, 0) < 0 ? -errno : 0;
}
