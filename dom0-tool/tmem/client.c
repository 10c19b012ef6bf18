// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "msg.h"
#include "tmem/client.h"

const char *tmem_status_text(uint32_t status)
{
	static const char *const texts[] = {
		[TMEM_STATUS_OK] = "done",
		[TMEM_STATUS_BAD] = "the tmem store found something wrong in it",
		[TMEM_STATUS_VERSION] = "the tmem store's daemon is of another version; restart it",
		[TMEM_STATUS_ORDER] = "the tmem store did not expect it now",
		[TMEM_STATUS_NO_DOMAIN] = "there is no such domain",
		[TMEM_STATUS_NO_POOLS] = "the domain has no tmem pools",
		[TMEM_STATUS_BUSY] = "another save copies the domain's tmem pools; wait for it",
		[TMEM_STATUS_NO_ROOM] =
			"the tmem store has no room for it; raise its limit or the quota",
		[TMEM_STATUS_EXPIRED] = "the tmem store was held for too long",
		[TMEM_STATUS_ABORTED] =
			"the tmem store gave the copy up, for room or as the domain is gone",
		[TMEM_STATUS_EXISTS] = "the domain has tmem pools already",
		[TMEM_STATUS_FAILED] = "the tmem store failed; its log says why",
	};

	return status < sizeof(texts) / sizeof(texts[0]) ? texts[status] :
							   "the tmem store gave an unknown answer";
}

static int client_connect(const char *path, bool *running)
{
	struct timeval tv = { .tv_sec = TMEM_CLIENT_TIMEOUT_MS / 1000 };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return msg_error("the path '%s' is too long for a socket", path);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return msg_error("cannot make a socket: %s", strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		*running = errno != ENOENT && errno != ECONNREFUSED;
		if (*running)
			msg_error("cannot connect to '%s': %s", path, strerror(errno));
		else
			msg_error("no tmem store is running; start 'stillpoint tmem serve'");
		close(fd);
		return -1;
	}
	return fd;
}

int tmem_client_open(const char *path, struct tmem_hello_reply *hello, bool *running)
{
	struct tmem_hello request = {
		.msg.type = TMEM_MSG_HELLO,
		.version = TMEM_PROTOCOL_VERSION,
	};
	struct tmem_hello_reply reply;
	bool there = true;
	int fd;

	fd = client_connect(path, &there);
	if (running)
		*running = there;
	if (fd < 0)
		return -1;
	if (tmem_client_do(fd, &request, sizeof(request), &reply, sizeof(reply))) {
		close(fd);
		return -1;
	}
	if (hello)
		*hello = reply;
	return fd;
}

ssize_t tmem_client_call(int fd, const void *request, size_t size, void *reply, size_t room)
{
	struct tmem_msg msg, *answer = reply;
	ssize_t n;

	memcpy(&msg, request, sizeof(msg));
	do
		n = send(fd, request, size, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)size)
		return msg_error("cannot talk to the tmem store: %s; is its daemon running?",
				 strerror(errno));
	do
		n = recv(fd, reply, room, MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return msg_error("the tmem store does not answer: %s", strerror(errno));
	if (!n)
		return msg_error("the tmem store's daemon ended; restart it");
	if ((size_t)n > room || n < (ssize_t)sizeof(msg) || answer->type != msg.type)
		return msg_error("the tmem store's answer of %zd bytes is none; restart its daemon",
				 n);
	return n;
}

int tmem_client_do(int fd, const void *request, size_t size, void *reply, size_t room)
{
	const struct tmem_msg *answer = reply;
	ssize_t n = tmem_client_call(fd, request, size, reply, room);

	if (n < 0)
		return -1;
	if (answer->status != TMEM_STATUS_OK)
		return msg_error("%s", tmem_status_text(answer->status));
	if ((size_t)n != room)
		return msg_error("the tmem store's answer has %zd bytes, expected %zu", n, room);
	return 0;
}
