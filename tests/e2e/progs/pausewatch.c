// SPDX-License-Identifier: GPL-2.0
/*
 * pausewatch: the gaps that a process in the guest sees.
 *
 * Reads the TSC in a loop, at the lowest nice value if it may. Where two reads
 * lie further apart than the threshold, something kept the process from
 * running: it prints one line with the wall clock after the gap and the gap.
 * The TSC goes on while the guest is parked; CLOCK_MONOTONIC does not.
 *
 * The TSC's frequency is taken from CLOCK_MONOTONIC at the start. A TSC that
 * goes back, as it may in a restored guest, is printed and starts afresh.
 */
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <x86intrin.h>

#include "util.h"

#define CALIBRATE_NS (200 * NS_PER_MS)

static double ticks_per_us(void)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC), tsc = __rdtsc(), now;

	do
		now = now_ns(CLOCK_MONOTONIC);
	while (now - start < CALIBRATE_NS);
	return (double)(__rdtsc() - tsc) * NS_PER_US / (now - start);
}

static void print_gap(const char *kind, double us)
{
	uint64_t wall = now_ns(CLOCK_REALTIME);

	printf("pausewatch: %s at %llu.%06llu us %.0f\n", kind,
	       (unsigned long long)(wall / NS_PER_S),
	       (unsigned long long)(wall % NS_PER_S / NS_PER_US), us);
	fflush(stdout);
}

/* Returns the longest gap in microseconds; *gaps is how many were above the threshold. */
static double watch(double threshold_us, uint64_t step_ns, uint64_t *gaps)
{
	double per_us = ticks_per_us(), gap, longest = 0;
	uint64_t last = __rdtsc(), now;

	for (; !stopping; last = now) {
		if (step_ns)
			sleep_ns(step_ns);
		now = __rdtsc();
		if (now < last) {
			print_gap("tsc-went-back", (last - now) / per_us);
			continue;
		}
		gap = (now - last) / per_us - (double)step_ns / NS_PER_US;
		if (gap > longest)
			longest = gap;
		if (gap <= threshold_us)
			continue;
		print_gap("gap", gap);
		++*gaps;
		/* What printing took is no gap. */
		now = __rdtsc();
	}
	return longest;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "threshold-us", required_argument, NULL, 't' },
		{ "step-us", required_argument, NULL, 'u' },
		{ "limit-us", required_argument, NULL, 'l' },
		{ "seconds", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	uint64_t threshold = 10000, step = 0, limit = 0, gaps = 0;
	unsigned int seconds = 0;
	double longest;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 't':
			threshold = number("--threshold-us", optarg, 1, 3600000000ULL);
			break;
		case 'u':
			step = number("--step-us", optarg, 0, 1000000) * NS_PER_US;
			break;
		case 'l':
			limit = number("--limit-us", optarg, 1, 3600000000ULL);
			break;
		case 'n':
			seconds = number("--seconds", optarg, 1, 86400);
			break;
		case 'h':
			puts("usage: pausewatch [--threshold-us N] [--step-us N]\n"
			     "                  [--limit-us N] [--seconds N]\n"
			     "Prints each gap above the threshold (10000 us) until SIGTERM or for N seconds,\n"
			     "and the longest at the end. --step-us sleeps between reads. Exit status 1 if a gap\n"
			     "was longer than --limit-us.");
			return 0;
		default:
			return 2;
		}
	}
	catch_stop();
	/* Best effort: without the right to it, gaps by other tasks show up too. */
	setpriority(PRIO_PROCESS, 0, -20);
	stop_after(seconds);
	longest = watch(threshold, step, &gaps);
	printf("pausewatch: longest-us %.0f gaps %llu\n", longest, (unsigned long long)gaps);
	return limit && longest > limit ? 1 : 0;
}
