/* SPDX-License-Identifier: GPL-2.0 */
/* The other end of the daemon's socket. */
#ifndef STILLPOINT_TMEM_CLIENT_H
#define STILLPOINT_TMEM_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tmem/protocol.h"

/* No answer is waited for longer, in milliseconds. */
#define TMEM_CLIENT_TIMEOUT_MS 30000

/*
 * Connect to the daemon at @path and greet it. Returns a socket that the caller closes, or -1
 * with an error recorded. *@running is then false if no daemon runs there. @hello and @running
 * may be NULL.
 */
int tmem_client_open(const char *path, struct tmem_hello_reply *hello, bool *running);

/*
 * Send @request of @size bytes, whose msg.type is set, and take the answer into @reply of @room
 * bytes. Returns its length, at least sizeof(struct tmem_msg), its type being the
 * request's; whether its status is TMEM_STATUS_OK is for the caller to see. -1 with an error
 * recorded if there is no answer, or one that is too long.
 */
ssize_t tmem_client_call(int fd, const void *request, size_t size, void *reply, size_t room);

/*
 * As tmem_client_call(), and the answer must have the status OK and be @room bytes long.
 * Returns 0, or -1 with an error recorded that says what the status means.
 */
int tmem_client_do(int fd, const void *request, size_t size, void *reply, size_t room);

/* What an enum tmem_status means, to go behind "cannot ...: ". */
const char *tmem_status_text(uint32_t status);

#endif /* STILLPOINT_TMEM_CLIENT_H */
