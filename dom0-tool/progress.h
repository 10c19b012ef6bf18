/* SPDX-License-Identifier: GPL-2.0 */
/* How far a command is, on a terminal. */
#ifndef STILLPOINT_PROGRESS_H
#define STILLPOINT_PROGRESS_H

#include <stdint.h>

typedef void (*progress_fn)(uint64_t done, uint64_t total);

/* What tells it on standard error; NULL if that is no terminal. */
progress_fn progress_on_terminal(void);

/* Wipe the line, if there is one. */
void progress_end(void);

#endif /* STILLPOINT_PROGRESS_H */
