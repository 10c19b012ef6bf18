// SPDX-License-Identifier: GPL-2.0
/* What the block backends of this domain really have open, whatever it is called by now. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "disk_extent.h"
#include "domain_xen.h"
#include "msg.h"

#define BACKENDS_BLKBACK "/local/domain/0/backend/vbd"

/* Domains that one call asks for. */
#define BACKENDS_DOMAINS 256

/* What xenstore has at @path/@key; NULL if it has nothing. free() it. */
static char *backends_read(struct xen *xen, const char *path, const char *key)
{
	unsigned int len;
	char full[256];

	snprintf(full, sizeof(full), "%s/%s", path, key);
	return xs_read(xen->xs, XBT_NULL, full, &len);
}

/* The device that the blkback at @path has. Returns 0, or -1 if it has none or none is found. */
static int backends_blkback(struct xen *xen, const char *path, struct disk_extent *e)
{
	char *text = backends_read(xen, path, "physical-device");
	unsigned int major_number, minor_number;
	int n;

	if (!text)
		return -1;
	n = sscanf(text, "%x:%x", &major_number, &minor_number);
	free(text);
	return n == 2 ? disk_extent_of_device(makedev(major_number, minor_number), e) : -1;
}

/* True if one of the files that the process @pid has open overlaps with @e. */
static bool backends_process_has(long pid, const struct disk_extent *e)
{
	struct disk_extent other;
	char path[300];
	bool has = false;
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%ld/fd", pid);
	dir = opendir(path);
	while (dir && !has && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%ld/fd/%.200s", pid, d->d_name);
		has = !disk_extent_of(path, &other) && disk_extent_overlap(e, &other);
	}
	if (dir)
		closedir(dir);
	return has;
}

/* The QEMU that serves disks of domain @domid; 0 if there is none. */
static long backends_qemu(struct xen *xen, uint32_t domid)
{
	char path[64], *text;
	long pid;

	snprintf(path, sizeof(path), "/local/domain/%u/image", domid);
	text = backends_read(xen, path, "device-model-pid");
	pid = text ? strtol(text, NULL, 10) : 0;
	free(text);
	return pid > 0 ? pid : 0;
}

static bool backends_is_same(struct xen *xen, uint32_t domid, const char *backend,
			     const struct disk_extent *e)
{
	struct disk_extent other;
	long pid;

	if (strstr(backend, "/vbd/"))
		return !backends_blkback(xen, backend, &other) && disk_extent_same(e, &other);
	/* Of others than these, nothing is known. */
	if (!strstr(backend, "/qdisk/"))
		return true;
	pid = backends_qemu(xen, domid);
	return !pid || backends_process_has(pid, e);
}

int domain_xen_check_backend(struct xen *xen, uint32_t domid, const libxl_device_disk *config,
			     const struct disk *disk)
{
	struct disk_extent e;
	libxl_diskinfo info;
	bool same;

	if (disk_extent_of(disk->path, &e))
		return msg_error("cannot find out what the disk %s, '%s', is: %s", disk->vdev,
				 disk->path, strerror(errno));
	libxl_diskinfo_init(&info);
	if (libxl_device_disk_getinfo(xen->ctx, domid, config, &info)) {
		libxl_diskinfo_dispose(&info);
		return msg_error("the disk %s is gone", disk->vdev);
	}
	same = backends_is_same(xen, domid, info.backend ? info.backend : "", &e);
	libxl_diskinfo_dispose(&info);
	if (same)
		return 0;
	return msg_error(
		"the disk %s that the guest has is not '%s', as it is configured; was that renamed or replaced?",
		disk->vdev, disk->path);
}

/* True if the domain is configured with something of @e, or if it cannot be told. */
static bool backends_configured(struct xen *xen, uint32_t domid, const struct disk_extent *e)
{
	libxl_domain_config config;
	struct disk_extent other;
	struct disks disks;
	bool has;
	size_t i;

	libxl_domain_config_init(&config);
	has = libxl_retrieve_domain_configuration(xen->ctx, domid, &config, NULL) != 0;
	for (i = 0; !has && i < (size_t)config.num_disks; i++) {
		if (!config.disks[i].pdev_path)
			continue;
		memset(&disks, 0, sizeof(disks));
		/* What is gone cannot be the one that is there; what a script finds can. */
		if (!disks_add(&disks, "disk", config.disks[i].pdev_path, "raw", false))
			has = disk_extent_of(disks.disk[0].path, &other) ||
			      disk_extent_overlap(e, &other);
		else
			has = config.disks[i].script || *config.disks[i].pdev_path != '/';
		msg_error_clear();
		disks_free(&disks);
	}
	libxl_domain_config_dispose(&config);
	return has;
}

/* True if a blkback of domain @domid, a directory's name, has something of @e. */
static bool backends_connected(struct xen *xen, const char *domid, const struct disk_extent *e)
{
	struct disk_extent other;
	char path[128], **names;
	unsigned int n, i;
	bool has = false;

	snprintf(path, sizeof(path), BACKENDS_BLKBACK "/%.32s", domid);
	names = xs_directory(xen->xs, XBT_NULL, path, &n);
	for (i = 0; names && i < n && !has; i++) {
		snprintf(path, sizeof(path), BACKENDS_BLKBACK "/%.32s/%.32s", domid, names[i]);
		has = !backends_blkback(xen, path, &other) && disk_extent_overlap(e, &other);
	}
	free(names);
	return has;
}

/* Also those of disks that dom0 attached to itself. */
static int backends_check_connected(struct xen *xen, const char *path, const struct disk_extent *e)
{
	unsigned int n, i;
	char **domids;
	int ret = 0;

	domids = xs_directory(xen->xs, XBT_NULL, BACKENDS_BLKBACK, &n);
	if (!domids)
		return errno == ENOENT ? 0 : msg_error("cannot list the backends in xenstore");
	for (i = 0; i < n && !ret; i++)
		if (backends_connected(xen, domids[i], e))
			ret = msg_error("the disk '%s' is in use by domain %.32s", path, domids[i]);
	free(domids);
	return ret;
}

static bool backends_domain_has(struct xen *xen, uint32_t domid, const struct disk_extent *e)
{
	long pid = backends_qemu(xen, domid);

	return backends_configured(xen, domid, e) || (pid && backends_process_has(pid, e));
}

int domain_xen_check_unused(struct xen *xen, const char *path)
{
	xc_domaininfo_t info[BACKENDS_DOMAINS];
	uint32_t first = 1;
	struct disk_extent e;
	int n, i;

	if (disk_extent_of(path, &e)) {
		if (errno == ENOENT)
			return 0;
		return msg_error("cannot find out what '%s' is: %s", path, strerror(errno));
	}
	if (backends_check_connected(xen, path, &e))
		return -1;
	do {
		n = xc_domain_getinfolist(xen->xch, first, BACKENDS_DOMAINS, info);
		if (n < 0)
			return msg_error("cannot list the domains");
		for (i = 0; i < n; i++) {
			if (backends_domain_has(xen, info[i].domain, &e))
				return msg_error("the disk '%s' may be in use by domain %u", path,
						 info[i].domain);
			first = info[i].domain + 1;
		}
	} while (n == BACKENDS_DOMAINS);
	return 0;
}
