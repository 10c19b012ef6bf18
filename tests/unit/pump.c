// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* memfd_create */
#include "unit.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pump.h"

struct source_options pump_options(const struct crypt_secret *secret)
{
	return (struct source_options){ .secret = secret, .threads = 1 };
}

int pump_file(const void *bytes, size_t size)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	return fd;
}

int pump_fd(int fd, const struct source_options *opts, struct image *to, struct source_info *info)
{
	struct source *src = source_open(fd, opts);
	int ret;

	if (!src)
		return -1;
	ret = source_pump(src, to);
	if (info) {
		*info = src->info;
		info->config = NULL;
		info->tmem = NULL;
	}
	source_free(src);
	return ret;
}

int pump_bytes(const void *bytes, size_t size, const struct source_options *opts, struct image *to,
	       struct source_info *info)
{
	int fd = pump_file(bytes, size), ret;

	ret = pump_fd(fd, opts, to, info);
	close(fd);
	return ret;
}

/* Pieces of odd sizes, so that nothing comes as it was written. */
static void pump_feed(int fd, const uint8_t *bytes, size_t size)
{
	size_t done = 0, part = 1;
	ssize_t n;

	signal(SIGPIPE, SIG_IGN);
	while (done < size) {
		part = part * 3 % 30011;
		n = write(fd, bytes + done, part < size - done ? part : size - done);
		if (n < 0)
			break;
		done += n;
	}
	_exit(0);
}

int pump_pipe(const void *bytes, size_t size, const struct source_options *opts, struct image *to,
	      struct source_info *info)
{
	int fds[2], ret;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		close(fds[0]);
		pump_feed(fds[1], bytes, size);
	}
	close(fds[1]);
	ret = pump_fd(fds[0], opts, to, info);
	close(fds[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return ret;
}
