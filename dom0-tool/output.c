// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* O_TMPFILE, sync_file_range */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "direct_file.h"
#include "msg.h"
#include "output.h"
#include "same_file.h"
#include "signals.h"

#define OUTPUT_BUFFER (1u << 20)

/* What is as large is not copied into the buffer first. */
#define OUTPUT_LARGE (64u << 10)

/* So much is given to the disk at a time. */
#define OUTPUT_DISK (8u << 20)

#define OUTPUT_MODE 0600

/* Choose the name that the file has before it gets its own, if it needs one; as snprintf(). */
static size_t output_temp_name(struct output *out)
{
	return snprintf(out->temp, sizeof(out->temp), ".%s.partial.%ld", out->name, (long)getpid());
}

/* Split @path; the directory is opened. */
static int output_open_dir(struct output *out)
{
	const char *slash = strrchr(out->path, '/');
	char dir[PATH_MAX];
	const char *name = slash ? slash + 1 : out->path;
	size_t temp_len;

	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return msg_error("'%s' names a directory; name a file", out->path);
	if (strlen(name) >= sizeof(out->name) || strlen(out->path) >= sizeof(dir))
		return msg_error("the file name '%s' is too long", out->path);
	strcpy(out->name, name);
	temp_len = output_temp_name(out);
	out->temp[0] = '\0';
	if (out->replace && temp_len > NAME_MAX)
		return msg_error(
			"the file name '%s' is too long to be replaced: a name that is %zu bytes longer is needed beside it",
			name, temp_len - strlen(name));
	if (!slash)
		strcpy(dir, ".");
	else
		snprintf(dir, sizeof(dir), "%.*s",
			 slash == out->path ? 1 : (int)(slash - out->path), out->path);
	out->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out->dir < 0)
		return msg_error("cannot open the directory '%s': %s", dir, strerror(errno));
	return 0;
}

static int output_check_existing(const struct output *out)
{
	struct stat st;

	if (fstatat(out->dir, out->name, &st, AT_SYMLINK_NOFOLLOW)) {
		if (errno == ENOENT)
			return 0;
		return msg_error("cannot look at '%s': %s", out->path, strerror(errno));
	}
	if (!S_ISREG(st.st_mode))
		return msg_error("'%s' exists and is not a regular file", out->path);
	if (!out->replace)
		return msg_error("'%s' exists; use --force to replace it", out->path);
	return 0;
}

/* Remove siblings whose process is gone. */
static void output_clean_stale(const struct output *out)
{
	char prefix[300];
	struct dirent *e;
	size_t len;
	char *end;
	DIR *dir;
	long pid;
	int fd;

	len = snprintf(prefix, sizeof(prefix), ".%s.partial.", out->name);
	fd = openat(out->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(dir))) {
		if (strncmp(e->d_name, prefix, len))
			continue;
		pid = strtol(e->d_name + len, &end, 10);
		if (pid <= 0 || *end || (kill(pid, 0) == 0 || errno != ESRCH))
			continue;
		unlinkat(out->dir, e->d_name, 0);
	}
	closedir(dir);
}

static int output_create(struct output *out)
{
	out->fd = openat(out->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, OUTPUT_MODE);
	if (out->fd >= 0)
		return 0;
	/* open(2): what kernels and file systems without O_TMPFILE say. */
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
		return msg_error("cannot create a file beside '%s': %s", out->path,
				 strerror(errno));
	output_temp_name(out);
	unlinkat(out->dir, out->temp, 0);
	out->fd = openat(out->dir, out->temp, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, OUTPUT_MODE);
	if (out->fd < 0) {
		out->temp[0] = '\0';
		return msg_error("cannot create a file beside '%s': %s", out->path,
				 strerror(errno));
	}
	return 0;
}

static int output_open_file(struct output *out)
{
	if (output_open_dir(out) || output_check_existing(out))
		return -1;
	output_clean_stale(out);
	return output_create(out);
}

static int output_open_stream(struct output *out)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	out->stream = true;
	if (isatty(STDOUT_FILENO))
		return msg_error(
			"an image is nothing for a terminal; redirect standard output, or name a file");
	out->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (out->fd < 0)
		return msg_error("cannot use standard output: %s", strerror(errno));
	sigaction(SIGPIPE, &ignore, NULL);
	return 0;
}

int output_open(struct output *out, const char *path, bool replace)
{
	memset(out, 0, sizeof(*out));
	out->path = path;
	out->replace = replace;
	out->dir = -1;
	out->fd = -1;
	if (strcmp(path, "-") ? output_open_file(out) : output_open_stream(out))
		goto fail;
	out->buffer = malloc(OUTPUT_BUFFER);
	if (!out->buffer) {
		msg_error("out of memory for the output buffer");
		goto fail;
	}
	return 0;

fail:
	output_close(out);
	return -1;
}

int output_check_space(const struct output *out, uint64_t bytes)
{
	struct statvfs vfs;
	uint64_t have;

	if (out->stream)
		return 0;
	if (fstatvfs(out->fd, &vfs))
		return msg_error("cannot look at the file system of '%s': %s", out->path,
				 strerror(errno));
	have = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	if (bytes > have)
		return msg_error("'%s' needs up to %llu MiB, its file system has %llu MiB free",
				 out->path, (unsigned long long)(bytes >> 20) + 1,
				 (unsigned long long)(have >> 20));
	return 0;
}

void output_want_direct(struct output *out)
{
	out->want_direct = !out->stream;
}

int output_want_digest(struct output *out)
{
	out->digest = XXH3_createState();
	if (!out->digest)
		return msg_error("out of memory for the digest of the output");
	XXH3_128bits_reset(out->digest);
	return 0;
}

static int output_failed(const struct output *out, const char *why)
{
	if (out->stream)
		return msg_error("cannot write standard output: %s", why);
	return msg_error("cannot write '%s': %s", out->path, why);
}

/* Standard output may have been made non-blocking by whoever shares it. */
static bool output_try_again(const struct output *out)
{
	struct pollfd pfd = { .fd = out->fd, .events = POLLOUT };

	if (errno == EINTR)
		return true;
	if (errno != EAGAIN)
		return false;
	poll(&pfd, 1, -1);
	return true;
}

/* Let the disk work from the beginning on, not in the end only. fsync() tells what fails. */
static void output_begin_disk(struct output *out)
{
	if (out->stream || out->written - out->begun < OUTPUT_DISK)
		return;
	sync_file_range(out->fd, out->begun, out->written - out->begun, SYNC_FILE_RANGE_WRITE);
	out->begun = out->written;
}

static int output_write_cached(struct output *out, const uint8_t *data, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		if (signals_check())
			return -1;
		n = write(out->fd, data + done, size - done);
		if (n < 0 && output_try_again(out))
			continue;
		if (n <= 0)
			return output_failed(out, n ? strerror(errno) : "nothing written");
		done += n;
	}
	out->written += size;
	output_begin_disk(out);
	return 0;
}

static int output_write(struct output *out, const uint8_t *data, size_t size)
{
	if (out->direct ? direct_file_append(out->direct, data, size) :
			  output_write_cached(out, data, size))
		return -1;
	if (out->digest)
		XXH3_128bits_update(out->digest, data, size);
	return 0;
}

static int output_empty(struct output *out)
{
	if (output_write(out, out->buffer, out->fill))
		return -1;
	out->fill = 0;
	return 0;
}

/* What comes is large, or more than the buffer holds. */
static int output_overflow(struct output *out)
{
	if (out->want_direct && !out->direct && !out->written) {
		out->direct = direct_file_new(out->fd, out->path, NULL);
		if (!out->direct)
			return -1;
	}
	return output_empty(out);
}

int output_flush(struct output *out)
{
	if (output_empty(out))
		return -1;
	return out->direct ? direct_file_settle(out->direct) : 0;
}

int output_append(struct output *out, const void *data, size_t size)
{
	const uint8_t *p = data;
	size_t part;

	out->length += size;
	if (size >= OUTPUT_LARGE)
		return output_overflow(out) ? -1 : output_write(out, data, size);
	while (size) {
		part = OUTPUT_BUFFER - out->fill;
		if (part > size)
			part = size;
		memcpy(out->buffer + out->fill, p, part);
		out->fill += part;
		p += part;
		size -= part;
		if (out->fill == OUTPUT_BUFFER && output_overflow(out))
			return -1;
	}
	return 0;
}

int output_digest(const struct output *out, uint8_t digest[16])
{
	XXH128_canonical_t canonical;
	XXH3_state_t *state = XXH3_createState();

	if (!state)
		return msg_error("out of memory for the digest");
	/* What is still buffered is hashed when it is written; a copy runs ahead. */
	XXH3_copyState(state, out->digest);
	XXH3_128bits_update(state, out->buffer, out->fill);
	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
	memcpy(digest, canonical.digest, 16);
	XXH3_freeState(state);
	return 0;
}

int output_sync(struct output *out)
{
	if (output_flush(out))
		return -1;
	/* fsync(2): what pipes and the like say. */
	if (fsync(out->fd) && !(out->stream && (errno == EINVAL || errno == EROFS)))
		return msg_error("cannot bring '%s' to disk: %s",
				 out->stream ? "standard output" : out->path, strerror(errno));
	return 0;
}

/* Give a file without a name the name @name. */
static int output_link(const struct output *out, const char *name)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", out->fd);
	return linkat(AT_FDCWD, self, out->dir, name, AT_SYMLINK_FOLLOW);
}

/* Where nothing is replaced: not all file systems can do it in one way. */
static int output_rename_new(const struct output *out)
{
	if (!renameat2(out->dir, out->temp, out->dir, out->name, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL)
		return -1;
	return linkat(out->dir, out->temp, out->dir, out->name, 0) ||
	       unlinkat(out->dir, out->temp, 0);
}

/* Whether @name is that of the open file: 1 or 0, or -1 if it cannot be told. */
static int output_look(const struct output *out, const char *name)
{
	struct stat now, own;

	if (fstatat(out->dir, name, &now, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -1;
	return fstat(out->fd, &own) ? -1 : same_file(&now, &own);
}

/* Give a file without a name that of a sibling. */
static int output_link_temp(struct output *out)
{
	int err;

	output_temp_name(out);
	unlinkat(out->dir, out->temp, 0);
	if (!output_link(out, out->temp))
		return 0;
	err = errno;
	if (output_look(out, out->temp) > 0)
		return 0;
	out->temp[0] = '\0';
	errno = err;
	return -1;
}

static int output_rename(struct output *out)
{
	int ret;

	if (!out->replace && !out->temp[0])
		return output_link(out, out->name);
	if (!out->temp[0] && output_link_temp(out))
		return -1;
	/* On a shared file system another machine may have a process of our number. */
	if (output_look(out, out->temp) <= 0) {
		errno = ESTALE;
		return -1;
	}
	if (out->replace)
		ret = renameat(out->dir, out->temp, out->dir, out->name);
	else
		ret = output_rename_new(out);
	if (!ret)
		out->temp[0] = '\0';
	return ret;
}

/*
 * A file system may have done what it says that it could not, as NFS when an answer is lost and
 * the request is sent again. What counts is which name the file has.
 */
static int output_give_name(struct output *out)
{
	int err, found;

	if (!output_rename(out)) {
		out->named = true;
		return 0;
	}
	err = errno;
	found = output_look(out, out->name);
	out->named = found != 0;
	if (found > 0) {
		if (out->temp[0] && output_look(out, out->temp) > 0)
			unlinkat(out->dir, out->temp, 0);
		out->temp[0] = '\0';
		return 0;
	}
	errno = err;
	return -1;
}

/* Take a name away again, of which nobody may know yet. */
static void output_withdraw(struct output *out)
{
	if (!out->named)
		return;
	if (output_look(out, out->name) > 0) {
		unlinkat(out->dir, out->name, 0);
		fsync(out->dir);
	}
	out->named = output_look(out, out->name) != 0;
}

int output_publish(struct output *out)
{
	if (out->stream)
		return 0;
	if (output_give_name(out)) {
		if (errno == EEXIST)
			return msg_error("'%s' exists by now; use --force to replace it",
					 out->path);
		return msg_error("cannot name '%s': %s", out->path, strerror(errno));
	}
	if (!fsync(out->dir))
		return 0;
	msg_error("cannot bring the directory of '%s' to disk: %s", out->path, strerror(errno));
	/* What it replaced is gone. */
	if (!out->replace)
		output_withdraw(out);
	return -1;
}

int output_publish_both(struct output *out, struct output *side)
{
	if (side && output_publish(side))
		return -1;
	if (!output_publish(out))
		return 0;
	/* An image that stands, or may stand, under its name needs it. */
	if (side && !out->named)
		output_withdraw(side);
	return -1;
}

static bool output_same_place(const struct output *a, const struct output *b)
{
	struct stat at, bt;

	return !a->stream && !b->stream && !strcmp(a->name, b->name) && !fstat(a->dir, &at) &&
	       !fstat(b->dir, &bt) && same_file(&at, &bt);
}

int output_open_side(struct output *out, const char *path, const struct output *image)
{
	struct stat st;

	if (!stat(path, &st))
		return msg_error(
			"'%s' exists and may be the side file of another image, so it is not replaced; give another name",
			path);
	if (output_open(out, path, false))
		return -1;
	if (!output_same_place(out, image))
		return 0;
	output_close(out);
	return msg_error("the side file '%s' cannot be the image itself; give another name", path);
}

void output_close(struct output *out)
{
	direct_file_free(out->direct);
	if (out->fd >= 0)
		close(out->fd);
	if (out->temp[0])
		unlinkat(out->dir, out->temp, 0);
	if (out->dir >= 0)
		close(out->dir);
	free(out->buffer);
	XXH3_freeState(out->digest);
	memset(out, 0, sizeof(*out));
	out->dir = -1;
	out->fd = -1;
}
