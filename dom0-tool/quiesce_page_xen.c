// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <stillpoint/control.h>

#include "clock.h"
#include "msg.h"
#include "shared_page.h"

/**
 * struct quiesce_page_xen - a mapped quiesce page
 */
struct quiesce_page_xen {
	struct quiesce_page page;
	struct shared_page sp;
	uint32_t domid;
};

static int quiesce_notify(struct quiesce_page *page)
{
	struct quiesce_page_xen *qx = (struct quiesce_page_xen *)page;

	return qx->sp.evtchn ? shared_page_notify(&qx->sp) : 0;
}

static int quiesce_wait(struct quiesce_page *page, uint64_t us)
{
	struct quiesce_page_xen *qx = (struct quiesce_page_xen *)page;

	if (qx->sp.evtchn)
		return shared_page_wait(&qx->sp, us);
	clock_sleep_us(us);
	return 0;
}

static int quiesce_report(struct quiesce_page *page, const uint32_t refs[STILLPOINT_REPORT_PAGES],
			  char *text, uint32_t bytes)
{
	struct quiesce_page_xen *qx = (struct quiesce_page_xen *)page;
	uint32_t part, done, i;
	void *map;

	for (i = 0, done = 0; done < bytes; i++, done += part) {
		part = bytes - done < XC_PAGE_SIZE ? bytes - done : XC_PAGE_SIZE;
		map = xengnttab_map_grant_ref(qx->sp.gnttab, qx->domid, refs[i], PROT_READ);
		if (!map)
			return -errno;
		memcpy(text + done, map, part);
		xengnttab_unmap(qx->sp.gnttab, map, 1);
	}
	return 0;
}

static void quiesce_close(struct quiesce_page *page)
{
	struct quiesce_page_xen *qx = (struct quiesce_page_xen *)page;

	shared_page_close(&qx->sp);
	free(qx);
}

static const struct quiesce_page_ops quiesce_page_xen_ops = {
	.notify = quiesce_notify,
	.wait = quiesce_wait,
	.report = quiesce_report,
	.close = quiesce_close,
};

static int quiesce_open(struct quiesce_page_xen *qx, struct domain_xen *dx, enum quiesce_use use)
{
	struct publish_quiesce pub;
	struct publish all;

	if (domain_xen_published(&dx->dom, &all))
		return -1;
	if (!(all.features & STILLPOINT_FEATURE_QUIESCE))
		return msg_error("the module in the guest cannot quiesce (features %#llx)",
				 (unsigned long long)all.features);
	if (publish_read_quiesce(&pub, domain_xen_publish_get, dx) ||
	    shared_page_map(&qx->sp, dx, "quiesce", pub.ref, use != QUIESCE_LOOK))
		return -1;
	return use == QUIESCE_ASK ? shared_page_bind(&qx->sp, dx, pub.port) : 0;
}

int domain_xen_quiesce(struct domain *dom, enum quiesce_use use, struct quiesce_page **page)
{
	struct quiesce_page_xen *qx = calloc(1, sizeof(*qx));

	if (!qx)
		return msg_error("out of memory");
	qx->page.ops = &quiesce_page_xen_ops;
	qx->domid = dom->domid;
	if (quiesce_open(qx, (struct domain_xen *)dom, use)) {
		quiesce_close(&qx->page);
		return -1;
	}
	qx->page.guest = qx->sp.page;
	if (use != QUIESCE_LOOK)
		qx->page.host = (void *)((char *)qx->sp.page + STILLPOINT_QUIESCE_HOST_OFFSET);
	*page = &qx->page;
	return 0;
}
