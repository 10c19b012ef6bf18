/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module shares with the store: the tmem page, the ring page, the pages of
 * the window, and an event channel; see stillpoint/tmem.h. Opening and closing are done
 * by one thread at a time.
 */
#ifndef SP_TMEM_WINDOW_H
#define SP_TMEM_WINDOW_H

#include <linux/types.h>

#include <xen/grant_table.h>
#include <xen/interface/event_channel.h>

#include <stillpoint/tmem.h>

/* How many requests may be under way: as many as the ring has room for. */
#define SP_TMEM_SLOTS STILLPOINT_TMEM_RING_SIZE

/**
 * sp_window_open() - grants all to dom0 and opens the event channel
 * @event: called in interrupt context at every event from the store
 *
 * Return: 0 or a negative errno; nothing is left open on error.
 */
int sp_window_open(void (*event)(void));
/* The store may map the pages still: their freeing is deferred. */
void sp_window_close(void);

/*
 * The same in a restored domain, where grants and channels are gone. Allocates
 * nothing. 0 or a negative errno.
 */
int sp_window_open_again(void);

/* Of the rest the window must be open. */

u32 sp_window_ref(void); /* of the tmem page */
u32 sp_window_port(void);

void *sp_window_ring(void);
void *sp_window_slot(unsigned int slot);

/* The number of the store's session, 0 if it serves none. */
u32 sp_window_store_session(void);
/* The ring is empty, for @session; 0 to end the one there is. */
void sp_window_set_session(u32 session);

void sp_window_notify(void);
/* False if no one has the channel's other end. */
bool sp_window_is_bound(void);

#endif /* SP_TMEM_WINDOW_H */
