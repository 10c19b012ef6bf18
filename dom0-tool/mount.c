// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* asprintf */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libmount.h>

#include "json_add.h"
#include "manifest.h"
#include "mount.h"
#include "msg.h"
#include "volumes.h"

#define MOUNT_SOURCE "stillpoint"
#define MOUNT_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* What a guest put there may have been made to attack the kernel that reads it. */
#define MOUNT_OPTIONS "ro,nosuid,nodev,noexec,loop,offset=%llu,sizelimit=%llu%s"

/**
 * struct mount - one that is made
 * @path: of the backup
 * @dir: the same, open
 * @target: where it is mounted
 * @list: an object for each file system
 */
struct mount {
	char path[PATH_MAX];
	int dir;
	char target[PATH_MAX];
	json_object *list;
};

/* Our own file system, in which the guest's are mounted. */
static int mount_root(const struct mount *m)
{
	if (mount(MOUNT_SOURCE, m->target, "tmpfs", MOUNT_FLAGS, "mode=0700,size=1m"))
		return msg_error("cannot mount at '%s': %s", m->target, strerror(errno));
	if (mount(NULL, m->target, NULL, MS_PRIVATE, NULL))
		return msg_error("cannot make the mount at '%s' private: %s", m->target,
				 strerror(errno));
	return 0;
}

static int mount_root_readonly(const struct mount *m)
{
	if (mount(NULL, m->target, NULL, MS_REMOUNT | MS_RDONLY | MOUNT_FLAGS, NULL))
		return msg_error("cannot make the mount at '%s' read-only: %s", m->target,
				 strerror(errno));
	return 0;
}

/* libmount attaches the loop device, which goes with the mount. */
static int mount_with(const char *source, const char *target, const char *type, const char *options)
{
	struct libmnt_context *cxt = mnt_new_context();
	char why[256] = "out of memory";
	int ret = -1;

	if (cxt && !mnt_context_disable_mtab(cxt, 1) && !mnt_context_disable_helpers(cxt, 1) &&
	    !mnt_context_set_source(cxt, source) && !mnt_context_set_target(cxt, target) &&
	    !mnt_context_set_fstype(cxt, type) && !mnt_context_set_options(cxt, options)) {
		ret = mnt_context_mount(cxt);
		if (mnt_context_get_excode(cxt, ret, why, sizeof(why)))
			ret = -1;
	}
	mnt_free_context(cxt);
	return ret ? msg_error("cannot mount '%s' (%s): %s", source, type, why) : 0;
}

static int mount_volume(const struct mount *m, const struct disk *disk,
			const struct manifest_file *file, const struct volume *v)
{
	char name[64], source[PATH_MAX + 80], target[PATH_MAX + 80], options[256];
	const char *extra = volumes_options(v->type);
	json_object *o;

	if (v->partition)
		snprintf(name, sizeof(name), "%s%u", disk->vdev, v->partition);
	else
		snprintf(name, sizeof(name), "%s", disk->vdev);
	if (!extra) {
		msg_warn("%s: %s%s; passed over", name, *v->type ? v->type : "no file system",
			 *v->type ? " is not mounted" : " that is known");
		return 0;
	}
	snprintf(source, sizeof(source), "%s/%s", m->path, file->name);
	snprintf(target, sizeof(target), "%s/%s", m->target, name);
	snprintf(options, sizeof(options), MOUNT_OPTIONS, (unsigned long long)v->offset,
		 (unsigned long long)v->bytes, extra);
	if (mkdir(target, 0700))
		return msg_error("cannot make '%s': %s", target, strerror(errno));
	/* One that the guest has damaged keeps no other from being seen. */
	if (mount_with(source, target, v->type, options)) {
		msg_warn("%s; passed over", msg_error_text());
		msg_error_clear();
		rmdir(target);
		return 0;
	}
	o = json_object_new_object();
	add_string(o, "name", name);
	add_string(o, "type", v->type);
	add_string(o, "target", target);
	add_number(o, "bytes", v->bytes);
	json_object_array_add(m->list, o);
	return 0;
}

static int mount_disk(const struct mount *m, const struct disk *disk,
		      const struct manifest_file *file)
{
	struct volumes volumes;
	int fd, ret;
	size_t i;

	if (strcmp(disk->format, "raw")) {
		msg_warn("%s: passed over, as it has the format %s; convert '%s' with qemu-img",
			 disk->vdev, disk->format, file->name);
		return 0;
	}
	fd = manifest_open(file, m->dir);
	if (fd < 0)
		return -1;
	ret = volumes_find(&volumes, fd, file->name);
	close(fd);
	for (i = 0; i < volumes.n && !ret; i++)
		ret = mount_volume(m, disk, file, &volumes.volume[i]);
	volumes_free(&volumes);
	return ret;
}

static int mount_disks(const struct mount *m, const struct manifest *manifest)
{
	size_t i;

	for (i = 0; i < manifest->disks.n; i++)
		if (mount_disk(m, &manifest->disks.disk[i], &manifest->files[i]))
			return -1;
	if (!json_object_array_length(m->list))
		return msg_error("there is no file system in the backup that can be mounted");
	return mount_root_readonly(m);
}

static bool mount_is_ours(struct libmnt_fs *fs)
{
	const char *source = fs ? mnt_fs_get_source(fs) : NULL;
	const char *type = fs ? mnt_fs_get_fstype(fs) : NULL;

	return source && type && !strcmp(source, MOUNT_SOURCE) && !strcmp(type, "tmpfs");
}

/* True if @path is below @target. */
static bool mount_is_below(const char *path, const char *target)
{
	size_t len = strlen(target);

	return path && !strncmp(path, target, len) && path[len] == '/';
}

/* The last mount comes first. What is behind our own in the table was there before. */
static int mount_end_all(struct libmnt_table *tb, const char *target)
{
	struct libmnt_iter *itr = mnt_new_iter(MNT_ITER_BACKWARD);
	struct libmnt_fs *fs;
	int ret = 0;

	if (!itr)
		return msg_error("out of memory");
	while (!ret && !mnt_table_next_fs(tb, itr, &fs)) {
		if (mount_is_ours(fs) && !strcmp(mnt_fs_get_target(fs), target))
			break;
		if (mount_is_below(mnt_fs_get_target(fs), target) &&
		    umount2(mnt_fs_get_target(fs), UMOUNT_NOFOLLOW))
			ret = msg_error("cannot unmount '%s': %s", mnt_fs_get_target(fs),
					strerror(errno));
	}
	mnt_free_iter(itr);
	if (!ret && umount2(target, UMOUNT_NOFOLLOW))
		ret = msg_error("cannot unmount '%s': %s", target, strerror(errno));
	return ret;
}

int mount_end(const char *target)
{
	struct libmnt_table *tb = mnt_new_table_from_file("/proc/self/mountinfo");
	char path[PATH_MAX];
	int ret;

	if (!realpath(target, path))
		ret = msg_error("cannot find '%s': %s", target, strerror(errno));
	else if (!tb)
		ret = msg_error("cannot read the table of mounts");
	else if (!mount_is_ours(mnt_table_find_target(tb, path, MNT_ITER_BACKWARD)))
		ret = msg_error("no backup is mounted at '%s'", target);
	else
		ret = mount_end_all(tb, path);
	mnt_unref_table(tb);
	return ret;
}

/* Nothing may be mounted over what somebody uses. */
static int mount_check_target(const struct mount *m)
{
	struct libmnt_table *tb = mnt_new_table_from_file("/proc/self/mountinfo");
	int ret = 0;

	if (!tb)
		ret = msg_error("cannot read the table of mounts");
	else if (mount_is_ours(mnt_table_find_target(tb, m->target, MNT_ITER_BACKWARD)))
		ret = msg_error("a backup is mounted at '%s'; 'stillpoint umount' ends that",
				m->target);
	mnt_unref_table(tb);
	return ret;
}

static int mount_all(const struct mount *m)
{
	struct manifest manifest;
	int ret;

	ret = manifest_read(&manifest, m->dir);
	if (!ret)
		ret = mount_check_target(m) || mount_root(m) ? -1 : 0;
	if (!ret) {
		ret = mount_disks(m, &manifest);
		/* The error that led there stays. */
		if (ret)
			mount_end(m->target);
	}
	manifest_free(&manifest);
	return ret;
}

int mount_backup(const char *path, const char *target, struct json_object *list)
{
	struct mount m = { .list = list };
	int ret;

	if (!realpath(path, m.path))
		return msg_error("cannot open the backup '%s': %s", path, strerror(errno));
	if (!realpath(target, m.target))
		return msg_error("cannot find '%s': %s", target, strerror(errno));
	m.dir = open(m.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m.dir < 0)
		return msg_error("cannot open the backup '%s': %s", path, strerror(errno));
	ret = mount_all(&m);
	close(m.dir);
	return ret;
}
