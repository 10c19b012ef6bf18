// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* renameat2, nftw */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "msg.h"

/* Directories that nftw(3) keeps open. */
#define FOLDER_DEPTH 16

#define FOLDER_MODE 0700

static int folder_open_dir(struct folder *folder)
{
	size_t len = strlen(folder->path);
	char path[PATH_MAX], dir[PATH_MAX];
	char *slash, *name;

	while (len > 1 && folder->path[len - 1] == '/')
		len--;
	if (!len || len >= sizeof(path))
		return msg_error("'%s' cannot be the name of a folder", folder->path);
	snprintf(path, sizeof(path), "%.*s", (int)len, folder->path);
	slash = strrchr(path, '/');
	name = slash ? slash + 1 : path;
	if (!*name || !strcmp(name, ".") || !strcmp(name, "..") ||
	    strlen(name) >= sizeof(folder->name))
		return msg_error("'%s' cannot be the name of a folder", folder->path);
	strcpy(folder->name, name);
	if (slash)
		slash[slash == path] = '\0';
	if (!realpath(slash ? path : ".", dir))
		return msg_error("cannot open the directory of '%s': %s", folder->path,
				 strerror(errno));
	folder->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder->dir < 0)
		return msg_error("cannot open the directory '%s': %s", dir, strerror(errno));
	snprintf(folder->temp, sizeof(folder->temp), ".%s.partial.%ld", folder->name,
		 (long)getpid());
	if (snprintf(folder->full, sizeof(folder->full), "%s/%s", dir, folder->temp) >=
	    (int)sizeof(folder->full))
		return msg_error("the path of '%s' is too long", folder->path);
	return 0;
}

static int folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* The folder @name beside ours, with all that is in it, but nothing that is mounted there. */
static void folder_remove(const struct folder *folder, const char *name)
{
	char path[PATH_MAX];
	size_t len = strlen(folder->full) - strlen(folder->temp);

	if (snprintf(path, sizeof(path), "%.*s%s", (int)len, folder->full, name) <
	    (int)sizeof(path))
		nftw(path, folder_remove_one, FOLDER_DEPTH, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* A folder of somebody else's may change under the hands of who removes it. */
static bool folder_is_ours(const struct folder *folder, const char *name)
{
	struct stat st;

	return !fstatat(folder->dir, name, &st, AT_SYMLINK_NOFOLLOW) && st.st_uid == geteuid();
}

/* Remove siblings whose process is gone. */
static void folder_clean_stale(const struct folder *folder)
{
	int fd = openat(folder->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char prefix[300];
	struct dirent *e;
	size_t len;
	char *end;
	long pid;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	len = snprintf(prefix, sizeof(prefix), ".%s.partial.", folder->name);
	while ((e = readdir(dir))) {
		if (strncmp(e->d_name, prefix, len))
			continue;
		pid = strtol(e->d_name + len, &end, 10);
		if (pid <= 0 || *end || (pid != getpid() && (!kill(pid, 0) || errno != ESRCH)))
			continue;
		if (folder_is_ours(folder, e->d_name))
			folder_remove(folder, e->d_name);
	}
	closedir(dir);
}

int folder_begin(struct folder *folder, const char *path)
{
	struct stat st;

	memset(folder, 0, sizeof(*folder));
	folder->path = path;
	folder->dir = -1;
	folder->fd = -1;
	if (folder_open_dir(folder)) {
		folder->temp[0] = '\0';
		return -1;
	}
	folder_clean_stale(folder);
	if (!fstatat(folder->dir, folder->name, &st, AT_SYMLINK_NOFOLLOW)) {
		folder->temp[0] = '\0';
		return msg_error("'%s' exists; name a folder that does not", path);
	}
	if (mkdirat(folder->dir, folder->temp, FOLDER_MODE)) {
		folder->temp[0] = '\0';
		return msg_error("cannot make a folder beside '%s': %s", path, strerror(errno));
	}
	folder->fd = openat(folder->dir, folder->temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder->fd < 0)
		return msg_error("cannot open the folder for '%s': %s", path, strerror(errno));
	return 0;
}

/* Not all file systems can do it in one way. Of folders, a name can only hide an empty one. */
static int folder_rename(const struct folder *folder)
{
	struct stat st;

	if (!renameat2(folder->dir, folder->temp, folder->dir, folder->name, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL)
		return -1;
	if (!fstatat(folder->dir, folder->name, &st, AT_SYMLINK_NOFOLLOW))
		errno = EEXIST;
	if (errno != ENOENT)
		return -1;
	return renameat(folder->dir, folder->temp, folder->dir, folder->name);
}

/* The name may not last: take it away again. folder_close() removes the rest. */
static int folder_withdraw(struct folder *folder, int error)
{
	if (!renameat(folder->dir, folder->name, folder->dir, folder->temp))
		return msg_error("cannot bring the directory of '%s' to disk: %s", folder->path,
				 strerror(error));
	folder->temp[0] = '\0';
	return msg_error(
		"cannot bring the directory of '%s' to disk: %s; the folder is complete, and stays, as it cannot be renamed back",
		folder->path, strerror(error));
}

int folder_publish(struct folder *folder)
{
	/* Hooks wrote there with programs of their own. */
	if (syncfs(folder->fd))
		return msg_error("cannot bring '%s' to disk: %s", folder->path, strerror(errno));
	if (folder_rename(folder))
		return msg_error("cannot name '%s': %s", folder->path, strerror(errno));
	/* Some file systems bring names to disk by themselves, and know of no other way. */
	if (fsync(folder->dir) && errno != EINVAL)
		return folder_withdraw(folder, errno);
	folder->temp[0] = '\0';
	return 0;
}

void folder_close(struct folder *folder)
{
	if (folder->fd >= 0)
		close(folder->fd);
	if (folder->temp[0])
		folder_remove(folder, folder->temp);
	if (folder->dir >= 0)
		close(folder->dir);
	folder->fd = -1;
	folder->dir = -1;
	folder->temp[0] = '\0';
}
