// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "heartbeat.h"
#include "util.h"

static void *map(int fd, int prot, int flags, const char *path)
{
	void *p = mmap(NULL, sizeof(struct heartbeat_file), prot, flags, fd, 0);

	if (p == MAP_FAILED)
		die(errno, "cannot map the heartbeats %s", path ? path : "");
	return p;
}

struct heartbeat_file *heartbeat_create(const char *path)
{
	struct heartbeat_file *file;
	int fd;

	if (!path)
		return map(-1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, NULL);
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || ftruncate(fd, sizeof(*file)))
		die(errno, "%s", path);
	file = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED, path);
	close(fd);
	file->magic = HEARTBEAT_MAGIC;
	return file;
}

struct heartbeat *heartbeat_add(struct heartbeat_file *file, const char *name)
{
	struct heartbeat *part;

	if (file->parts == HEARTBEAT_PARTS)
		die(0, "more than %d heartbeats", HEARTBEAT_PARTS);
	part = &file->part[file->parts++];
	snprintf(part->name, sizeof(part->name), "%s", name);
	return part;
}

const struct heartbeat_file *heartbeat_open(const char *path)
{
	const struct heartbeat_file *file;
	struct stat st;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		die(errno, "%s", path);
	if ((size_t)st.st_size < sizeof(*file))
		die(0, "%s: too short for heartbeats", path);
	file = map(fd, PROT_READ, MAP_SHARED, path);
	close(fd);
	if (file->magic != HEARTBEAT_MAGIC || file->parts > HEARTBEAT_PARTS)
		die(0, "%s: these are no heartbeats", path);
	return file;
}
