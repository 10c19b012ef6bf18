/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keeping a guest's file systems frozen. The guest thaws them by itself when the time is up, or
 * when it has no sign of us; a thread gives these signs until freeze_end().
 */
#ifndef STILLPOINT_FREEZE_H
#define STILLPOINT_FREEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "beat.h"
#include "domain.h"

/**
 * struct freeze_options - how
 * @prepare_ms: how long the guest's hooks and the freezing may take together
 * @hold_ms: after this time frozen file systems thaw by themselves
 * @lease_ms: and after this time without a sign of us
 * @excludes: what is left alone, see quiesce.h; each with its NUL
 * @excludes_bytes: of these
 * @lock_dir: where the lock is taken
 */
struct freeze_options {
	uint64_t prepare_ms;
	uint64_t hold_ms;
	uint64_t lease_ms;
	char excludes[STILLPOINT_EXCLUDES_BYTES];
	uint32_t excludes_bytes;
	const char *lock_dir;
};

/* Times without an option. */
#define FREEZE_PREPARE_MS 60000
#define FREEZE_HOLD_MS 60000
#define FREEZE_LEASE_MS 15000

/* The most that may be asked for, in seconds: what the module takes. */
#define FREEZE_PREPARE_MAX_S (STILLPOINT_PREPARE_MAX_US / 1000000)
#define FREEZE_HOLD_MAX_S (STILLPOINT_HOLD_MAX_US / 1000000)

void freeze_options_init(struct freeze_options *opts);

/* Leave @what alone: a path, or a type of file systems. Returns 0, or -1, recorded. */
int freeze_exclude(struct freeze_options *opts, const char *what);

/**
 * struct freeze - one round
 * @lock: held while it lasts, so that no other tool's round gets in the way
 * @number: of the round, 0 before it was asked for
 * @guest: the guest's half when it was looked at last
 * @beat: gives the signs
 * @frozen: it was frozen
 * @thawed_us: when it could be written to again, in clock_us()
 */
struct freeze {
	struct domain *dom;
	struct quiesce_page *page;
	const struct freeze_options *opts;
	int lock;
	uint32_t number;
	struct stillpoint_quiesce_guest guest;
	struct beat beat;
	bool frozen;
	uint64_t thawed_us;
};

/* Prepare; nothing is done yet. @dom and @opts must outlive it. freeze_close() is due. */
void freeze_init(struct freeze *f, struct domain *dom, const struct freeze_options *opts);

/*
 * Freeze. What an earlier tool left frozen when it died is thawed first. Returns 0 when
 * everything is frozen, or -1 with an error recorded and nothing frozen by us, or about to
 * be thawed.
 */
int freeze_begin(struct freeze *f);

/* Returns 0 if all is still frozen since freeze_begin(), else -1 with an error recorded. */
int freeze_check(struct freeze *f);

/* Give no signs for now, or go on: the page is memory of a guest that is being copied. */
void freeze_hold_signs(struct freeze *f, bool hold);

/*
 * Thaw, and wait until the file systems can be written to, and the agent has looked for one that
 * was mounted meanwhile. Returns 0 if they were all frozen
 * from the return of freeze_begin() until this was called, else -1 with an error recorded; 0 if
 * nothing is frozen.
 */
int freeze_end(struct freeze *f);

/*
 * Wait until the guest's thaw hooks are through, too; warn of what its report says went wrong
 * without being an error.
 */
void freeze_finish(struct freeze *f);

/* Whatever is left of freeze_end(), without a judgement, and free all. */
void freeze_close(struct freeze *f);

/*
 * Have a round that is under way end, whoever asked for it, and wait for that at most @timeout_ms.
 * Returns 1 if there was one, 0 if not, or -1 with an error recorded.
 */
int freeze_thaw(struct domain *dom, uint64_t timeout_ms);

/* The name of the lock. */
#define FREEZE_LOCK "quiesce"

#endif /* STILLPOINT_FREEZE_H */
