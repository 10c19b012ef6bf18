/* SPDX-License-Identifier: GPL-2.0 */
/* The daemon's socket, and those who are connected. */
#ifndef STILLPOINT_TMEM_CLIENTS_H
#define STILLPOINT_TMEM_CLIENTS_H

#include "tmem/server.h"

struct clients;

/*
 * Listen at @path, where an earlier daemon's socket may be. What is to be polled is
 * added to @epoll, with the address of its part in data.ptr. NULL with an error recorded.
 */
struct clients *clients_open(const char *path, int epoll, struct tmem_store *s,
			     struct tmem_host *host);

void clients_close(struct clients *c);

/* True if @ptr, of an epoll event, is of these; it is handled then. */
bool clients_event(struct clients *c, void *ptr);

/* End the holds whose time is over. Returns when the next one's is, in clock_us(). */
uint64_t clients_expire(struct clients *c);

#endif /* STILLPOINT_TMEM_CLIENTS_H */
