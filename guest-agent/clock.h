/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AGENT_CLOCK_H
#define AGENT_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/*
 * Microseconds of the clock that the module measures rounds with: it goes on while the guest
 * is parked or suspended, and jumps when a restored guest wakes up.
 */
static inline uint64_t clock_us(void)
{
	return clock_read_us(CLOCK_BOOTTIME);
}

/* Microseconds of the clock that stands still meanwhile: what the guest has had time for. */
static inline uint64_t clock_awake_us(void)
{
	return clock_read_us(CLOCK_MONOTONIC);
}

#endif /* AGENT_CLOCK_H */
