// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

volatile sig_atomic_t stopping;

static void on_stop(int sig)
{
	(void)sig;
	stopping = 1;
}

void catch_stop(void)
{
	struct sigaction stop = { .sa_handler = on_stop };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

void stop_after(unsigned int seconds)
{
	struct sigaction stop = { .sa_handler = on_stop };

	if (!seconds)
		return;
	sigaction(SIGALRM, &stop, NULL);
	alarm(seconds);
}

static void vsay(int err, const char *fmt, va_list args)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, args);
	if (err)
		fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, text, strerror(err));
	else
		fprintf(stderr, "%s: %s\n", program_invocation_short_name, text);
}

void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsay(0, fmt, args);
	va_end(args);
}

void die(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsay(err, fmt, args);
	va_end(args);
	exit(2);
}

uint64_t number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || *end || end == text || value < min || value > max)
		die(0, "%s %s: a number from %llu to %llu was expected", option, text,
		    (unsigned long long)min, (unsigned long long)max);
	return value;
}

uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

void sleep_ns(uint64_t ns)
{
	struct timespec ts = { .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };

	nanosleep(&ts, NULL);
}
