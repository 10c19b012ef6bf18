// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* asprintf, open_memstream */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "disks.h"
#include "msg.h"

bool disks_is_vdev(const char *vdev)
{
	size_t i;

	for (i = 0; vdev[i]; i++)
		if (!isascii(vdev[i]) || !isalnum((unsigned char)vdev[i]))
			return false;
	return i && i < sizeof(((struct disk *)NULL)->vdev);
}

/* What sysfs says of the loop device @dev, without the newline; NULL if it is none. free() it. */
static char *disks_loop_attribute(dev_t dev, const char *name)
{
	char path[128], *value = NULL;
	size_t size = 0;
	ssize_t len;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/loop/%s", major(dev), minor(dev), name);
	f = fopen(path, "re");
	if (!f)
		return NULL;
	len = getline(&value, &size, f);
	fclose(f);
	if (len > 0 && value[len - 1] == '\n')
		value[--len] = '\0';
	if (len > 0)
		return value;
	free(value);
	return NULL;
}

static bool disks_loop_is_zero(dev_t dev, const char *name)
{
	char *value = disks_loop_attribute(dev, name);
	bool zero = value && !strcmp(value, "0");

	free(value);
	return zero;
}

/*
 * The file that is all of the loop device @dev; NULL if it is no loop device, or one of a part of
 * its file. free() it.
 */
static char *disks_behind_loop(dev_t dev)
{
	if (!disks_loop_is_zero(dev, "offset") || !disks_loop_is_zero(dev, "sizelimit"))
		return NULL;
	return disks_loop_attribute(dev, "backing_file");
}

/* As Xen's hotplug scripts have it: a device's name may lack the "/dev/". */
static char *disks_full_name(const char *device)
{
	char *path;

	if (*device == '/' || asprintf(&path, "/dev/%s", device) < 0)
		return strdup(device);
	if (!access(path, F_OK))
		return path;
	free(path);
	return strdup(device);
}

/*
 * A file's links are resolved. A block device keeps its name: what it is a link to may be
 * another's after the next boot.
 */
static int disks_find_path(struct disk *disk)
{
	char *path;
	struct stat st;

	disk->path = disks_full_name(disk->device);
	if (!disk->path)
		return msg_error("out of memory");
	if (stat(disk->path, &st))
		return msg_error("cannot find the disk %s, '%s': %s", disk->vdev, disk->path,
				 strerror(errno));
	path = S_ISBLK(st.st_mode) ? disks_behind_loop(st.st_rdev) : realpath(disk->path, NULL);
	if (!path && !S_ISBLK(st.st_mode))
		return msg_error("cannot find the disk %s, '%s': %s", disk->vdev, disk->path,
				 strerror(errno));
	if (path) {
		free(disk->path);
		disk->path = path;
	}
	return 0;
}

static int disks_resolve(struct disk *disk)
{
	struct stat st;

	if (disks_find_path(disk))
		return -1;
	if (stat(disk->path, &st))
		return msg_error("cannot find the disk %s, '%s' behind '%s': %s", disk->vdev,
				 disk->path, disk->device, strerror(errno));
	disk->block = S_ISBLK(st.st_mode);
	if (!disk->block && !S_ISREG(st.st_mode))
		return msg_error("the disk %s, '%s', is neither a file nor a block device",
				 disk->vdev, disk->path);
	if (strchr(disk->path, '\n'))
		return msg_error("the path of the disk %s has a newline in it", disk->vdev);
	return 0;
}

static int disks_measure_one(struct disk *disk)
{
	int fd = open(disk->path, O_RDONLY | O_CLOEXEC), ret;
	struct stat st;

	if (fd < 0)
		return msg_error("cannot open the disk %s, '%s': %s", disk->vdev, disk->path,
				 strerror(errno));
	ret = disk->block ? ioctl(fd, BLKGETSIZE64, &disk->bytes) : fstat(fd, &st);
	if (ret)
		msg_error("cannot find the size of the disk %s, '%s': %s", disk->vdev, disk->path,
			  strerror(errno));
	else if (!disk->block)
		disk->bytes = st.st_size;
	close(fd);
	return ret;
}

int disks_measure(struct disks *disks)
{
	size_t i;

	for (i = 0; i < disks->n; i++)
		if (disks_measure_one(&disks->disk[i]))
			return -1;
	return 0;
}

bool disks_are_same(const struct disks *a, const struct disks *b)
{
	const struct disk *other;
	size_t i;

	for (i = 0; i < a->n; i++) {
		other = disks_find(b, a->disk[i].vdev);
		if (!other || strcmp(other->device, a->disk[i].device) ||
		    strcmp(other->path, a->disk[i].path))
			return false;
	}
	return a->n == b->n;
}

int disks_add(struct disks *disks, const char *vdev, const char *device, const char *format,
	      bool readonly)
{
	struct disk *disk;

	if (!disks_is_vdev(vdev))
		return msg_error("'%s' cannot be a disk's name", vdev);
	if (disks_find(disks, vdev))
		return msg_error("there are two disks '%s'", vdev);
	disk = realloc(disks->disk, (disks->n + 1) * sizeof(*disk));
	if (!disk)
		return msg_error("out of memory");
	disks->disk = disk;
	disk += disks->n++;
	memset(disk, 0, sizeof(*disk));
	strcpy(disk->vdev, vdev);
	snprintf(disk->format, sizeof(disk->format), "%s", format);
	disk->readonly = readonly;
	disk->device = strdup(device);
	return disk->device ? disks_resolve(disk) : msg_error("out of memory");
}

struct disk *disks_find(const struct disks *disks, const char *vdev)
{
	size_t i;

	for (i = 0; i < disks->n; i++)
		if (!strcmp(disks->disk[i].vdev, vdev))
			return &disks->disk[i];
	return NULL;
}

char *disks_text(const struct disks *disks)
{
	char *text = NULL;
	size_t size, i;
	FILE *f;

	f = open_memstream(&text, &size);
	for (i = 0; f && i < disks->n; i++)
		fprintf(f, "%s%s %s %s", i ? "\n" : "", disks->disk[i].vdev, disks->disk[i].format,
			disks->disk[i].path);
	if (!f || fclose(f)) {
		free(text);
		text = NULL;
		msg_error("out of memory");
	}
	return text;
}

void disks_free(struct disks *disks)
{
	size_t i;

	for (i = 0; i < disks->n; i++) {
		free(disks->disk[i].device);
		free(disks->disk[i].path);
	}
	free(disks->disk);
	memset(disks, 0, sizeof(*disks));
}
