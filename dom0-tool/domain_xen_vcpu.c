// SPDX-License-Identifier: GPL-2.0
/*
 * vCPU state, through the same domctls as libxc's saver (xg_sr_save_x86_pv.c), so
 * that its restorer takes the same bytes.
 */
#include <errno.h>
#include <string.h>

#include "domain_xen.h"

static xc_interface *vcpu_xch(struct domain *dom)
{
	return ((struct domain_xen *)dom)->xen->xch;
}

static int blob_copy(struct blob *b, const void *data, size_t size)
{
	blob_free(b);
	if (!size)
		return 0;
	b->data = malloc(size);
	if (!b->data)
		return -ENOMEM;
	memcpy(b->data, data, size);
	b->size = size;
	return 0;
}

int domain_xen_get_regs(struct domain *dom, uint32_t vcpu, vcpu_guest_context_t *regs)
{
	vcpu_guest_context_any_t any;

	if (xc_vcpu_getcontext(vcpu_xch(dom), dom->domid, vcpu, &any))
		return -errno;
	*regs = any.c;
	return 0;
}

int domain_xen_set_regs(struct domain *dom, uint32_t vcpu, const vcpu_guest_context_t *regs)
{
	vcpu_guest_context_any_t any;

	memset(&any, 0, sizeof(any));
	any.c = *regs;
	return xc_vcpu_setcontext(vcpu_xch(dom), dom->domid, vcpu, &any) ? -errno : 0;
}

int domain_xen_get_xsave(struct domain *dom, uint32_t vcpu, struct blob *xsave)
{
	xc_interface *xch = vcpu_xch(dom);
	struct xen_domctl domctl = {
		.cmd = XEN_DOMCTL_getvcpuextstate,
		.domain = dom->domid,
		.u.vcpuextstate.vcpu = vcpu,
	};
	DECLARE_HYPERCALL_BUFFER(void, buffer);
	int ret;

	blob_free(xsave);
	/* The first call tells the size, the second the bytes. */
	if (xc_domctl(xch, &domctl) < 0)
		return -errno;
	if (!domctl.u.vcpuextstate.xfeature_mask)
		return 0;
	buffer = xc_hypercall_buffer_alloc(xch, buffer, domctl.u.vcpuextstate.size);
	if (!buffer)
		return -ENOMEM;
	set_xen_guest_handle(domctl.u.vcpuextstate.buffer, buffer);
	if (xc_domctl(xch, &domctl) < 0)
		ret = -errno;
	else
		ret = blob_copy(xsave, buffer, domctl.u.vcpuextstate.size);
	xc_hypercall_buffer_free(xch, buffer);
	return ret;
}

int domain_xen_set_xsave(struct domain *dom, uint32_t vcpu, const struct blob *xsave)
{
	xc_interface *xch = vcpu_xch(dom);
	struct xen_domctl domctl = {
		.cmd = XEN_DOMCTL_setvcpuextstate,
		.domain = dom->domid,
		.u.vcpuextstate.vcpu = vcpu,
		.u.vcpuextstate.size = xsave->size,
	};
	DECLARE_HYPERCALL_BUFFER(void, buffer);
	int ret;

	buffer = xc_hypercall_buffer_alloc(xch, buffer, xsave->size);
	if (!buffer)
		return -ENOMEM;
	memcpy(buffer, xsave->data, xsave->size);
	set_xen_guest_handle(domctl.u.vcpuextstate.buffer, buffer);
	ret = xc_domctl(xch, &domctl) < 0 ? -errno : 0;
	xc_hypercall_buffer_free(xch, buffer);
	return ret;
}

static int vcpu_get_extended(struct domain *dom, uint32_t vcpu, struct blob *extended)
{
	struct xen_domctl domctl = {
		.cmd = XEN_DOMCTL_get_ext_vcpucontext,
		.domain = dom->domid,
		.u.ext_vcpucontext.vcpu = vcpu,
	};

	if (xc_domctl(vcpu_xch(dom), &domctl) < 0)
		return -errno;
	if (domctl.u.ext_vcpucontext.size > sizeof(domctl.u))
		return -EOVERFLOW;
	return blob_copy(extended, &domctl.u.ext_vcpucontext, domctl.u.ext_vcpucontext.size);
}

static int vcpu_get_msrs(struct domain *dom, uint32_t vcpu, struct blob *msrs)
{
	xc_interface *xch = vcpu_xch(dom);
	struct xen_domctl domctl = {
		.cmd = XEN_DOMCTL_get_vcpu_msrs,
		.domain = dom->domid,
		.u.vcpu_msrs.vcpu = vcpu,
	};
	DECLARE_HYPERCALL_BUFFER(void, buffer);
	int ret;

	if (xc_domctl(xch, &domctl) < 0)
		return -errno;
	if (!domctl.u.vcpu_msrs.msr_count)
		return 0;
	buffer = xc_hypercall_buffer_alloc(
		xch, buffer, domctl.u.vcpu_msrs.msr_count * sizeof(xen_domctl_vcpu_msr_t));
	if (!buffer)
		return -ENOMEM;
	set_xen_guest_handle(domctl.u.vcpu_msrs.msrs, buffer);
	if (xc_domctl(xch, &domctl) < 0)
		ret = -errno;
	else
		ret = blob_copy(msrs, buffer,
				domctl.u.vcpu_msrs.msr_count * sizeof(xen_domctl_vcpu_msr_t));
	xc_hypercall_buffer_free(xch, buffer);
	return ret;
}

int domain_xen_get_vcpu(struct domain *dom, uint32_t vcpu, struct vcpu_state *state)
{
	xc_vcpuinfo_t info;
	int ret;

	if (xc_vcpu_getinfo(vcpu_xch(dom), dom->domid, vcpu, &info))
		return -errno;
	if (!info.online)
		return 1;
	memset(state, 0, sizeof(*state));
	state->id = vcpu;
	ret = domain_xen_get_regs(dom, vcpu, &state->basic);
	if (!ret)
		ret = vcpu_get_extended(dom, vcpu, &state->extended);
	if (!ret)
		ret = domain_xen_get_xsave(dom, vcpu, &state->xsave);
	if (!ret)
		ret = vcpu_get_msrs(dom, vcpu, &state->msrs);
	if (ret)
		vcpu_state_free(state);
	return ret;
}
