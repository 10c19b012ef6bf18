// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libxl_utils.h>

#include "backup.h"
#include "bring_back.h"
#include "disk_extent.h"
#include "disk_file.h"
#include "domain_xen.h"
#include "lock.h"
#include "manifest.h"
#include "msg.h"
#include "qcow2.h"

/**
 * struct place - where a disk of the backup goes
 * @path: of a file or block device
 * @moved: it is not where it was
 * @fd: its copy, checked
 */
struct place {
	const char *path;
	bool moved;
	int fd;
};

/**
 * struct back - what is under way
 * @memory: the memory image, checked; -1 if it is not wanted
 * @domain: the name that the guest will have; NULL as long as that is not known
 */
struct back {
	const struct bring_back *bb;
	struct restore *restore;
	int dir;
	struct manifest manifest;
	struct place *places;
	struct restore_disk *moved;
	size_t nmoved;
	int memory;
	char *domain;
};

static int back_place(struct back *b, const char *option)
{
	const char *equals = strchr(option, '=');
	char vdev[32];
	struct disk *disk;
	struct place *place;

	if (!equals || equals == option || !equals[1] || equals - option >= (int)sizeof(vdev))
		return msg_error("--disk takes VDEV=PATH, not '%s'", option);
	snprintf(vdev, sizeof(vdev), "%.*s", (int)(equals - option), option);
	disk = disks_find(&b->manifest.disks, vdev);
	if (!disk)
		return msg_error("there is no disk '%s' in the backup", vdev);
	if (equals[1] != '/')
		return msg_error("--disk takes an absolute path, not '%s'", equals + 1);
	place = &b->places[disk - b->manifest.disks.disk];
	place->path = equals + 1;
	place->moved = true;
	b->moved[b->nmoved++] = (struct restore_disk){
		.vdev = disk->vdev,
		.path = place->path,
		.format = disk->format,
	};
	return 0;
}

/* Where a disk was. The name that a device was configured with is the one that stays its own. */
static const char *back_original(const struct disk *disk)
{
	return disk->block && *disk->device == '/' ? disk->device : disk->path;
}

/* True if what the disk is configured with is what is written: links and loop devices change. */
static bool back_leads_there(const struct disk *disk)
{
	struct disks now = { 0 };
	bool leads;

	if (disk->block || !strcmp(disk->device, disk->path))
		return true;
	leads = !disks_add(&now, disk->vdev, disk->device, disk->format, disk->readonly) &&
		!strcmp(now.disk[0].path, disk->path);
	msg_error_clear();
	disks_free(&now);
	return leads;
}

/* The guest is to run on what was written for it, also with a configuration from elsewhere. */
static void back_keep_together(struct back *b)
{
	const struct disk *disk;
	size_t i;

	for (i = 0; i < b->manifest.disks.n; i++) {
		disk = &b->manifest.disks.disk[i];
		if (b->places[i].moved || (!b->restore->xlcfg && back_leads_there(disk)))
			continue;
		b->moved[b->nmoved++] = (struct restore_disk){
			.vdev = disk->vdev,
			.path = b->places[i].path,
			.format = disk->format,
		};
	}
}

static int back_places(struct back *b)
{
	size_t n = b->manifest.disks.n, i;

	b->places = calloc(n + 1, sizeof(*b->places));
	b->moved = calloc(b->bb->ndisks + n + 1, sizeof(*b->moved));
	if (!b->places || !b->moved)
		return msg_error("out of memory");
	for (i = 0; i < n; i++) {
		b->places[i].path = back_original(&b->manifest.disks.disk[i]);
		b->places[i].fd = -1;
	}
	for (i = 0; i < b->bb->ndisks; i++)
		if (back_place(b, b->bb->disks[i]))
			return -1;
	back_keep_together(b);
	return 0;
}

/* True if @e has something of the backup's file @file. */
static bool back_is(const struct back *b, const struct manifest_file *file,
		    const struct disk_extent *e)
{
	char path[sizeof(file->name) + 32];
	struct disk_extent own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", b->dir, file->name);
	return !disk_extent_of(path, &own) && disk_extent_overlap(e, &own);
}

/* True if @e has something of a file of the backup's. */
static bool back_has(const struct back *b, const struct disk_extent *e)
{
	static const struct manifest_file own = { .name = MANIFEST_NAME };
	size_t i;

	for (i = 0; i < b->manifest.disks.n; i++)
		if (back_is(b, &b->manifest.files[i], e))
			return true;
	return back_is(b, &own, e) || back_is(b, &b->manifest.config, e) ||
	       (*b->manifest.memory.name && back_is(b, &b->manifest.memory, e));
}

/* Where disk @i goes must be none of the backup's own files, nor where a disk before it goes. */
static int back_check_apart(const struct back *b, size_t i)
{
	const struct place *p = &b->places[i];
	const char *vdev = b->manifest.disks.disk[i].vdev;
	struct disk_extent e, other;
	size_t j;

	if (access(p->path, F_OK) && errno == ENOENT)
		return 0;
	if (disk_extent_of(p->path, &e))
		return msg_error("cannot look at '%s': %s", p->path, strerror(errno));
	if (back_has(b, &e))
		return msg_error(
			"the disk %s would go to '%s', which is the backup's own file; give another place with --disk %s=PATH",
			vdev, p->path, vdev);
	for (j = 0; j < i; j++)
		if (!disk_extent_of(b->places[j].path, &other) && disk_extent_overlap(&e, &other))
			return msg_error(
				"the disks %s and %s would both go to '%s'; give another place with --disk %s=PATH",
				b->manifest.disks.disk[j].vdev, vdev, p->path, vdev);
	return 0;
}

/* Whether nobody needs what is where disk @i goes. */
static int back_check_free(const struct back *b, struct xen *xen, size_t i)
{
	return domain_xen_check_unused(xen, b->places[i].path) || back_check_apart(b, i) ? -1 : 0;
}

/* A device that is not there is not to become a file of its name. */
static int back_check_device(const struct back *b, size_t i)
{
	const struct disk *disk = &b->manifest.disks.disk[i];
	const char *path = b->places[i].path;

	if (b->places[i].moved || !disk->block || !access(path, F_OK))
		return 0;
	return msg_error(
		"the device '%s' of the disk %s is not there: %s; make it, or give another place with --disk %s=PATH",
		path, disk->vdev, strerror(errno), disk->vdev);
}

static int back_check_targets(struct back *b, struct xen *xen)
{
	struct place *p;
	size_t i;

	for (i = 0; i < b->manifest.disks.n; i++) {
		p = &b->places[i];
		/* A backup may come from anywhere, and its paths are written to by root. */
		if (!p->moved && !b->bb->force)
			return msg_error(
				"the backup puts the disk %s at '%s'; confirm with --force, or give another place with --disk %s=PATH",
				b->manifest.disks.disk[i].vdev, p->path,
				b->manifest.disks.disk[i].vdev);
		if (back_check_device(b, i) || back_check_free(b, xen, i) ||
		    disk_file_check(p->path, b->manifest.files[i].bytes, b->bb->force))
			return -1;
	}
	return 0;
}

static int back_check_name(struct back *b, struct xen *xen)
{
	const char *name = b->domain ? b->domain : b->restore->name;
	uint32_t domid;

	/* With another configuration, the image's name means nothing. */
	if (!name && !b->restore->xlcfg)
		name = b->manifest.domain;
	if (b->bb->disks_only || !name || libxl_name_to_domid(xen->ctx, name, &domid))
		return 0;
	return msg_error("a domain '%s' exists already (%u); use --name to give another name", name,
			 domid);
}

/* Where restore_run() reads the memory image from: what was checked, whatever has its name. */
static void back_memory_path(const struct back *b, char path[64])
{
	snprintf(path, 64, "/proc/self/fd/%d", b->memory);
}

/* Whether the guest can be made of the memory image, once its disks are there. */
static int back_check_memory(struct back *b)
{
	const struct manifest *m = &b->manifest;
	char path[64];

	if (b->bb->disks_only)
		return 0;
	if (!*m->memory.name)
		return msg_error(
			"the backup has no memory; use --disks-only, and start the guest from them");
	b->memory = manifest_open_checked(&m->memory, b->dir);
	if (b->memory < 0)
		return -1;
	back_memory_path(b, path);
	b->restore->path = path;
	b->restore->disks = b->moved;
	b->restore->ndisks = b->nmoved;
	return restore_try(b->restore, &b->domain);
}

static int back_check_disk(struct back *b, size_t i)
{
	const struct manifest_file *file = &b->manifest.files[i];
	struct place *p = &b->places[i];

	p->fd = manifest_open_checked(file, b->dir);
	if (p->fd < 0)
		return -1;
	return strcmp(b->manifest.disks.disk[i].format, "qcow2") ? 0 :
								   qcow2_check(p->fd, file->name);
}

static int back_check_files(struct back *b)
{
	const struct manifest *m = &b->manifest;
	size_t i;

	if (back_check_memory(b))
		return -1;
	for (i = 0; i < m->disks.n; i++)
		if (back_check_disk(b, i))
			return -1;
	return 0;
}

static int back_check(struct back *b)
{
	struct xen xen;
	int ret;

	if (manifest_read(&b->manifest, b->dir) || back_places(b))
		return -1;
	if (xen_open(&xen, false))
		return -1;
	/* What is known at once comes before what takes long, and again after it. */
	ret = back_check_name(b, &xen) || back_check_targets(b, &xen) || back_check_files(b) ||
			      back_check_name(b, &xen) || back_check_targets(b, &xen) ?
		      -1 :
		      0;
	xen_close(&xen);
	return ret;
}

static int back_write_disk(struct back *b, struct xen *xen, size_t i)
{
	const struct place *p = &b->places[i];

	/* The disk before it may have taken hours. */
	return back_check_free(b, xen, i) ||
			       disk_file_write(p->path, p->fd, b->manifest.files[i].bytes,
					       b->bb->force) ?
		       -1 :
		       0;
}

static int back_write(struct back *b)
{
	struct xen xen;
	int ret = 0;
	size_t i;

	if (xen_open(&xen, false))
		return -1;
	for (i = 0; !ret && i < b->manifest.disks.n; i++)
		ret = back_write_disk(b, &xen, i);
	xen_close(&xen);
	return ret;
}

static int back_guest(struct back *b, uint32_t *domid)
{
	char path[64];

	*domid = 0;
	if (b->bb->disks_only)
		return 0;
	back_memory_path(b, path);
	b->restore->path = path;
	return restore_run(b->restore, domid);
}

/* One at a time: another could start a guest on a disk that was found unused, and is written. */
static int back_run(struct back *b, uint32_t *domid)
{
	int lock = lock_take_for(LOCK_DIR, 0, "restore"), ret;

	if (lock < 0)
		return -1;
	ret = back_check(b) || back_write(b) || back_guest(b, domid) ? -1 : 0;
	close(lock);
	return ret;
}

int bring_back(const struct bring_back *bb, struct restore *r, uint32_t *domid)
{
	struct back b = { .bb = bb, .restore = r, .memory = -1 };
	size_t i;
	int ret;

	b.dir = open(bb->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b.dir < 0)
		return msg_error("cannot open the backup: %s", strerror(errno));
	ret = back_run(&b, domid);
	for (i = 0; b.places && i < b.manifest.disks.n; i++)
		if (b.places[i].fd >= 0)
			close(b.places[i].fd);
	if (b.memory >= 0)
		close(b.memory);
	r->path = bb->path;
	r->disks = NULL;
	r->ndisks = 0;
	free(b.places);
	free(b.moved);
	free(b.domain);
	manifest_free(&b.manifest);
	close(b.dir);
	return ret;
}
