// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stillpoint/xenstore.h>

#include "msg.h"
#include "shared_page.h"

/**
 * struct channel_xen - a mapped control page
 */
struct channel_xen {
	struct channel ch;
	struct shared_page sp;
};

static int channel_notify(struct channel *ch)
{
	return shared_page_notify(&((struct channel_xen *)ch)->sp);
}

static int channel_wait(struct channel *ch, uint64_t us)
{
	return shared_page_wait(&((struct channel_xen *)ch)->sp, us);
}

static void channel_close(struct channel *ch)
{
	struct channel_xen *cx = (struct channel_xen *)ch;

	shared_page_close(&cx->sp);
	free(cx);
}

static const struct channel_ops channel_xen_ops = {
	.notify = channel_notify,
	.wait = channel_wait,
	.close = channel_close,
};

int domain_xen_channel(struct domain *dom, const struct publish *pub, bool bind,
		       struct channel **channel)
{
	struct domain_xen *dx = (struct domain_xen *)dom;
	struct channel_xen *cx = calloc(1, sizeof(*cx));

	if (!cx)
		return msg_error("out of memory");
	cx->ch.ops = &channel_xen_ops;
	if (shared_page_map(&cx->sp, dx, "control", pub->ref, bind) ||
	    (bind && shared_page_bind(&cx->sp, dx, pub->port))) {
		channel_close(&cx->ch);
		return -1;
	}
	cx->ch.guest = cx->sp.page;
	if (bind)
		cx->ch.host = (void *)((char *)cx->sp.page + STILLPOINT_HOST_OFFSET);
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
