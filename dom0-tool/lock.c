// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* F_OFD_SETLK */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "lock.h"
#include "msg.h"
#include "signals.h"

/* The keeper of a tool that was killed holds the lock until it is done. */
#define LOCK_WAIT_US 3000000
#define LOCK_LOOK_US 20000

static void lock_path(char *path, size_t size, const char *dir, uint32_t domid, const char *name)
{
	snprintf(path, size, "%s/%u%s%s.lock", dir, domid, *name ? "." : "", name);
}

/* 0, or -1 with errno set. */
static int lock_wait(int fd)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	uint64_t end = clock_us() + LOCK_WAIT_US;

	while (fcntl(fd, F_OFD_SETLK, &fl)) {
		if ((errno != EAGAIN && errno != EACCES) || clock_us() >= end || signals_stop())
			return -1;
		clock_sleep_us(LOCK_LOOK_US);
	}
	return 0;
}

int lock_take(const char *dir, uint32_t domid)
{
	return lock_take_for(dir, domid, "");
}

int lock_take_for(const char *dir, uint32_t domid, const char *name)
{
	char path[PATH_MAX];
	int fd;

	if (mkdir(dir, 0700) && errno != EEXIST)
		return msg_error("cannot make '%s': %s", dir, strerror(errno));
	lock_path(path, sizeof(path), dir, domid, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return msg_error("cannot open '%s': %s", path, strerror(errno));
	if (lock_wait(fd)) {
		if (errno == EAGAIN || errno == EACCES)
			msg_error("another stillpoint is at work on this%s; wait for it",
				  domid ? " domain" : "");
		else
			msg_error("cannot lock '%s': %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

bool lock_held(const char *dir, uint32_t domid)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_MAX];
	bool held;
	int fd;

	lock_path(path, sizeof(path), dir, domid, "");
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	held = fcntl(fd, F_OFD_GETLK, &fl) == 0 && fl.l_type != F_UNLCK;
	close(fd);
	return held;
}
