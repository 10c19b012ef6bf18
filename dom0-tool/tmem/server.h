/* SPDX-License-Identifier: GPL-2.0 */
/* What the daemon answers to those who connect to its socket (protocol.h). */
#ifndef STILLPOINT_TMEM_SERVER_H
#define STILLPOINT_TMEM_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tmem/store.h"

struct tmem_host;

/**
 * struct tmem_host_ops - where the domains are
 * @identify: the uuid of a domain; 0, or -1 if there is none
 * @connected: its ring is served
 */
struct tmem_host_ops {
	int (*identify)(struct tmem_host *host, uint32_t domid, uint8_t uuid[16]);
	bool (*connected)(struct tmem_host *host, uint32_t domid);
};

struct tmem_host {
	const struct tmem_host_ops *ops;
};

struct tmem_client;

/* A new connection. NULL if there is no memory. */
struct tmem_client *tmem_client_new(struct tmem_store *s, struct tmem_host *host);

/*
 * Answer the @size bytes of a message into @reply of TMEM_MSG_MAX bytes. Returns the length
 * of the answer, or -1 if the peer is to be cut off.
 */
ssize_t tmem_client_message(struct tmem_client *c, const void *message, size_t size, void *reply);

/* When its hold ends by itself, in microseconds of clock_us(); UINT64_MAX if there is none. */
uint64_t tmem_client_deadline(const struct tmem_client *c);

/* It is @now. */
void tmem_client_expire(struct tmem_client *c, uint64_t now);

/* The connection ended. */
void tmem_client_free(struct tmem_client *c);

#endif /* STILLPOINT_TMEM_SERVER_H */
