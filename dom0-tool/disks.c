// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* open_memstream */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

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

/* The file behind the loop device @dev; NULL if it is no loop device. free() it. */
static char *disks_behind_loop(dev_t dev)
{
	char path[128], *file = NULL;
	size_t size = 0;
	ssize_t len;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/loop/backing_file", major(dev),
		 minor(dev));
	f = fopen(path, "re");
	if (!f)
		return NULL;
	len = getline(&file, &size, f);
	fclose(f);
	if (len > 0 && file[len - 1] == '\n')
		file[--len] = '\0';
	if (len > 0)
		return file;
	free(file);
	return NULL;
}

static int disks_resolve(struct disk *disk)
{
	struct stat st;
	char *behind;

	disk->path = realpath(disk->device, NULL);
	if (!disk->path || stat(disk->path, &st))
		return msg_error("cannot find the disk %s, '%s': %s", disk->vdev, disk->device,
				 strerror(errno));
	behind = S_ISBLK(st.st_mode) ? disks_behind_loop(st.st_rdev) : NULL;
	if (behind) {
		free(disk->path);
		disk->path = behind;
		if (stat(behind, &st))
			return msg_error("cannot find the disk %s, '%s' behind '%s': %s",
					 disk->vdev, behind, disk->device, strerror(errno));
	}
	disk->block = S_ISBLK(st.st_mode);
	if (!disk->block && !S_ISREG(st.st_mode))
		return msg_error("the disk %s, '%s', is neither a file nor a block device",
				 disk->vdev, disk->path);
	if (strchr(disk->path, '\n'))
		return msg_error("the path of the disk %s has a newline in it", disk->vdev);
	return 0;
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
