/* SPDX-License-Identifier: GPL-2.0 */
/* Time that only goes forward, in microseconds. */
#ifndef STILLPOINT_CLOCK_H
#define STILLPOINT_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static inline void clock_sleep_us(uint64_t us)
{
	struct timespec ts = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	nanosleep(&ts, NULL);
}

#endif /* STILLPOINT_CLOCK_H */
