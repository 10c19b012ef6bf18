/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Signals only set a flag, which long work looks at: whoever holds a guest
 * paused lets it go before the process ends.
 */
#ifndef STILLPOINT_SIGNALS_H
#define STILLPOINT_SIGNALS_H

#include <stdbool.h>

/*
 * Catch INT, TERM, HUP (unless it is ignored), PIPE and QUIT; ignore XFSZ so that write()
 * fails instead.
 */
void signals_catch(void);

/* The signal that asked this process to stop, or 0. */
int signals_stop(void);

/* As signals_stop(), and records an error if there is one. Returns 0 or -1. */
int signals_check(void);

/* Forget a signal that came before. */
void signals_reset(void);

/* Hold back (or let through) terminal stops, which would leave a guest paused. */
void signals_hold_stops(bool hold);

#endif /* STILLPOINT_SIGNALS_H */
