/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AGENT_CLOCK_H
#define AGENT_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Microseconds of a clock that goes on while the guest is parked or suspended. */
static inline uint64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

#endif /* AGENT_CLOCK_H */
