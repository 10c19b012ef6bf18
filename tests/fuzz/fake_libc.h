/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What takes time and proves nothing: nanosleep() only makes the clock go on, and no
 * memory is touched before it is used. The linker puts these in the place of the C
 * library's (--wrap).
 */
#ifndef STILLPOINT_FUZZ_FAKE_LIBC_H
#define STILLPOINT_FUZZ_FAKE_LIBC_H

#include <sys/types.h>
#include <time.h>

int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_nanosleep(const struct timespec *want, struct timespec *left);
void *__real_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset);

#endif /* STILLPOINT_FUZZ_FAKE_LIBC_H */
