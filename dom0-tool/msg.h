/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages. Nothing here may be called for the sake of output while a guest is
 * paused: stderr can be a pipe that nobody reads. Code that runs then records
 * its error with msg_error(); the command prints it once the guest runs.
 */
#ifndef STILLPOINT_MSG_H
#define STILLPOINT_MSG_H

#include <stdbool.h>

/* Name the command, and the domain or file at work; both are put before every message. */
void msg_set_command(const char *command);
void msg_set_subject(const char *kind, const char *name);

/*
 * Record an error: lowercase, no newline, "what is wrong; what to do". The
 * first one stays, as it is the nearest to the cause. Any thread may. Always
 * returns -1. Control characters in it, which come from an image or a guest,
 * become '?', as in every message.
 */
int msg_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The recorded error, or "". For when no other thread may record one. */
const char *msg_error_text(void);
void msg_error_clear(void);

/* Print the recorded error, if any, to stderr and forget it. */
void msg_flush(void);

/* Print a warning to stderr at once. */
void msg_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif /* STILLPOINT_MSG_H */
