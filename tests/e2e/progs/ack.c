// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ack.h"
#include "util.h"

#define OPEN_LIMIT_NS (10 * NS_PER_S)
#define CLOSE_LIMIT_NS (2 * NS_PER_S)
#define RETRY_NS (200 * NS_PER_MS)
#define POLL_NS (10 * NS_PER_MS)
/* A connection from before a restore may be one that dom0 has forgotten. */
#define USER_TIMEOUT_MS 3000

struct sockaddr_in ack_target(const char *target)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	const char *colon = strrchr(target, ':');
	char address[64];

	if (!colon || colon - target >= (ptrdiff_t)sizeof(address))
		die(0, "%s: ADDRESS:PORT was expected", target);
	memcpy(address, target, colon - target);
	address[colon - target] = '\0';
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		die(0, "%s: not an IPv4 address", address);
	to.sin_port = htons(number("port", colon + 1, 1, 65535));
	return to;
}

static void drop_connection(struct ack *ack)
{
	if (ack->fd >= 0)
		close(ack->fd);
	ack->fd = -1;
	ack->used = 0;
}

/* Starts a connection; its hello is the first in the buffer. */
static void try_connect(struct ack *ack)
{
	struct ack_hello hello = { .magic = ACK_MAGIC };
	int timeout = USER_TIMEOUT_MS;

	ack->last_try_ns = now_ns(CLOCK_MONOTONIC);
	ack->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (ack->fd < 0)
		return;
	setsockopt(ack->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	if (connect(ack->fd, (struct sockaddr *)&ack->to, sizeof(ack->to)) &&
	    errno != EINPROGRESS) {
		drop_connection(ack);
		return;
	}
	memcpy(hello.name, ack->name, sizeof(hello.name));
	memcpy(ack->buf, &hello, sizeof(hello));
	ack->used = sizeof(hello);
	ack->connects++;
}

void ack_flush(struct ack *ack)
{
	char byte;
	ssize_t n;

	if (!ack)
		return;
	if (ack->fd < 0) {
		if (now_ns(CLOCK_MONOTONIC) - ack->last_try_ns >= RETRY_NS)
			try_connect(ack);
		return;
	}
	/* The logger never writes: anything but "nothing yet" is the end. */
	n = recv(ack->fd, &byte, 1, MSG_DONTWAIT);
	if (n >= 0 || (errno != EAGAIN && errno != ENOTCONN)) {
		drop_connection(ack);
		return;
	}
	if (!ack->used)
		return;
	n = send(ack->fd, ack->buf, ack->used, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0) {
		if (errno != EAGAIN && errno != ENOTCONN)
			drop_connection(ack);
		return;
	}
	memmove(ack->buf, ack->buf + n, ack->used - n);
	ack->used -= n;
}

void ack_add(struct ack *ack, uint64_t index, uint64_t seq)
{
	struct ack_record record = { .index = index, .seq = seq };

	if (!ack)
		return;
	if (ack->fd < 0 || ack->used + sizeof(record) > sizeof(ack->buf)) {
		ack->dropped++;
		return;
	}
	memcpy(ack->buf + ack->used, &record, sizeof(record));
	ack->used += sizeof(record);
	ack->sent++;
}

struct ack *ack_open(const char *target, const char *name)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	struct ack *ack = calloc(1, sizeof(*ack));

	if (!ack)
		die(errno, "acknowledgments");
	ack->fd = -1;
	ack->to = ack_target(target);
	if (strlen(name) >= sizeof(ack->name))
		die(0, "%s: a name of at most %zu characters was expected", name,
		    sizeof(ack->name) - 1);
	strcpy(ack->name, name);
	do {
		ack_flush(ack);
		if (ack->fd >= 0 && !ack->used)
			return ack;
		sleep_ns(POLL_NS);
	} while (!stopping && now_ns(CLOCK_MONOTONIC) - start < OPEN_LIMIT_NS);
	die(0, "no logger answers at %s", target);
}

void ack_close(struct ack *ack)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC);

	if (!ack)
		return;
	while (ack->fd >= 0 && ack->used && now_ns(CLOCK_MONOTONIC) - start < CLOSE_LIMIT_NS) {
		ack_flush(ack);
		sleep_ns(POLL_NS);
	}
	drop_connection(ack);
	free(ack);
}

uint64_t *ack_table(const char *path, size_t n)
{
	uint64_t *table = calloc(n, sizeof(*table));
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	size_t have = 0;
	ssize_t got;

	if (!table || fd < 0)
		die(errno, "%s", path);
	while ((got = read(fd, (char *)table + have, n * sizeof(*table) - have)) > 0)
		have += got;
	if (got < 0)
		die(errno, "%s", path);
	if (have % sizeof(*table))
		die(0, "%s: %zu bytes are no table", path, have);
	return table;
}
