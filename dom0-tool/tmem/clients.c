// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* struct ucred, accept4 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "msg.h"
#include "tmem/clients.h"

#define CLIENTS_MAX 32

/**
 * struct slot - a connection, or room for one
 * @fd: negative if there is none
 */
struct slot {
	int fd;
	struct tmem_client *client;
};

/**
 * struct clients - the socket
 * @listener: its fd listens
 * @message: one at a time, as @reply
 */
struct clients {
	const char *path;
	int epoll;
	struct tmem_store *store;
	struct tmem_host *host;
	struct slot listener;
	struct slot slots[CLIENTS_MAX];
	uint64_t message[TMEM_MSG_MAX / sizeof(uint64_t)];
	uint64_t reply[TMEM_MSG_MAX / sizeof(uint64_t)];
};

static int clients_listen(struct clients *c)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &c->listener };
	mode_t mask;
	int ret;

	if (strlen(c->path) >= sizeof(addr.sun_path))
		return msg_error("the path '%s' is too long for a socket", c->path);
	memcpy(addr.sun_path, c->path, strlen(c->path) + 1);
	c->listener.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->listener.fd < 0)
		return msg_error("cannot make a socket: %s", strerror(errno));
	unlink(c->path);
	mask = umask(0177);
	ret = bind(c->listener.fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (ret || listen(c->listener.fd, CLIENTS_MAX) ||
	    epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->listener.fd, &event))
		return msg_error("cannot listen at '%s': %s", c->path, strerror(errno));
	return 0;
}

struct clients *clients_open(const char *path, int epoll, struct tmem_store *s,
			     struct tmem_host *host)
{
	struct clients *c = calloc(1, sizeof(*c));
	unsigned int i;

	if (!c) {
		msg_error("out of memory");
		return NULL;
	}
	c->path = path;
	c->epoll = epoll;
	c->store = s;
	c->host = host;
	c->listener.fd = -1;
	for (i = 0; i < CLIENTS_MAX; i++)
		c->slots[i].fd = -1;
	if (!clients_listen(c))
		return c;
	clients_close(c);
	return NULL;
}

static void slot_close(struct slot *slot)
{
	tmem_client_free(slot->client);
	slot->client = NULL;
	if (slot->fd >= 0)
		close(slot->fd);
	slot->fd = -1;
}

void clients_close(struct clients *c)
{
	unsigned int i;

	if (!c)
		return;
	for (i = 0; i < CLIENTS_MAX; i++)
		slot_close(&c->slots[i]);
	if (c->listener.fd >= 0) {
		unlink(c->path);
		close(c->listener.fd);
	}
	free(c);
}

static bool clients_is_root(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) && !peer.uid;
}

static void clients_accept(struct clients *c)
{
	int fd = accept4(c->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct epoll_event event = { .events = EPOLLIN };
	struct slot *slot = c->slots;

	if (fd < 0)
		return;
	while (slot < c->slots + CLIENTS_MAX && slot->fd >= 0)
		slot++;
	event.data.ptr = slot;
	if (slot == c->slots + CLIENTS_MAX || !clients_is_root(fd) ||
	    epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &event)) {
		close(fd);
		return;
	}
	slot->fd = fd;
	slot->client = tmem_client_new(c->store, c->host);
	if (!slot->client)
		slot_close(slot);
}

/* One message and its answer. */
static void clients_talk(struct clients *c, struct slot *slot)
{
	ssize_t n = recv(slot->fd, c->message, sizeof(c->message), MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && n <= (ssize_t)sizeof(c->message))
		n = tmem_client_message(slot->client, c->message, n, c->reply);
	else
		n = -1;
	/* Who takes its answers before it asks again has room for one. */
	if (n < 0 || send(slot->fd, c->reply, n, MSG_NOSIGNAL) != n)
		slot_close(slot);
}

bool clients_event(struct clients *c, void *ptr)
{
	struct slot *slot = ptr;

	if (slot == &c->listener) {
		clients_accept(c);
		return true;
	}
	if (slot < c->slots || slot >= c->slots + CLIENTS_MAX)
		return false;
	if (slot->fd >= 0)
		clients_talk(c, slot);
	return true;
}

uint64_t clients_expire(struct clients *c)
{
	uint64_t next = UINT64_MAX, deadline;
	unsigned int i;

	for (i = 0; i < CLIENTS_MAX; i++) {
		if (!c->slots[i].client)
			continue;
		tmem_client_expire(c->slots[i].client, clock_us());
		deadline = tmem_client_deadline(c->slots[i].client);
		if (deadline < next)
			next = deadline;
	}
	return next;
}
