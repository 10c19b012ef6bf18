// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "disk_extent.h"

#define EXTENT_SECTOR 512

/* A loop device of a partition of a loop device, and so on: Linux has a bound of its own, too. */
#define EXTENT_DEPTH_MAX 16

static uint64_t extent_add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* What is counted from @offset of something, @bytes of it or, with 0, all behind, is so no more. */
static void extent_shift(struct disk_extent *e, uint64_t offset, uint64_t bytes)
{
	uint64_t end = bytes ? extent_add(offset, bytes) : UINT64_MAX;

	e->start = extent_add(e->start, offset);
	e->end = extent_add(e->end, offset);
	if (e->end > end)
		e->end = end;
}

/* A number that sysfs has of a block device. Returns 0 or -1. */
static int extent_number(dev_t dev, const char *name, uint64_t *n)
{
	char path[128];
	FILE *f;
	int ret;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(dev), minor(dev), name);
	f = fopen(path, "re");
	if (!f)
		return -1;
	ret = fscanf(f, "%" SCNu64, n) == 1 ? 0 : -1;
	fclose(f);
	return ret;
}

/* The device that has the partition @dev. Returns 0 or -1. */
static int extent_parent(dev_t dev, dev_t *parent)
{
	unsigned int major_number, minor_number;
	char link[64], dir[PATH_MAX], path[PATH_MAX + 8], *slash;
	FILE *f;
	int n;

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	if (!realpath(link, dir))
		return -1;
	slash = strrchr(dir, '/');
	*slash = '\0';
	snprintf(path, sizeof(path), "%s/dev", dir);
	f = fopen(path, "re");
	if (!f)
		return -1;
	n = fscanf(f, "%u:%u", &major_number, &minor_number);
	fclose(f);
	if (n != 2)
		return -1;
	*parent = makedev(major_number, minor_number);
	return 0;
}

/*
 * The device is a partition: go on to what has it. Returns 1 if it is none, -1 if it cannot be
 * told.
 */
static int extent_partition(dev_t *dev, struct disk_extent *e)
{
	uint64_t number, start, sectors;

	if (extent_number(*dev, "partition", &number))
		return 1;
	if (extent_number(*dev, "start", &start) || extent_number(*dev, "size", &sectors) ||
	    extent_parent(*dev, dev))
		return -1;
	extent_shift(e, start * EXTENT_SECTOR, sectors * EXTENT_SECTOR);
	return 0;
}

/* The kernel's name of the block device @dev. Returns 0 or -1. */
static int extent_name(dev_t dev, char name[NAME_MAX + 1])
{
	char link[64], target[PATH_MAX], *slash;
	ssize_t n;

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	n = readlink(link, target, sizeof(target) - 1);
	if (n <= 0)
		return -1;
	target[n] = '\0';
	slash = strrchr(target, '/');
	snprintf(name, NAME_MAX + 1, "%.*s", NAME_MAX, slash ? slash + 1 : target);
	return 0;
}

/* Ask the kernel about the loop device /dev/@name. Returns 1 if it has no file. */
static int extent_loop_status(const char *name, struct loop_info64 *info)
{
	char path[NAME_MAX + 8];
	int fd, ret;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = ioctl(fd, LOOP_GET_STATUS64, info);
	if (ret && errno == ENXIO)
		ret = 1;
	close(fd);
	return ret;
}

/*
 * The device is a loop device: go on to what is behind it. Returns 1 if it is none, or if that is
 * a file, with which @e is then complete; -1 if it cannot be told.
 */
static int extent_loop(dev_t *dev, struct disk_extent *e)
{
	struct loop_info64 info = { .lo_number = 0 };
	char name[NAME_MAX + 1];
	int ret;

	if (extent_name(*dev, name) || strncmp(name, "loop", 4))
		return 1;
	ret = extent_loop_status(name, &info);
	if (ret)
		return ret;
	extent_shift(e, info.lo_offset, info.lo_sizelimit);
	/* As the kernel encodes them, numbers that need no more than 32 bits are dev_t's. */
	if (info.lo_rdevice) {
		*dev = info.lo_rdevice;
		return 0;
	}
	e->block = false;
	e->dev = info.lo_device;
	e->ino = info.lo_inode;
	return 1;
}

int disk_extent_of_device(dev_t dev, struct disk_extent *e)
{
	unsigned int depth;
	int ret;

	*e = (struct disk_extent){ .block = true, .end = UINT64_MAX };
	for (depth = 0; depth < EXTENT_DEPTH_MAX; depth++) {
		ret = extent_partition(&dev, e);
		if (ret > 0)
			ret = extent_loop(&dev, e);
		if (ret < 0)
			return -1;
		if (!ret)
			continue;
		if (e->block)
			e->dev = dev;
		return 0;
	}
	errno = ELOOP;
	return -1;
}

int disk_extent_of(const char *path, struct disk_extent *e)
{
	struct stat st;

	if (stat(path, &st))
		return -1;
	if (S_ISBLK(st.st_mode))
		return disk_extent_of_device(st.st_rdev, e);
	*e = (struct disk_extent){ .dev = st.st_dev, .ino = st.st_ino, .end = UINT64_MAX };
	return 0;
}

/* As disk_extent_claimed(), of the loop device /dev/@name only. */
static int extent_loop_claimed(const char *name, const struct disk_extent *e)
{
	struct loop_info64 info = { .lo_number = 0 };
	char path[NAME_MAX + 8];
	int ret = extent_loop_status(name, &info), fd;

	/* Without a node nobody has opened it by one. */
	if (ret)
		return ret > 0 || errno == ENOENT ? 0 : -1;
	if (info.lo_rdevice || info.lo_device != e->dev || info.lo_inode != e->ino)
		return 0;
	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (fd < 0)
		return errno == EBUSY ? 1 : -1;
	close(fd);
	return 0;
}

int disk_extent_claimed(const struct disk_extent *e)
{
	struct dirent *d;
	int ret = 0;
	DIR *dir;

	if (e->block)
		return 0;
	dir = opendir("/sys/block");
	if (!dir)
		return -1;
	while (!ret && (d = readdir(dir)))
		if (!strncmp(d->d_name, "loop", 4))
			ret = extent_loop_claimed(d->d_name, e);
	closedir(dir);
	return ret;
}

static bool extent_of_one(const struct disk_extent *a, const struct disk_extent *b)
{
	return a->block == b->block && a->dev == b->dev && a->ino == b->ino;
}

bool disk_extent_overlap(const struct disk_extent *a, const struct disk_extent *b)
{
	return extent_of_one(a, b) && a->start < b->end && b->start < a->end;
}

bool disk_extent_same(const struct disk_extent *a, const struct disk_extent *b)
{
	return extent_of_one(a, b) && a->start == b->start && a->end == b->end;
}
