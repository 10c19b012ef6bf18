// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "domain_xen.h"

#include <xengnttab.h>
#include <xen/io/blkif.h>
#include <xen/io/xenbus.h>

#include "msg.h"

/* Rings of one disk that are looked at; the frontends in use make one for each processor. */
#define DISKS_QUEUES_MAX 1024

static int disks_take(struct domain_xen *dx, struct disks *disks, const libxl_domain_config *config)
{
	const libxl_device_disk *d;
	int i;

	for (i = 0; i < config->num_disks; i++) {
		d = &config->disks[i];
		if (d->is_cdrom || d->backend_domid || d->backend_domname) {
			if (d->is_cdrom)
				continue;
			return msg_error("the disk %s is another domain's", d->vdev);
		}
		if (disks_add(disks, d->vdev ? d->vdev : "", d->pdev_path ? d->pdev_path : "",
			      libxl_disk_format_to_string(d->format), !d->readwrite) ||
		    domain_xen_check_backend(dx->xen, dx->dom.domid, d, &disks->disk[disks->n - 1]))
			return -1;
	}
	return 0;
}

int domain_xen_disks(struct domain *dom, struct disks *disks)
{
	struct domain_xen *dx = (struct domain_xen *)dom;
	libxl_domain_config config;
	int ret;

	memset(disks, 0, sizeof(*disks));
	libxl_domain_config_init(&config);
	if (libxl_retrieve_domain_configuration(dx->xen->ctx, dom->domid, &config, NULL))
		ret = msg_error("cannot read the domain's configuration");
	else
		ret = disks_take(dx, disks, &config);
	libxl_domain_config_dispose(&config);
	if (ret)
		disks_free(disks);
	return ret;
}

/* What the frontend wrote at @path/@key, which may be anything. Returns 0 or -ENOENT. */
static int disks_number(struct domain_xen *dx, const char *path, const char *key, uint32_t *number)
{
	char full[256], *text, *end;
	unsigned long n;
	unsigned int len;

	snprintf(full, sizeof(full), "%s/%s", path, key);
	text = xs_read(dx->xen->xs, XBT_NULL, full, &len);
	if (!text)
		return -ENOENT;
	n = strtoul(text, &end, 10);
	*number = n;
	n = end == text || *end || n > UINT32_MAX;
	free(text);
	return n ? -ENOENT : 0;
}

/* The indices are in the first page of a ring; the guest does not move its own any more. */
static int disks_ring(struct domain_xen *dx, xengnttab_handle *gnttab, const char *path,
		      uint64_t *n)
{
	const volatile blkif_sring_t *ring;
	uint32_t ref;

	if (disks_number(dx, path, "ring-ref", &ref) && disks_number(dx, path, "ring-ref0", &ref))
		return -ENOENT;
	ring = xengnttab_map_grant_ref(gnttab, dx->dom.domid, ref, PROT_READ);
	if (!ring)
		return -errno;
	*n += (uint32_t)(ring->req_prod - ring->rsp_prod);
	xengnttab_unmap(gnttab, (void *)ring, 1);
	return 0;
}

/* All rings of a disk that is connected. */
static int disks_device(struct domain_xen *dx, xengnttab_handle *gnttab, const char *path,
			uint64_t *n)
{
	uint32_t state, queues, i;
	char queue[256];
	int ret = 0;

	if (disks_number(dx, path, "state", &state) || state != XenbusStateConnected)
		return 0;
	if (disks_number(dx, path, "multi-queue-num-queues", &queues))
		return disks_ring(dx, gnttab, path, n);
	for (i = 0; i < queues && !ret; i++) {
		if (i == DISKS_QUEUES_MAX)
			return -E2BIG;
		snprintf(queue, sizeof(queue), "%s/queue-%u", path, i);
		ret = disks_ring(dx, gnttab, queues == 1 ? path : queue, n);
	}
	return ret;
}

static int disks_devices(struct domain_xen *dx, xengnttab_handle *gnttab, uint64_t *n)
{
	unsigned int count, i;
	char path[128], **names;
	int ret = 0;

	snprintf(path, sizeof(path), "/local/domain/%u/device/vbd", dx->dom.domid);
	names = xs_directory(dx->xen->xs, XBT_NULL, path, &count);
	if (!names)
		return errno == ENOENT ? 0 : -errno;
	for (i = 0; i < count && !ret; i++) {
		snprintf(path, sizeof(path), "/local/domain/%u/device/vbd/%.32s", dx->dom.domid,
			 names[i]);
		ret = disks_device(dx, gnttab, path, n);
	}
	free(names);
	return ret;
}

int domain_xen_unanswered(struct domain *dom, uint64_t *n)
{
	struct domain_xen *dx = (struct domain_xen *)dom;
	xengnttab_handle *gnttab = xengnttab_open(dx->xen->log, 0);
	int ret;

	*n = 0;
	if (!gnttab)
		return -errno;
	ret = disks_devices(dx, gnttab, n);
	xengnttab_close(gnttab);
	return ret;
}
