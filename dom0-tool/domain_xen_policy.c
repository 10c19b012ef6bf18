// SPDX-License-Identifier: GPL-2.0
/* CPUID and MSR policies, as XEN_DOMCTL_get_cpu_policy serialises them. */
#include <errno.h>
#include <string.h>

#include "domain_xen.h"

static int policy_get(xc_interface *xch, uint32_t domid, uint32_t nr_leaves, uint32_t nr_msrs,
		      struct blob *cpuid, struct blob *msrs)
{
	struct xen_domctl domctl = {
		.cmd = XEN_DOMCTL_get_cpu_policy,
		.domain = domid,
		.u.cpu_policy.nr_leaves = nr_leaves,
		.u.cpu_policy.nr_msrs = nr_msrs,
	};
	DECLARE_HYPERCALL_BUFFER(xen_cpuid_leaf_t, leaves);
	DECLARE_HYPERCALL_BUFFER(xen_msr_entry_t, entries);
	int ret = -ENOMEM;

	leaves = xc_hypercall_buffer_alloc(xch, leaves, nr_leaves * sizeof(*leaves));
	entries = xc_hypercall_buffer_alloc(xch, entries, nr_msrs * sizeof(*entries));
	if (!leaves || !entries)
		goto out;
	set_xen_guest_handle(domctl.u.cpu_policy.leaves, leaves);
	set_xen_guest_handle(domctl.u.cpu_policy.msrs, entries);
	ret = xc_domctl(xch, &domctl) < 0 ? -errno : 0;
	if (ret)
		goto out;
	cpuid->size = domctl.u.cpu_policy.nr_leaves * sizeof(*leaves);
	msrs->size = domctl.u.cpu_policy.nr_msrs * sizeof(*entries);
	cpuid->data = malloc(cpuid->size ? cpuid->size : 1);
	msrs->data = malloc(msrs->size ? msrs->size : 1);
	if (!cpuid->data || !msrs->data) {
		blob_free(cpuid);
		blob_free(msrs);
		ret = -ENOMEM;
		goto out;
	}
	memcpy(cpuid->data, leaves, cpuid->size);
	memcpy(msrs->data, entries, msrs->size);
out:
	xc_hypercall_buffer_free(xch, leaves);
	xc_hypercall_buffer_free(xch, entries);
	return ret;
}

int domain_xen_policy(struct domain *dom, struct blob *cpuid, struct blob *msrs)
{
	xc_interface *xch = ((struct domain_xen *)dom)->xen->xch;
	/* Without buffers the call tells the largest sizes. */
	struct xen_sysctl sysctl = { .cmd = XEN_SYSCTL_get_cpu_policy };

	if (xc_sysctl(xch, &sysctl) < 0)
		return -errno;
	return policy_get(xch, dom->domid, sysctl.u.cpu_policy.nr_leaves,
			  sysctl.u.cpu_policy.nr_msrs, cpuid, msrs);
}
