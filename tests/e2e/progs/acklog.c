// SPDX-License-Identifier: GPL-2.0
/*
 * acklog: keeps, in dom0, what programs in guests acknowledge (see ack.h).
 *
 * Each stream's table is the file DIR/NAME. It is written with pwrite() at
 * once, so that a copy of it is what was received by then, and a killed acklog
 * loses nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ack.h"
#include "util.h"

#define MAX_CLIENTS 32
/* A signal may come just before poll(). */
#define POLL_MS 500

/**
 * struct client - a connection
 * @table: its stream's file, -1 before its hello
 * @used: bytes in @buf, of an incomplete hello or record at the start
 */
struct client {
	int fd;
	int table;
	size_t used;
	uint8_t buf[16384];
};

static struct client *clients[MAX_CLIENTS];
static const char *dir;
static uint64_t records, refused;

static void drop(struct client **slot)
{
	close((*slot)->fd);
	if ((*slot)->table >= 0)
		close((*slot)->table);
	free(*slot);
	*slot = NULL;
}

static int take_hello(struct client *client, const struct ack_hello *hello)
{
	char path[4096];

	if (hello->magic != ACK_MAGIC || !hello->name[0] ||
	    memchr(hello->name, '/', ACK_NAME_MAX) || !memchr(hello->name, '\0', ACK_NAME_MAX))
		return -1;
	snprintf(path, sizeof(path), "%s/%s", dir, hello->name);
	client->table = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (client->table < 0)
		die(errno, "%s", path);
	return 0;
}

static int take_record(struct client *client, const struct ack_record *record)
{
	off_t at = record->index * sizeof(uint64_t);
	uint64_t have = 0;

	if (record->index >= ACK_MAX_INDEX)
		return -1;
	if (pread(client->table, &have, sizeof(have), at) < 0)
		die(errno, "cannot read a table");
	if (record->seq > have &&
	    pwrite(client->table, &record->seq, sizeof(record->seq), at) != sizeof(record->seq))
		die(errno, "cannot write a table");
	records++;
	return 0;
}

/* Takes what is complete off the buffer. -1 for a client that talks nonsense. */
static int digest(struct client *client)
{
	struct ack_record record;
	struct ack_hello hello;
	size_t at = 0;

	if (client->table < 0) {
		if (client->used < sizeof(hello))
			return 0;
		memcpy(&hello, client->buf, sizeof(hello));
		at = sizeof(hello);
		if (take_hello(client, &hello))
			return -1;
	}
	for (; client->used - at >= sizeof(record); at += sizeof(record)) {
		memcpy(&record, client->buf + at, sizeof(record));
		if (take_record(client, &record))
			return -1;
	}
	memmove(client->buf, client->buf + at, client->used - at);
	client->used -= at;
	return 0;
}

static void serve(struct client **slot)
{
	struct client *client = *slot;
	ssize_t n;

	n = read(client->fd, client->buf + client->used, sizeof(client->buf) - client->used);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		client->used += n;
		if (!digest(client))
			return;
		refused++;
		say("a client that does not keep to the protocol");
	}
	drop(slot);
}

static void accept_client(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int i;

	if (fd < 0)
		return;
	for (i = 0; i < MAX_CLIENTS; i++) {
		if (clients[i])
			continue;
		clients[i] = calloc(1, sizeof(**clients));
		if (!clients[i])
			die(errno, "a client");
		clients[i]->fd = fd;
		clients[i]->table = -1;
		return;
	}
	say("more than %d clients", MAX_CLIENTS);
	close(fd);
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		die(errno, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, MAX_CLIENTS))
		die(errno, "port %u", port);
	return fd;
}

static void loop(int listener)
{
	struct pollfd fds[MAX_CLIENTS + 1];
	int i;

	while (!stopping) {
		for (i = 0; i < MAX_CLIENTS; i++)
			fds[i] = (struct pollfd){ .fd = clients[i] ? clients[i]->fd : -1,
						  .events = POLLIN };
		fds[MAX_CLIENTS] = (struct pollfd){ .fd = listener, .events = POLLIN };
		if (poll(fds, MAX_CLIENTS + 1, POLL_MS) < 0)
			continue;
		for (i = 0; i < MAX_CLIENTS; i++)
			if (fds[i].revents)
				serve(&clients[i]);
		if (fds[MAX_CLIENTS].revents)
			accept_client(listener);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "dir", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	uint16_t port = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			port = number("--port", optarg, 1, 65535);
			break;
		case 'd':
			dir = optarg;
			break;
		case 'h':
			puts("usage: acklog --port PORT --dir DIR\n"
			     "Writes what clients acknowledge to DIR/NAME until SIGTERM. Exit status 0 if every client kept to the protocol.");
			return 0;
		default:
			return 2;
		}
	}
	if (!port || !dir)
		die(0, "--port and --dir were expected; see --help");
	catch_stop();
	loop(listen_on(port));
	printf("acklog: records %llu, clients refused %llu\n", (unsigned long long)records,
	       (unsigned long long)refused);
	return refused ? 1 : 0;
}
