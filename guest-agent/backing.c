// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "backing.h"
#include "plan.h"
#include "slurp.h"

/* Devices upon devices: more than anybody stacks. */
#define DEPTH_MAX 16

/**
 * struct search - what is looked for
 * @mounts: the table
 * @found: whom to tell
 * @to: what to tell him
 */
struct search {
	const struct mounts *mounts;
	void (*found)(void *to, const struct mount *backing);
	void *to;
};

/* The mount that /proc says @fd is in. */
static const struct mount *mount_of_fd(const struct mounts *mounts, int fd)
{
	const struct mount *mount = NULL;
	char path[64], *text, *line;
	unsigned int id;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (slurp(path, &text))
		return NULL;
	line = strstr(text, "mnt_id:");
	if (line && sscanf(line, "mnt_id:%u", &id) == 1)
		mount = mounts_by_id(mounts, id);
	free(text);
	return mount;
}

/* The mount in which @path is, NULL if it cannot be told without waiting for others. */
static const struct mount *mount_of(const struct mounts *mounts, const char *path)
{
	const struct mount *mount;
	bool remote;
	int fd;

	plan_walk(mounts, path, &remote);
	if (remote)
		return NULL;
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	mount = mount_of_fd(mounts, fd);
	close(fd);
	return mount;
}

/* True if @device, a folder of /sys, is a loop device or a partition of one. */
static bool look_for_file(const struct search *search, const char *device)
{
	static const char *const names[] = { "loop/backing_file", "../loop/backing_file" };
	const struct mount *mount;
	char path[PATH_MAX], *text;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", device, names[i]);
		if (slurp(path, &text))
			continue;
		text[strcspn(text, "\n")] = '\0';
		mount = mount_of(search->mounts, text);
		if (mount)
			search->found(search->to, mount);
		free(text);
		return true;
	}
	return false;
}

static void look_at(const struct search *search, const char *device, unsigned int depth)
{
	char path[PATH_MAX - NAME_MAX - 2], slave[PATH_MAX];
	const struct dirent *entry;
	DIR *dir;

	if (depth == DEPTH_MAX || look_for_file(search, device))
		return;
	if (snprintf(path, sizeof(path), "%s/slaves", device) >= (int)sizeof(path))
		return;
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(slave, sizeof(slave), "%s/%s", path, entry->d_name);
		look_at(search, slave, depth + 1);
	}
	closedir(dir);
}

void backing_find(const struct mounts *mounts, const struct mount *mount,
		  void (*found)(void *to, const struct mount *backing), void *to)
{
	const struct search search = { .mounts = mounts, .found = found, .to = to };
	unsigned int dev_major = mount->dev_major, dev_minor = mount->dev_minor;
	char path[64];
	struct stat st;

	/* btrfs has a device of its own in the table, and the disk's name beside it. */
	if (!dev_major) {
		if (mount->source[0] != '/' || stat(mount->source, &st) || !S_ISBLK(st.st_mode))
			return;
		dev_major = major(st.st_rdev);
		dev_minor = minor(st.st_rdev);
	}
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", dev_major, dev_minor);
	look_at(&search, path, 0);
}
