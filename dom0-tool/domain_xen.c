// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <libxl_utils.h>

#include "domain_xen.h"
#include "msg.h"
#include "page.h"

/* Frames that XEN_DOMCTL_getpageframeinfo3 takes at once. */
#define XEN_TYPES_MAX 1024

static struct xen *xen_of(struct domain *dom)
{
	return ((struct domain_xen *)dom)->xen;
}

static int xen_getinfo(struct domain *dom, xc_domaininfo_t *info)
{
	int n = xc_domain_getinfolist(xen_of(dom)->xch, dom->domid, 1, info);

	if (n < 0)
		return -errno;
	return n == 1 && info->domain == dom->domid ? 0 : -ESRCH;
}

static int xen_info(struct domain *dom, struct domain_info *info)
{
	xc_interface *xch = xen_of(dom)->xch;
	xc_domaininfo_t d;
	int ret;

	ret = xen_getinfo(dom, &d);
	if (ret)
		return ret;
	memset(info, 0, sizeof(*info));
	info->paused = d.flags & XEN_DOMINF_paused;
	info->shutdown = d.flags & XEN_DOMINF_shutdown;
	info->dying = d.flags & XEN_DOMINF_dying;
	info->hvm = d.flags & XEN_DOMINF_hvm_guest;
	info->pages = d.tot_pages;
	info->max_pages = d.max_pages;
	info->max_vcpu_id = d.max_vcpu_id;
	if (d.max_vcpu_id == XEN_INVALID_MAX_VCPU_ID)
		return -ESRCH;
	if (!info->hvm && xc_domain_get_guest_width(xch, dom->domid, &info->width))
		return -errno;
	ret = xc_version(xch, XENVER_version, NULL);
	if (ret < 0)
		return -errno;
	info->xen_major = ret >> 16;
	info->xen_minor = ret & 0xffff;
	return 0;
}

static struct keeper *keeper_of(struct domain *dom)
{
	return ((struct domain_xen *)dom)->keeper;
}

static int xen_pause(struct domain *dom)
{
	int ret;

	keeper_mark(keeper_of(dom), true);
	ret = xc_domain_pause(xen_of(dom)->xch, dom->domid) ? -errno : 0;
	if (ret)
		keeper_mark(keeper_of(dom), false);
	return ret;
}

static int xen_unpause(struct domain *dom)
{
	int ret = xc_domain_unpause(xen_of(dom)->xch, dom->domid) ? -errno : 0;

	/* Or it is not paused: somebody else undid the pause. */
	if (!ret || ret == -EINVAL)
		keeper_mark(keeper_of(dom), false);
	return ret;
}

static void xen_disown(struct domain *dom)
{
	keeper_mark(keeper_of(dom), false);
}

static void *xen_map(struct domain *dom, const uint64_t *mfns, size_t n, int *err)
{
	return xenforeignmemory_map(xen_of(dom)->fmem, dom->domid, PROT_READ, n, mfns, err);
}

static void xen_unmap(struct domain *dom, void *addr, size_t n)
{
	xenforeignmemory_unmap(xen_of(dom)->fmem, addr, n);
}

static int xen_page_types(struct domain *dom, uint64_t *frames, size_t n)
{
	xc_interface *xch = xen_of(dom)->xch;
	DECLARE_HYPERCALL_BUFFER(uint64_t, buffer);
	struct xen_domctl domctl;
	size_t part;
	int ret = 0;

	buffer = xc_hypercall_buffer_alloc(xch, buffer, XEN_TYPES_MAX * sizeof(*buffer));
	if (!buffer)
		return -ENOMEM;
	for (; n && !ret; n -= part, frames += part) {
		part = n < XEN_TYPES_MAX ? n : XEN_TYPES_MAX;
		memcpy(buffer, frames, part * sizeof(*buffer));
		memset(&domctl, 0, sizeof(domctl));
		domctl.cmd = XEN_DOMCTL_getpageframeinfo3;
		domctl.domain = dom->domid;
		domctl.u.getpageframeinfo3.num = part;
		set_xen_guest_handle(domctl.u.getpageframeinfo3.array, buffer);
		if (xc_domctl(xch, &domctl))
			ret = -errno;
		memcpy(frames, buffer, part * sizeof(*buffer));
	}
	xc_hypercall_buffer_free(xch, buffer);
	return ret;
}

static int xen_tsc(struct domain *dom, struct tsc_state *tsc)
{
	return xc_domain_get_tsc_info(xen_of(dom)->xch, dom->domid, &tsc->mode, &tsc->nsec,
				      &tsc->khz, &tsc->incarnation) ?
		       -errno :
		       0;
}

static int xen_config(struct domain *dom, char **json)
{
	libxl_ctx *ctx = xen_of(dom)->ctx;
	libxl_domain_config config;

	*json = NULL;
	libxl_domain_config_init(&config);
	if (!libxl_retrieve_domain_configuration(ctx, dom->domid, &config, NULL)) {
		/* A restore chooses a number of its own, as after `xl save`. */
		config.c_info.domid = 0;
		*json = libxl_domain_config_to_json(ctx, &config);
	}
	libxl_domain_config_dispose(&config);
	return *json ? 0 : -EIO;
}

static const shared_info_t *xen_shared_info(struct domain *dom)
{
	struct domain_xen *dx = (struct domain_xen *)dom;
	xc_domaininfo_t info;
	uint64_t mfn;
	int ret, err = 0;
	void *map;

	if (dx->shared_info)
		return dx->shared_info;
	ret = xen_getinfo(dom, &info);
	if (ret) {
		errno = -ret;
		return NULL;
	}
	mfn = info.shared_info_frame;
	map = xen_map(dom, &mfn, 1, &err);
	if (map && err) {
		xen_unmap(dom, map, 1);
		errno = -err;
		return NULL;
	}
	dx->shared_info = map;
	return map;
}

static int xen_destroy(struct domain *dom)
{
	/* Without its devices it cannot run on. */
	xen_disown(dom);
	return libxl_domain_destroy(xen_of(dom)->ctx, dom->domid, NULL) ? -EIO : 0;
}

static void xen_close_domain(struct domain *dom)
{
	struct domain_xen *dx = (struct domain_xen *)dom;

	if (dx->shared_info)
		xen_unmap(dom, dx->shared_info, 1);
	free(dx);
}

static const struct domain_ops xen_ops = {
	.info = xen_info,
	.pause = xen_pause,
	.unpause = xen_unpause,
	.disown = xen_disown,
	.get_regs = domain_xen_get_regs,
	.set_regs = domain_xen_set_regs,
	.get_xsave = domain_xen_get_xsave,
	.set_xsave = domain_xen_set_xsave,
	.get_vcpu = domain_xen_get_vcpu,
	.map = xen_map,
	.unmap = xen_unmap,
	.page_types = xen_page_types,
	.logdirty = domain_xen_logdirty,
	.granted = domain_xen_granted,
	.tsc = xen_tsc,
	.policy = domain_xen_policy,
	.config = xen_config,
	.shared_info = xen_shared_info,
	.published = domain_xen_published,
	.channel = domain_xen_channel,
	.tmem = domain_xen_tmem,
	.quiesce = domain_xen_quiesce,
	.disks = domain_xen_disks,
	.unanswered = domain_xen_unanswered,
	.destroy = xen_destroy,
	.close = xen_close_domain,
};

struct domain *domain_xen_open(struct xen *xen, uint32_t domid)
{
	struct domain_xen *dx = calloc(1, sizeof(*dx));
	char *name;

	if (!dx) {
		msg_error("out of memory");
		return NULL;
	}
	dx->dom.ops = &xen_ops;
	dx->dom.domid = domid;
	dx->xen = xen;
	name = libxl_domid_to_name(xen->ctx, domid);
	snprintf(dx->dom.name, sizeof(dx->dom.name), "%s", name ? name : "");
	free(name);
	return &dx->dom;
}

void domain_xen_keep(struct domain *dom, struct keeper *keeper)
{
	((struct domain_xen *)dom)->keeper = keeper;
}
