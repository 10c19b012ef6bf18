/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Epochs of tracking and the sets that they make; see stillpoint/control.h.
 * Called by the request worker only, or on its behalf while every CPU is stopped.
 */
#ifndef SP_TRACK_H
#define SP_TRACK_H

#include <linux/types.h>

/**
 * sp_track_harvest() - makes a set; begins an epoch if there is none
 * @extras: in an epoch that begins: only what the hypervisor's log does not see
 * @go_on: asked now and then; the epoch ends with -ECANCELED if it says no
 *
 * Sleeps. Return: 0, or a negative errno; then the epoch has ended.
 */
int sp_track_harvest(bool extras, bool (*go_on)(void));

/* Ends the epoch if there is one. When it returns, tracking costs nothing. Sleeps. */
void sp_track_stop(void);

/* After sp_track_stop(), for good. */
void sp_track_exit(void);

bool sp_track_is_on(void);

/*
 * The last set, with every CPU stopped: sp_track_last_extras() while grants can
 * still be read, sp_track_last() when the guest changes its page tables no more.
 * They do nothing if there is no epoch.
 */
void sp_track_last_extras(void);
void sp_track_last(void);

#endif /* SP_TRACK_H */
