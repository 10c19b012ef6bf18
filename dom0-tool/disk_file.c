// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* SEEK_DATA */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk_file.h"
#include "msg.h"
#include "output.h"
#include "same_file.h"
#include "signals.h"

#define DISK_FILE_BUFFER (1u << 20)

/* Open what exists; *block tells what it is. Returns -1 with an error recorded. */
static int disk_file_open(const char *path, bool *block)
{
	struct stat st;
	int fd;

	/* With O_EXCL, a block device that is mounted or the like cannot be opened: open(2). */
	if (stat(path, &st))
		return msg_error("cannot look at '%s': %s", path, strerror(errno));
	*block = S_ISBLK(st.st_mode);
	if (!*block && !S_ISREG(st.st_mode))
		return msg_error("'%s' is neither a file nor a block device", path);
	fd = open(path, O_WRONLY | O_CLOEXEC | (*block ? O_EXCL : 0));
	if (fd < 0)
		return msg_error("cannot open the disk '%s': %s", path, strerror(errno));
	return fd;
}

/*
 * A file among the device nodes is in dom0's memory, and gone with it: whoever names one has a
 * device in mind that is not there.
 */
static int disk_file_check_new(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, slash - path + 1) : strdup(".");
	struct stat st, dev, root;
	int ret = 0;

	if (!dir)
		return msg_error("out of memory");
	if (stat(dir, &st))
		ret = msg_error("cannot look at '%s': %s", dir, strerror(errno));
	else if (!stat("/dev", &dev) && !stat("/", &root) && dev.st_dev != root.st_dev &&
		 st.st_dev == dev.st_dev)
		ret = msg_error("there is no device '%s'; make it, or give another place", path);
	free(dir);
	return ret;
}

int disk_file_check(const char *path, uint64_t bytes, bool force)
{
	uint64_t size;
	bool block;
	int fd, ret = 0;

	if (access(path, F_OK)) {
		if (errno == ENOENT)
			return disk_file_check_new(path);
		return msg_error("cannot look at '%s': %s", path, strerror(errno));
	}
	if (!force)
		return msg_error(
			"the disk '%s' exists; --force overwrites it, --disk puts it elsewhere",
			path);
	fd = disk_file_open(path, &block);
	if (fd < 0)
		return -1;
	if (block && (ioctl(fd, BLKGETSIZE64, &size) || size < bytes))
		ret = msg_error("the disk '%s' is smaller than its copy, which has %llu bytes",
				path, (unsigned long long)bytes);
	close(fd);
	return ret;
}

static int disk_file_put(const char *path, int to, const uint8_t *data, size_t size, uint64_t at)
{
	ssize_t n;

	while (size) {
		n = pwrite(to, data, size, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return msg_error("cannot write '%s': %s", path, strerror(errno));
		data += n;
		at += n;
		size -= n;
	}
	return 0;
}

/* Copy @from to @to up to @bytes; with @sparse, holes are passed over. */
static int disk_file_copy(const char *path, int to, int from, uint64_t bytes, bool sparse)
{
	uint8_t *buffer = malloc(DISK_FILE_BUFFER);
	uint64_t at = 0;
	ssize_t n;
	off_t data;
	int ret = 0;

	if (!buffer)
		return msg_error("out of memory");
	while (at < bytes && !ret) {
		if (signals_check()) {
			ret = -1;
			break;
		}
		data = sparse ? lseek(from, at, SEEK_DATA) : -1;
		if (data < 0 && sparse && errno == ENXIO)
			break;
		if (data > 0)
			at = data;
		n = pread(from, buffer, DISK_FILE_BUFFER, at);
		if (n <= 0)
			ret = msg_error("cannot read the copy of '%s': %s", path,
					n ? strerror(errno) : "it became shorter");
		else
			ret = disk_file_put(path, to, buffer, n, at);
		at += n > 0 ? n : 0;
	}
	free(buffer);
	return ret;
}

static bool disk_file_is_same(int a, int b)
{
	struct stat x, y;

	return !fstat(a, &x) && !fstat(b, &y) && same_file(&x, &y);
}

/* Fill the file @to, whatever was in it. */
static int disk_file_fill(const char *path, int to, int from, uint64_t bytes)
{
	if (disk_file_is_same(to, from))
		return msg_error("'%s' is the copy itself; give another place", path);
	if (ioctl(to, FICLONE, from)) {
		if (ftruncate(to, 0))
			return msg_error("cannot write '%s': %s", path, strerror(errno));
		if (disk_file_copy(path, to, from, bytes, true))
			return -1;
	}
	if (ftruncate(to, bytes))
		return msg_error("cannot write '%s': %s", path, strerror(errno));
	return 0;
}

static int disk_file_create(const char *path, int from, uint64_t bytes)
{
	struct output out;
	int ret;

	if (output_open(&out, path, false))
		return -1;
	ret = disk_file_fill(path, out.fd, from, bytes) || output_sync(&out) ||
			      output_publish(&out) ?
		      -1 :
		      0;
	output_close(&out);
	return ret;
}

static int disk_file_overwrite(const char *path, int from, uint64_t bytes)
{
	bool block;
	int to = disk_file_open(path, &block), ret;

	if (to < 0)
		return -1;
	if (block)
		ret = disk_file_copy(path, to, from, bytes, false);
	else
		ret = disk_file_fill(path, to, from, bytes);
	if (!ret && fsync(to))
		ret = msg_error("cannot bring '%s' to disk: %s", path, strerror(errno));
	close(to);
	return ret;
}

int disk_file_write(const char *path, int from, uint64_t bytes, bool force)
{
	if (!force || access(path, F_OK))
		return disk_file_create(path, from, bytes);
	return disk_file_overwrite(path, from, bytes);
}
