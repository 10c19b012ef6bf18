// SPDX-License-Identifier: GPL-2.0
/*
 * timers: a periodic timer on every vCPU, none of whose expiries may get lost.
 *
 * One thread pinned to each online vCPU reads a periodic timerfd of
 * CLOCK_MONOTONIC. It knows when each expiry was due: one that it hears of
 * later than the bound, on that same clock, counts as lost, and so does a
 * count that does not fit the clock. CLOCK_MONOTONIC stands still while the
 * guest is parked, so that a pause is no loss, however long.
 *
 * One more thread sleeps until points of CLOCK_REALTIME. That clock jumps when
 * a guest is restored, so what is bounded is how long the sleep took on
 * CLOCK_MONOTONIC; and it may never end early.
 *
 * Each thread's heartbeat is its count of expiries ("cpu0"..., "realtime"); its
 * errors are the lost ones. Runs until SIGTERM or for --seconds.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "heartbeat.h"
#include "util.h"

#define REALTIME_PERIOD_NS (50 * NS_PER_MS)

static uint64_t period_ns = 10 * NS_PER_MS;
static uint64_t bound_ns = 2 * NS_PER_S;

/**
 * struct worker - a thread with a timer
 * @cpu: where it is pinned to
 * @worst_ns: the longest that an expiry was late
 */
struct worker {
	pthread_t thread;
	int cpu;
	struct heartbeat *heart;
	uint64_t worst_ns;
};

static void lost(struct worker *worker, uint64_t late_ns)
{
	worker->heart->errors++;
	say("%s: an expiry was %llu us late", worker->heart->name,
	    (unsigned long long)(late_ns / NS_PER_US));
}

static void judge(struct worker *worker, uint64_t late_ns)
{
	if (late_ns > worker->worst_ns)
		worker->worst_ns = late_ns;
	if (late_ns > bound_ns)
		lost(worker, late_ns);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die(errno, "cannot run on cpu %d", cpu);
}

static int periodic_timer(uint64_t first_ns)
{
	struct itimerspec spec = {
		.it_interval = { period_ns / NS_PER_S, period_ns % NS_PER_S },
		.it_value = { first_ns / NS_PER_S, first_ns % NS_PER_S },
	};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (fd < 0 || timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL))
		die(errno, "timerfd");
	return fd;
}

/* Expiries due by @now of a timer first due at @first. */
static uint64_t due_by(uint64_t now, uint64_t first)
{
	return now < first ? 0 : (now - first) / period_ns + 1;
}

static void *run_monotonic(void *data)
{
	struct worker *worker = data;
	uint64_t first, before, after, total = 0, n;
	int fd;

	pin(worker->cpu);
	first = now_ns(CLOCK_MONOTONIC) + period_ns;
	fd = periodic_timer(first);
	while (!stopping) {
		before = now_ns(CLOCK_MONOTONIC);
		if (read(fd, &n, sizeof(n)) != sizeof(n)) {
			if (errno == EINTR)
				continue;
			die(errno, "timerfd");
		}
		after = now_ns(CLOCK_MONOTONIC);
		judge(worker, after - (first + total * period_ns));
		total += n;
		if (total < due_by(before, first) || total > due_by(after, first)) {
			worker->heart->errors++;
			say("%s: %llu expiries were counted, %llu to %llu were due",
			    worker->heart->name, (unsigned long long)total,
			    (unsigned long long)due_by(before, first),
			    (unsigned long long)due_by(after, first));
		}
		worker->heart->beats += n;
	}
	close(fd);
	return NULL;
}

static void *run_realtime(void *data)
{
	struct worker *worker = data;
	uint64_t due, start, took;
	struct timespec ts;

	while (!stopping) {
		start = now_ns(CLOCK_MONOTONIC);
		due = now_ns(CLOCK_REALTIME) + REALTIME_PERIOD_NS;
		ts = (struct timespec){ due / NS_PER_S, due % NS_PER_S };
		if (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &ts, NULL))
			continue;
		if (now_ns(CLOCK_REALTIME) < due) {
			worker->heart->errors++;
			say("realtime: an expiry came early");
		}
		took = now_ns(CLOCK_MONOTONIC) - start;
		judge(worker, took > REALTIME_PERIOD_NS ? took - REALTIME_PERIOD_NS : 0);
		worker->heart->beats++;
	}
	return NULL;
}

static void start_worker(struct worker *worker, struct heartbeat_file *file, int cpu)
{
	char name[16];
	int err;

	snprintf(name, sizeof(name), cpu < 0 ? "realtime" : "cpu%d", cpu);
	worker->cpu = cpu;
	worker->heart = heartbeat_add(file, name);
	err = pthread_create(&worker->thread, NULL, cpu < 0 ? run_realtime : run_monotonic, worker);
	if (err)
		die(err, "a thread");
}

static int report(const struct worker *worker, int n)
{
	uint64_t errors = 0;
	int i;

	for (i = 0; i < n; i++) {
		printf("timers: %s expiries %llu latest %llu us errors %llu\n",
		       worker[i].heart->name, (unsigned long long)worker[i].heart->beats,
		       (unsigned long long)(worker[i].worst_ns / NS_PER_US),
		       (unsigned long long)worker[i].heart->errors);
		errors += worker[i].heart->errors + !worker[i].heart->beats;
	}
	printf("timers: %s\n", errors ? "WRONG" : "ok");
	return errors ? 1 : 0;
}

static void usage(void)
{
	puts("usage: timers [--state FILE] [--seconds N] [--period-ms N] [--bound-ms N]\n"
	     "Periodic timers on every vCPU until SIGTERM or for N seconds. Exit status 0 if each\n"
	     "expired and none was lost, which is: later than the bound (default 2000 ms).");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "state", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 'n' },
		{ "period-ms", required_argument, NULL, 'p' },
		{ "bound-ms", required_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct worker workers[HEARTBEAT_PARTS];
	struct heartbeat_file *file;
	const char *state = NULL;
	unsigned int seconds = 0;
	cpu_set_t online;
	int c, cpu, i, n = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			state = optarg;
			break;
		case 'n':
			seconds = number("--seconds", optarg, 1, 86400);
			break;
		case 'p':
			period_ns = number("--period-ms", optarg, 1, 1000) * NS_PER_MS;
			break;
		case 'b':
			bound_ns = number("--bound-ms", optarg, 1, 600000) * NS_PER_MS;
			break;
		case 'h':
			usage();
			return 0;
		default:
			return 2;
		}
	}
	catch_stop();
	file = heartbeat_create(state);
	memset(workers, 0, sizeof(workers));
	if (sched_getaffinity(0, sizeof(online), &online))
		die(errno, "cannot read the online cpus");
	for (cpu = 0; cpu < CPU_SETSIZE && n < HEARTBEAT_PARTS - 1; cpu++)
		if (CPU_ISSET(cpu, &online))
			start_worker(&workers[n++], file, cpu);
	start_worker(&workers[n++], file, -1);

	stop_after(seconds);
	while (!stopping)
		sleep_ns(50 * NS_PER_MS);
	for (i = 0; i < n; i++)
		pthread_join(workers[i].thread, NULL);
	return report(workers, n);
}
