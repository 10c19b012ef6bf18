// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include <stillpoint/xenstore.h>

#include "domain_xen.h"
#include "pool_export.h"

/* Below STILLPOINT_XS_DIR: what a module publishes that has pools. */
#define TMEM_PUBLISHED "tmem/" STILLPOINT_XS_TMEM_ABI

int domain_xen_tmem(struct domain *dom, bool ephemeral, struct pool_export **exp)
{
	char value[PUBLISH_VALUE_MAX + 1];
	bool used;

	used = domain_xen_publish_get(dom, TMEM_PUBLISHED, value) != -ENOENT;
	return pool_export_open(TMEM_SOCKET, dom->domid, ephemeral, used, exp);
}
