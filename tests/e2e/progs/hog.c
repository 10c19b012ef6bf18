// SPDX-License-Identifier: GPL-2.0
/*
 * hog: takes every vCPU from everybody else for a while.
 *
 * One SCHED_FIFO thread of the highest priority on each vCPU computes until
 * the time is over; real-time throttling is switched off meanwhile, so that no
 * ordinary task, a kernel worker among them, gets a turn. Ends by itself:
 * nobody else would get a turn to end it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

#define THROTTLE "/proc/sys/kernel/sched_rt_runtime_us"
#define MAX_CPUS 64

static uint64_t end_ns;

static void write_throttle(const char *value, size_t n)
{
	int fd = open(THROTTLE, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, n) != (ssize_t)n)
		die(errno, "%s", THROTTLE);
	close(fd);
}

static void *run(void *data)
{
	struct sched_param top = { .sched_priority = sched_get_priority_max(SCHED_FIFO) };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((int)(intptr_t)data, &set);
	if (sched_setaffinity(0, sizeof(set), &set) || sched_setscheduler(0, SCHED_FIFO, &top))
		die(errno, "cannot become a real-time thread");
	while (now_ns(CLOCK_MONOTONIC) < end_ns)
		;
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	pthread_t threads[MAX_CPUS];
	cpu_set_t online;
	unsigned int seconds = 0;
	char throttle[32];
	ssize_t length;
	int c, cpu, fd, i, n = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			seconds = number("--seconds", optarg, 1, 600);
			break;
		case 'h':
			puts("usage: hog --seconds N\n"
			     "No other task gets a turn for N seconds. Needs root.");
			return 0;
		default:
			return 2;
		}
	}
	if (!seconds)
		die(0, "--seconds was expected; see --help");
	fd = open(THROTTLE, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, throttle, sizeof(throttle));
	if (length < 0 || sched_getaffinity(0, sizeof(online), &online))
		die(errno, "cannot read the scheduler's settings");
	close(fd);

	write_throttle("-1", 2);
	end_ns = now_ns(CLOCK_MONOTONIC) + seconds * NS_PER_S;
	for (cpu = 0; cpu < MAX_CPUS; cpu++)
		if (CPU_ISSET(cpu, &online) &&
		    !pthread_create(&threads[n], NULL, run, (void *)(intptr_t)cpu))
			n++;
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	write_throttle(throttle, length);
	printf("hog: held %d vcpus for %u s\n", n, seconds);
	return 0;
}
