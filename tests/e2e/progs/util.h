/* SPDX-License-Identifier: GPL-2.0 */
/* What every program of the end-to-end tests needs: messages, numbers, time, a signal to end. */
#ifndef E2E_UTIL_H
#define E2E_UTIL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S 1000000000ULL

/* Set by SIGTERM, SIGINT and by stop_after(). */
extern volatile sig_atomic_t stopping;

/* Catch SIGTERM and SIGINT, ignore SIGPIPE. */
void catch_stop(void);

/* The same after @seconds; 0 for never. */
void stop_after(unsigned int seconds);

/*
 * Message to stderr behind the program's name; die() also exits with 2, and adds
 * strerror(errno) if @err.
 */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void die(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));

/* @text as a number within [min, max], or the end of the program. */
uint64_t number(const char *option, const char *text, uint64_t min, uint64_t max);

uint64_t now_ns(clockid_t clock);
void sleep_ns(uint64_t ns);

#endif /* E2E_UTIL_H */
