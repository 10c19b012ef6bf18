// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <blkid.h>

#include "msg.h"
#include "volumes.h"

/* libblkid counts in these whatever the disk's sectors are. */
#define VOLUMES_SECTOR 512ULL

#define VOLUMES_MAX 256

static const struct {
	const char *type;
	const char *options;
} volumes_known[] = {
	{ "ext2", "" },
	{ "ext3", ",noload" },
	{ "ext4", ",noload" },
	{ "xfs", ",norecovery,nouuid" },
	{ "btrfs", ",rescue=nologreplay" },
	{ "vfat", "" },
};

const char *volumes_options(const char *type)
{
	size_t i;

	for (i = 0; i < sizeof(volumes_known) / sizeof(volumes_known[0]); i++)
		if (!strcmp(type, volumes_known[i].type))
			return volumes_known[i].options;
	return NULL;
}

static int volumes_add(struct volumes *volumes, const struct volume *volume)
{
	struct volume *more = realloc(volumes->volume, (volumes->n + 1) * sizeof(*more));

	if (!more)
		return msg_error("out of memory");
	volumes->volume = more;
	more[volumes->n++] = *volume;
	return 0;
}

/* A probe of a part of the file; NULL with an error recorded. *found is as of libblkid. */
static blkid_probe volumes_probe(int fd, const char *name, const struct volume *part, int *found)
{
	blkid_probe pr = blkid_new_probe();

	if (!pr || blkid_probe_set_device(pr, fd, part->offset, part->bytes) ||
	    blkid_probe_enable_superblocks(pr, 1) ||
	    blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE) ||
	    blkid_probe_enable_partitions(pr, 1)) {
		msg_error("cannot look at the disk '%s'", name);
		blkid_free_probe(pr);
		return NULL;
	}
	*found = blkid_do_safeprobe(pr);
	return pr;
}

/* Take the type of the file system that was found, if one was. */
static void volumes_take_type(blkid_probe pr, int found, struct volume *volume)
{
	const char *type, *usage;

	if (found || blkid_probe_lookup_value(pr, "TYPE", &type, NULL) ||
	    blkid_probe_lookup_value(pr, "USAGE", &usage, NULL) || strcmp(usage, "filesystem") ||
	    strlen(type) >= sizeof(volume->type))
		return;
	strcpy(volume->type, type);
}

static int volumes_partition(struct volumes *volumes, int fd, const char *name, blkid_partition p,
			     uint64_t size)
{
	uint64_t start = blkid_partition_get_start(p), sectors = blkid_partition_get_size(p);
	struct volume part = { .partition = blkid_partition_get_partno(p) };
	blkid_probe pr;
	int found;

	if (blkid_partition_is_extended(p) || start > size / VOLUMES_SECTOR ||
	    sectors > size / VOLUMES_SECTOR - start || !sectors)
		return 0;
	part.offset = start * VOLUMES_SECTOR;
	part.bytes = sectors * VOLUMES_SECTOR;
	pr = volumes_probe(fd, name, &part, &found);
	if (!pr)
		return -1;
	volumes_take_type(pr, found, &part);
	blkid_free_probe(pr);
	return volumes_add(volumes, &part);
}

static int volumes_partitions(struct volumes *volumes, int fd, const char *name,
			      blkid_partlist list, uint64_t size)
{
	int n = blkid_partlist_numof_partitions(list), i;

	for (i = 0; i < n && i < VOLUMES_MAX; i++)
		if (volumes_partition(volumes, fd, name, blkid_partlist_get_partition(list, i),
				      size))
			return -1;
	return 0;
}

int volumes_find(struct volumes *volumes, int fd, const char *name)
{
	struct volume whole = { .partition = 0 };
	blkid_partlist list;
	struct stat st;
	blkid_probe pr;
	int found, ret;

	memset(volumes, 0, sizeof(*volumes));
	if (fstat(fd, &st))
		return msg_error("cannot look at the disk '%s': %s", name, strerror(errno));
	whole.bytes = st.st_size;
	pr = volumes_probe(fd, name, &whole, &found);
	if (!pr)
		return -1;
	volumes_take_type(pr, found, &whole);
	list = *whole.type ? NULL : blkid_probe_get_partitions(pr);
	if (list && blkid_partlist_numof_partitions(list) > 0)
		ret = volumes_partitions(volumes, fd, name, list, st.st_size);
	else
		ret = volumes_add(volumes, &whole);
	blkid_free_probe(pr);
	return ret;
}

void volumes_free(struct volumes *volumes)
{
	free(volumes->volume);
	memset(volumes, 0, sizeof(*volumes));
}
