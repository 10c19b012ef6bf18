// SPDX-License-Identifier: GPL-2.0
/* What a domain lets others write, by its grant table. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "domain_xen.h"
#include "page.h"

#define GRANTS_PER_PAGE (PAGE_BYTES / sizeof(grant_entry_v1_t))

/* The guest writes the table at any time. */
static int grants_read(const volatile grant_entry_v1_t *table, size_t entries, uint64_t **mfns,
		       size_t *n)
{
	uint16_t flags;
	size_t i;

	*n = 0;
	*mfns = malloc(entries * sizeof(**mfns));
	if (!*mfns)
		return -ENOMEM;
	for (i = 0; i < entries; i++) {
		flags = table[i].flags;
		if ((flags & GTF_type_mask) == GTF_permit_access && !(flags & GTF_readonly))
			(*mfns)[(*n)++] = table[i].frame;
	}
	return 0;
}

int domain_xen_granted(struct domain *dom, uint64_t **mfns, size_t *n)
{
	struct xen *xen = ((struct domain_xen *)dom)->xen;
	struct gnttab_query_size query = { .dom = dom->domid };
	xenforeignmemory_resource_handle *resource;
	void *table = NULL;
	int ret;

	if (xc_gnttab_get_version(xen->xch, dom->domid) != 1)
		return -EOPNOTSUPP;
	if (xc_gnttab_query_size(xen->xch, &query) || query.status != GNTST_okay)
		return -EIO;
	/* Not more than there are, as that would make the table grow. */
	resource = xenforeignmemory_map_resource(xen->fmem, dom->domid, XENMEM_resource_grant_table,
						 XENMEM_resource_grant_table_id_shared, 0,
						 query.nr_frames, &table, PROT_READ, 0);
	if (!resource)
		return -errno;
	ret = grants_read(table, query.nr_frames * GRANTS_PER_PAGE, mfns, n);
	xenforeignmemory_unmap_resource(xen->fmem, resource);
	return ret;
}
