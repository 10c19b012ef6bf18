// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backup.h"
#include "clock.h"
#include "config.h"
#include "folder.h"
#include "manifest.h"
#include "msg.h"
#include "qcow2.h"
#include "signals.h"

/**
 * struct backup - one that is made
 * @config: the domain's, before the guest holds still
 */
struct backup {
	struct domain *dom;
	const struct backup_options *opts;
	struct backup_result *res;
	struct folder folder;
	struct disk_hook hook;
	struct manifest manifest;
	char *config;
};

static int backup_read_config(struct backup *b, char **json)
{
	int ret = b->dom->ops->config(b->dom, json);

	return ret ? msg_error("cannot read the domain's configuration: %s", strerror(-ret)) : 0;
}

static int backup_check_qcow2(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return msg_error("cannot open '%s': %s", name, strerror(errno));
	ret = qcow2_check(fd, name);
	close(fd);
	return ret;
}

static int backup_check_disk(const struct disk *disk)
{
	if (!strcmp(disk->format, "qcow2"))
		return backup_check_qcow2(AT_FDCWD, disk->path);
	if (!strcmp(disk->format, "raw"))
		return 0;
	return msg_error("the disk %s has the format %s; raw and qcow2 are known", disk->vdev,
			 disk->format);
}

static int backup_prepare(struct backup *b)
{
	struct manifest *m = &b->manifest;
	size_t i;

	if (folder_begin(&b->folder, b->opts->path) || b->dom->ops->disks(b->dom, &m->disks) ||
	    disks_measure(&m->disks) || backup_read_config(b, &b->config))
		return -1;
	for (i = 0; i < m->disks.n; i++)
		if (backup_check_disk(&m->disks.disk[i]))
			return -1;
	m->files = calloc(m->disks.n + 1, sizeof(*m->files));
	m->domain = strdup(b->dom->name);
	if (!m->files || !m->domain)
		return msg_error("out of memory");
	m->quiesced = b->opts->save.freeze;
	b->hook = b->opts->hook;
	b->hook.target = b->folder.full;
	return 0;
}

/* With the guest's memory: it is parked while the hook runs. */
static int backup_memory(struct backup *b)
{
	struct save_options save = b->opts->save;
	char path[PATH_MAX + sizeof(BACKUP_MEMORY)];
	int ret;

	snprintf(path, sizeof(path), "%s/" BACKUP_MEMORY, b->folder.full);
	save.path = path;
	save.hook = &b->hook;
	save.disks = &b->manifest.disks;
	ret = save_run(b->dom, &save, &b->res->save);
	b->manifest.encrypted = save.image.secret;
	b->manifest.created = b->res->save.hook_time;
	b->res->frozen = b->res->save.frozen;
	b->res->frozen_us = b->res->save.frozen_us;
	return ret;
}

/* A device that came or went since is not in the configuration. */
static int backup_check_devices(struct backup *b)
{
	char *now;
	int ret;

	if (backup_read_config(b, &now))
		return -1;
	ret = config_same_devices(b->config, now) ?
		      0 :
		      msg_error("the domain's devices have changed meanwhile; try again");
	free(now);
	return ret;
}

static int backup_freeze(struct backup *b, struct freeze *f)
{
	uint64_t start;
	int ret;

	if (freeze_begin(f))
		return -1;
	start = clock_us();
	b->res->frozen = f->guest.frozen;
	ret = disk_hook_run(&b->hook, DISK_HOOK_SNAPSHOT, b->dom, &b->manifest.disks, true);
	b->manifest.created = time(NULL);
	if (freeze_end(f))
		ret = -1;
	b->res->frozen_us = f->thawed_us - start;
	freeze_finish(f);
	return ret || backup_check_devices(b) ? -1 : 0;
}

/* Without: its file systems are frozen. */
static int backup_disks(struct backup *b)
{
	struct freeze f;
	int ret;

	freeze_init(&f, b->dom, b->opts->save.freeze);
	ret = backup_freeze(b, &f);
	freeze_close(&f);
	return ret;
}

static int backup_hold_still(struct backup *b)
{
	if (b->opts->memory ? backup_memory(b) : backup_disks(b))
		return -1;
	return disk_hook_run(&b->hook, DISK_HOOK_COLLECT, b->dom, &b->manifest.disks,
			     b->manifest.quiesced);
}

/* Copy the disks. The hook is to clean up even if it failed. */
static int backup_copy(struct backup *b)
{
	int ret = backup_hold_still(b);

	if (disk_hook_run(&b->hook, DISK_HOOK_DROP, b->dom, &b->manifest.disks,
			  b->manifest.quiesced))
		ret = -1;
	return ret;
}

static int backup_config(struct backup *b)
{
	ssize_t n, size = strlen(b->config);
	int fd, ret = 0;

	fd = openat(b->folder.fd, BACKUP_CONFIG, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	n = fd < 0 ? -1 : write(fd, b->config, size);
	if (n != size)
		ret = msg_error("cannot write '" BACKUP_CONFIG "': %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return ret ? -1 : manifest_measure(&b->manifest.config, b->folder.fd, BACKUP_CONFIG);
}

/* The configuration names the disk's format, and QEMU would take a guest's bytes for another's. */
static int backup_check_format(const struct disk *disk, const char *format)
{
	if (!strcmp(disk->format, format))
		return 0;
	return msg_error("the disk hook's copy of %s is %s, the disk is %s; copy it as it is",
			 disk->vdev, format, disk->format);
}

/* A hook that failed unnoticed, in a pipe say, may have made half a copy. */
static int backup_check_raw(const struct disk *disk, const struct stat *st)
{
	if ((uint64_t)st->st_size >= disk->bytes)
		return 0;
	return msg_error("the disk hook's copy of %s has %llu bytes, the disk has %llu", disk->vdev,
			 (unsigned long long)st->st_size, (unsigned long long)disk->bytes);
}

/* Take the hook's copy @name, in @format. What can be seen at once comes before its digest. */
static int backup_take(struct backup *b, const struct disk *disk, const char *format,
		       const char *name, const struct stat *st, struct manifest_file *file)
{
	/* Whoever opens a FIFO waits for its writer. */
	if (!S_ISREG(st->st_mode))
		return msg_error("the disk hook's copy of %s is no regular file", disk->vdev);
	if (backup_check_format(disk, format) ||
	    (strcmp(format, "raw") ? backup_check_qcow2(b->folder.fd, name) :
				     backup_check_raw(disk, st)))
		return -1;
	return manifest_measure(file, b->folder.fd, name);
}

/* The copy that the hook made of @disk, in the disk's format. */
static int backup_find(struct backup *b, struct disk *disk, struct manifest_file *file)
{
	char name[sizeof(file->name)];
	struct stat st;

	snprintf(name, sizeof(name), "%s" BACKUP_RAW, disk->vdev);
	if (!fstatat(b->folder.fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return backup_take(b, disk, "raw", name, &st, file);
	snprintf(name, sizeof(name), "%s" BACKUP_QCOW2, disk->vdev);
	if (!fstatat(b->folder.fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return backup_take(b, disk, "qcow2", name, &st, file);
	return msg_error("the disk hook made no copy of the disk %s", disk->vdev);
}

static int backup_describe(struct backup *b)
{
	struct manifest *m = &b->manifest;
	size_t i;

	if (backup_config(b))
		return -1;
	if (b->opts->memory && manifest_measure(&m->memory, b->folder.fd, BACKUP_MEMORY))
		return -1;
	b->res->bytes = m->memory.bytes + m->config.bytes;
	for (i = 0; i < m->disks.n; i++) {
		if (backup_find(b, &m->disks.disk[i], &m->files[i]))
			return -1;
		b->res->bytes += m->files[i].bytes;
	}
	b->res->disks = m->disks.n;
	return manifest_write(m, b->folder.fd);
}

int backup_run(struct domain *dom, const struct backup_options *opts, struct backup_result *result)
{
	struct backup b = { .dom = dom, .opts = opts, .res = result };
	uint64_t start = clock_us();
	int ret = -1;

	memset(result, 0, sizeof(*result));
	if (!backup_prepare(&b) && !backup_copy(&b) && !backup_describe(&b) && !signals_check())
		ret = folder_publish(&b.folder);
	folder_close(&b.folder);
	manifest_free(&b.manifest);
	free(b.config);
	result->total_us = clock_us() - start;
	return ret;
}
