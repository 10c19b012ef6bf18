/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One tool at a time for each domain. The kernel drops the lock when its holder
 * dies; the file stays, as removing it would let two holders in.
 */
#ifndef STILLPOINT_LOCK_H
#define STILLPOINT_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#define LOCK_DIR "/run/stillpoint"

/*
 * Take the lock of @domid in @dir, which is made if it is missing; if somebody has it, wait
 * for at most three seconds. Returns a file
 * descriptor that holds it until closed, or -1 with an error recorded.
 */
int lock_take(const char *dir, uint32_t domid);

/* The same for another lock of the domain's, @name, for another kind of work. */
int lock_take_for(const char *dir, uint32_t domid, const char *name);

/* True if a live process holds the lock. Takes nothing itself. */
bool lock_held(const char *dir, uint32_t domid);

#endif /* STILLPOINT_LOCK_H */
