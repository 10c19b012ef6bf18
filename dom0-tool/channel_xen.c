// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* ppoll */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* xenctrl.h must be the first of Xen's headers: it makes the others the tools' variant. */
#include "domain_xen.h"

#include <xenevtchn.h>
#include <xengnttab.h>

#include <stillpoint/xenstore.h>

#include "msg.h"

/**
 * struct channel_xen - a mapped control page
 * @port: our end of the event channel, negative if it is not bound
 */
struct channel_xen {
	struct channel ch;
	xengnttab_handle *gnttab;
	void *page;
	xenevtchn_handle *evtchn;
	xenevtchn_port_or_error_t port;
};

static int channel_notify(struct channel *ch)
{
	struct channel_xen *cx = (struct channel_xen *)ch;

	return xenevtchn_notify(cx->evtchn, cx->port) ? -errno : 0;
}

static int channel_wait(struct channel *ch, uint64_t us)
{
	struct channel_xen *cx = (struct channel_xen *)ch;
	struct timespec ts = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
	struct pollfd pfd = { .fd = xenevtchn_fd(cx->evtchn), .events = POLLIN };
	xenevtchn_port_or_error_t port;
	int ret;

	ret = ppoll(&pfd, 1, &ts, NULL);
	if (ret < 0)
		return -errno;
	if (!ret)
		return 0;
	port = xenevtchn_pending(cx->evtchn);
	if (port < 0 || xenevtchn_unmask(cx->evtchn, port))
		return -errno;
	return 0;
}

static void channel_close(struct channel *ch)
{
	struct channel_xen *cx = (struct channel_xen *)ch;

	if (cx->evtchn) {
		if (cx->port >= 0)
			xenevtchn_unbind(cx->evtchn, cx->port);
		xenevtchn_close(cx->evtchn);
	}
	if (cx->page)
		xengnttab_unmap(cx->gnttab, cx->page, 1);
	if (cx->gnttab)
		xengnttab_close(cx->gnttab);
	free(cx);
}

static const struct channel_ops channel_xen_ops = {
	.notify = channel_notify,
	.wait = channel_wait,
	.close = channel_close,
};

static int channel_map(struct channel_xen *cx, struct domain_xen *dx, uint32_t ref, bool write)
{
	cx->gnttab = xengnttab_open(dx->xen->log, 0);
	if (!cx->gnttab)
		return msg_error("cannot open the grant device: %s; load xen-gntdev",
				 strerror(errno));
	cx->page = xengnttab_map_grant_ref(cx->gnttab, dx->dom.domid, ref,
					   write ? PROT_READ | PROT_WRITE : PROT_READ);
	if (!cx->page)
		return msg_error(
			"cannot map the control page (grant %u): %s; reload the module in the guest",
			ref, strerror(errno));
	cx->ch.guest = cx->page;
	if (write)
		cx->ch.host = (void *)((char *)cx->page + STILLPOINT_HOST_OFFSET);
	return 0;
}

static int channel_bind(struct channel_xen *cx, struct domain_xen *dx, uint32_t port)
{
	cx->evtchn = xenevtchn_open(dx->xen->log, 0);
	if (!cx->evtchn)
		return msg_error("cannot open the event channel device: %s; load xen-evtchn",
				 strerror(errno));
	cx->port = xenevtchn_bind_interdomain(cx->evtchn, dx->dom.domid, port);
	if (cx->port < 0)
		return msg_error(
			"cannot bind the module's event channel (port %u): %s; reload the module in the guest",
			port, strerror(errno));
	return 0;
}

int domain_xen_channel(struct domain *dom, const struct publish *pub, bool bind,
		       struct channel **channel)
{
	struct domain_xen *dx = (struct domain_xen *)dom;
	struct channel_xen *cx = calloc(1, sizeof(*cx));

	if (!cx)
		return msg_error("out of memory");
	cx->ch.ops = &channel_xen_ops;
	cx->port = -1;
	if (channel_map(cx, dx, pub->ref, bind) || (bind && channel_bind(cx, dx, pub->port))) {
		channel_close(&cx->ch);
		return -1;
	}
	*channel = &cx->ch;
	return 0;
}

int domain_xen_publish_get(void *arg, const char *key, char value[PUBLISH_VALUE_MAX + 1])
{
	struct domain_xen *dx = arg;
	unsigned int len;
	char path[128];
	char *data;

	snprintf(path, sizeof(path), "/local/domain/%u/%s/%s", dx->dom.domid, STILLPOINT_XS_DIR,
		 key);
	data = xs_read(dx->xen->xs, XBT_NULL, path, &len);
	if (!data)
		return errno ? -errno : -EIO;
	if (len <= PUBLISH_VALUE_MAX)
		memcpy(value, data, len);
	free(data);
	return len > INT32_MAX ? INT32_MAX : (int)len;
}

int domain_xen_published(struct domain *dom, struct publish *pub)
{
	return publish_read(pub, domain_xen_publish_get, dom);
}
