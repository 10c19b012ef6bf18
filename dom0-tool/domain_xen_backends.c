// SPDX-License-Identifier: GPL-2.0
/* What the block backends of this domain really have open, whatever it is called by now. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "disk_extent.h"
#include "domain_xen.h"
#include "msg.h"

#define BACKENDS_BLKBACK "/local/domain/0/backend/vbd"
#define BACKENDS_DOM0_PID "/run/xen/qemu-dom0.pid"

/* What xenstore has at @path/@key; NULL if it has nothing. free() it. */
static char *backends_read(struct xen *xen, const char *path, const char *key)
{
	unsigned int len;
	char full[256];

	snprintf(full, sizeof(full), "%s/%s", path, key);
	return xs_read(xen->xs, XBT_NULL, full, &len);
}

/*
 * The device of domain @domid's blkback @devid. Returns 1 if it has none, or is none of the
 * kernel's any more; -1 if it cannot be told what it is.
 */
static int backends_blkback(struct xen *xen, const char *domid, const char *devid,
			    struct disk_extent *e)
{
	unsigned int major_number, minor_number;
	char path[128], *text;
	int n;

	snprintf(path, sizeof(path), "/sys/bus/xen-backend/devices/vbd-%.32s-%.32s", domid, devid);
	if (access(path, F_OK) && errno == ENOENT)
		return 1;
	snprintf(path, sizeof(path), BACKENDS_BLKBACK "/%.32s/%.32s", domid, devid);
	text = backends_read(xen, path, "physical-device");
	if (!text)
		return 1;
	n = sscanf(text, "%x:%x", &major_number, &minor_number);
	free(text);
	return n == 2 ? disk_extent_of_device(makedev(major_number, minor_number), e) : -1;
}

/* True if the process @pid can write to what it has open as @fd, or if it cannot be told. */
static bool backends_is_writable(long pid, const char *fd)
{
	unsigned int flags;
	bool found = false;
	char line[128];
	FILE *f;

	snprintf(line, sizeof(line), "/proc/%ld/fdinfo/%.32s", pid, fd);
	f = fopen(line, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "flags: %o", &flags) == 1;
	if (f)
		fclose(f);
	return !found || (flags & O_ACCMODE) != O_RDONLY;
}

/*
 * True if one of the files that the process @pid has open, for writing if @writable, overlaps
 * with @e.
 */
static bool backends_process_has(long pid, const struct disk_extent *e, bool writable)
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
		has = !disk_extent_of(path, &other) && disk_extent_overlap(e, &other) &&
		      (!writable || backends_is_writable(pid, d->d_name));
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

/* The device is that of the last two components of @backend. Returns as backends_blkback(). */
static int backends_blkback_of(struct xen *xen, const char *backend, struct disk_extent *e)
{
	const char *devid = strrchr(backend, '/');
	char domid[16];

	snprintf(domid, sizeof(domid), "%.15s", strstr(backend, "/vbd/") + strlen("/vbd/"));
	domid[strcspn(domid, "/")] = '\0';
	return backends_blkback(xen, domid, devid + 1, e);
}

/* Whether the guest has @e, the disk @disk, by @backend; -1, recorded, if it has not. */
static int backends_compare(struct xen *xen, uint32_t domid, const char *backend,
			    const struct disk *disk, const struct disk_extent *e)
{
	struct disk_extent other;
	bool same = true;
	long pid;

	if (strstr(backend, "/vbd/")) {
		if (backends_blkback_of(xen, backend, &other))
			return msg_error("cannot find out which device the guest has as %s",
					 disk->vdev);
		same = disk_extent_same(e, &other);
	} else if (strstr(backend, "/qdisk/")) {
		/* What it has a snapshot on is open for reading only. */
		pid = backends_qemu(xen, domid);
		same = !pid || backends_process_has(pid, e, !disk->readonly);
	}
	if (same)
		return 0;
	return msg_error(
		"the disk %s that the guest has is not '%s', as it is configured; was that renamed or replaced?",
		disk->vdev, disk->path);
}

int domain_xen_check_backend(struct xen *xen, uint32_t domid, const libxl_device_disk *config,
			     const struct disk *disk)
{
	struct disk_extent e;
	libxl_diskinfo info;
	int ret;

	/* What a script puts on top of it is the script's. */
	if (config->script)
		return 0;
	if (disk_extent_of(disk->path, &e))
		return msg_error("cannot find out what the disk %s, '%s', is: %s", disk->vdev,
				 disk->path, strerror(errno));
	libxl_diskinfo_init(&info);
	/* After an error libxl has freed some of it. */
	if (libxl_device_disk_getinfo(xen->ctx, domid, config, &info))
		return msg_error("the disk %s is gone", disk->vdev);
	ret = backends_compare(xen, domid, info.backend ? info.backend : "", disk, &e);
	libxl_diskinfo_dispose(&info);
	return ret;
}

/* True if @config is something of @e, or if it cannot be told. */
static bool backends_is_config(const libxl_device_disk *config, const struct disk_extent *e)
{
	struct disks disks = { .disk = NULL };
	struct disk_extent other;
	bool is;

	/* An empty drive; and what is at another domain has its name there. */
	if (!config->pdev_path || !*config->pdev_path || config->backend_domid ||
	    config->backend_domname)
		return false;
	/* What is gone cannot be the one that is there; what a script finds can. */
	if (!disks_add(&disks, "disk", config->pdev_path, "raw", false))
		is = disk_extent_of(disks.disk[0].path, &other) || disk_extent_overlap(e, &other);
	else
		is = config->script || *config->pdev_path != '/';
	msg_error_clear();
	disks_free(&disks);
	return is;
}

/*
 * True if the domain is configured with something of @e, or if that cannot be told. One without a
 * configuration is being made or undone; what it has by then, its backends have.
 */
static bool backends_configured(struct xen *xen, uint32_t domid, const struct disk_extent *e)
{
	libxl_domain_config config;
	bool has = false;
	int i;

	libxl_domain_config_init(&config);
	if (!libxl_retrieve_domain_configuration(xen->ctx, domid, &config, NULL))
		for (i = 0; i < config.num_disks && !has; i++)
			has = backends_is_config(&config.disks[i], e);
	libxl_domain_config_dispose(&config);
	return has;
}

/* True if a blkback of domain @domid, a directory's name, has something of @e, or may have it. */
static bool backends_connected(struct xen *xen, const char *domid, const struct disk_extent *e)
{
	struct disk_extent other;
	char path[128], **names;
	unsigned int n, i;
	bool has = false;
	int ret;

	snprintf(path, sizeof(path), BACKENDS_BLKBACK "/%.32s", domid);
	names = xs_directory(xen->xs, XBT_NULL, path, &n);
	for (i = 0; names && i < n && !has; i++) {
		ret = backends_blkback(xen, domid, names[i], &other);
		has = ret < 0 || (!ret && disk_extent_overlap(e, &other));
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

	return backends_configured(xen, domid, e) || (pid && backends_process_has(pid, e, false));
}

/* True if the QEMU that serves dom0 itself has something of @e. */
static bool backends_dom0_has(const struct disk_extent *e)
{
	FILE *f = fopen(BACKENDS_DOM0_PID, "re");
	long pid;
	bool has;

	if (!f)
		return false;
	has = fscanf(f, "%ld", &pid) == 1 && backends_process_has(pid, e, false);
	fclose(f);
	return has;
}

/* What may be in use by a domain. */
struct backends_disk {
	const char *path;
	struct disk_extent extent;
};

static int backends_check_domain(struct xen *xen, uint32_t domid, void *arg)
{
	const struct backends_disk *disk = arg;

	if (!backends_domain_has(xen, domid, &disk->extent))
		return 0;
	return msg_error("the disk '%s' may be in use by domain %u", disk->path, domid);
}

int domain_xen_check_unused(struct xen *xen, const char *path)
{
	struct backends_disk disk = { .path = path };
	struct disk_extent *e = &disk.extent;
	int claimed;

	if (access(path, F_OK) && errno == ENOENT)
		return 0;
	if (disk_extent_of(path, e))
		return msg_error("cannot find out what '%s' is: %s", path, strerror(errno));
	if (backends_check_connected(xen, path, e) ||
	    xen_each_domain(xen, backends_check_domain, &disk))
		return -1;
	if (backends_dom0_has(e))
		return msg_error("the disk '%s' is in use by domain 0", path);
	claimed = disk_extent_claimed(e);
	if (claimed < 0)
		return msg_error("cannot find out which loop devices have '%s': %s", path,
				 strerror(errno));
	return claimed ? msg_error("the disk '%s' is in use by way of a loop device", path) : 0;
}
