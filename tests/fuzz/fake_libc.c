// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* MAP_POPULATE */
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

#include "fake_libc.h"

#define NS_PER_S 1000000000LL

static atomic_int_fast64_t slept_ns;

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	int ret = __real_clock_gettime(id, ts);
	int64_t ns = ts->tv_nsec + slept_ns;

	ts->tv_sec += ns / NS_PER_S;
	ts->tv_nsec = ns % NS_PER_S;
	return ret;
}

int __wrap_nanosleep(const struct timespec *want, struct timespec *left)
{
	(void)left;
	slept_ns += want->tv_sec * NS_PER_S + want->tv_nsec;
	return 0;
}

void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
	return __real_mmap(addr, size, prot, flags & ~MAP_POPULATE, fd, offset);
}
