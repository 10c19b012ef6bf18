/* SPDX-License-Identifier: GPL-2.0 */
/* The guests of this host that publish tmem: their rings, mapped and served. */
#ifndef STILLPOINT_TMEM_PEERS_H
#define STILLPOINT_TMEM_PEERS_H

#include <stdbool.h>

#include "tmem/server.h"
#include "xen.h"

struct peers;

/*
 * Watch for guests, and drop the pools of domains that are gone. @xen and @s outlive it.
 * NULL with an error recorded.
 */
struct peers *peers_open(struct xen *xen, struct tmem_store *s);

/* Whoever is connected is told that the session ends. */
void peers_close(struct peers *p);

struct tmem_host *peers_host(struct peers *p);

/* What to poll for reading: xenstore's watches, and the guests' event channels. */
int peers_watch_fd(const struct peers *p);
int peers_event_fd(const struct peers *p);

/* Something is there to be read. 0, or -1 with an error recorded if it will never be again. */
int peers_watch(struct peers *p);
int peers_event(struct peers *p);

/*
 * Give those another session that published tmem and have none, if their time has come: the guest
 * or we could not begin it, or it ended. Returns when the next one's will, in clock_us().
 */
uint64_t peers_retry(struct peers *p);

enum peers_state {
	PEERS_IDLE,  /* whoever wants something will signal */
	PEERS_QUIET, /* nobody asked for anything; not all would signal */
	PEERS_MORE,  /* there is more to do */
};

/*
 * Give each guest a turn. With @poll those that have no more to ask for do not signal
 * when they have: they are to be looked at again, or for the last time without.
 */
enum peers_state peers_serve(struct peers *p, bool poll);

#endif /* STILLPOINT_TMEM_PEERS_H */
