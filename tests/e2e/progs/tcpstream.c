// SPDX-License-Identifier: GPL-2.0
/*
 * tcpstream: numbered frames with a sum, both ways at once over one connection.
 *
 * One side listens, the other connects; each sends frames at --rate and checks
 * the frames of the other: none missing, none twice, none wrong. The connecting
 * side ends it on SIGTERM or after --seconds: it sends a last frame, the
 * listener answers with its own, and both close. Any other end of the
 * connection, a reset among them, is a failure.
 *
 * Heartbeats: "sent", "received" (frames); their errors are what made it fail.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ack.h"
#include "heartbeat.h"
#include "pattern.h"
#include "util.h"

#define FRAME_BYTES 4096
/* The index of a frame says whether it is the last one. */
#define FRAME_DATA 0
#define FRAME_LAST 1
#define STREAM_LISTENER 3
#define STREAM_CONNECTER 4
#define CONNECT_LIMIT_NS (10 * NS_PER_S)
#define RETRY_NS (200 * NS_PER_MS)
#define POLL_NS (2 * NS_PER_MS)

/**
 * struct side - one end of the connection
 * @peer_is_done: the other side's last frame came
 * @is_done: ours went
 */
struct side {
	int fd;
	bool listens;
	uint64_t frames_per_s;
	struct heartbeat *sent;
	struct heartbeat *received;
	atomic_bool peer_is_done;
	atomic_bool is_done;
	atomic_bool failed;
};

static void fail(struct side *side, struct heartbeat *part, const char *what, int err)
{
	if (side->failed)
		return;
	side->failed = true;
	part->errors++;
	say("%s after %llu frames sent and %llu received: %s", what,
	    (unsigned long long)side->sent->beats, (unsigned long long)side->received->beats,
	    err ? strerror(err) : "that was not expected");
	shutdown(side->fd, SHUT_RDWR);
}

static bool send_frame(struct side *side, uint64_t kind)
{
	uint64_t frame[FRAME_BYTES / sizeof(uint64_t)];
	size_t at = 0;
	ssize_t n;

	pattern_fill(frame, sizeof(frame), side->listens ? STREAM_LISTENER : STREAM_CONNECTER, kind,
		     side->sent->beats + 1);
	while (at < sizeof(frame)) {
		n = send(side->fd, (char *)frame + at, sizeof(frame) - at, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			fail(side, side->sent, "sending", errno);
			return false;
		}
		at += n;
	}
	side->sent->beats++;
	return true;
}

static bool must_end(const struct side *side)
{
	return side->listens ? side->peer_is_done : stopping;
}

static void *run_sender(void *data)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	struct side *side = data;

	while (!side->failed && !must_end(side)) {
		if (side->sent->beats >=
		    (now_ns(CLOCK_MONOTONIC) - start) * side->frames_per_s / NS_PER_S) {
			sleep_ns(POLL_NS);
			continue;
		}
		if (!send_frame(side, FRAME_DATA))
			return NULL;
	}
	if (!side->failed && send_frame(side, FRAME_LAST)) {
		side->is_done = true;
		shutdown(side->fd, SHUT_WR);
	}
	return NULL;
}

/* Reads a whole frame. 1, or 0 at a clean end between frames, or -1. */
static int read_frame(struct side *side, void *frame)
{
	size_t at = 0;
	ssize_t n;

	while (at < FRAME_BYTES) {
		n = recv(side->fd, (char *)frame + at, FRAME_BYTES - at, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			fail(side, side->received, "receiving", errno);
			return -1;
		}
		if (n == 0 && at == 0)
			return 0;
		if (n == 0) {
			fail(side, side->received, "an end within a frame", 0);
			return -1;
		}
		at += n;
	}
	return 1;
}

static bool take_frame(struct side *side, const void *frame)
{
	const struct pattern *head = frame;
	const char *what;

	if (side->peer_is_done)
		what = "a frame behind the last one";
	else if (head->index > FRAME_LAST)
		what = "an unknown frame";
	else
		what = pattern_check(frame, FRAME_BYTES,
				     side->listens ? STREAM_CONNECTER : STREAM_LISTENER,
				     head->index);
	if (!what && head->seq != side->received->beats + 1)
		what = "a frame out of order";
	if (what) {
		fail(side, side->received, what, 0);
		return false;
	}
	side->received->beats++;
	if (head->index == FRAME_LAST)
		side->peer_is_done = true;
	return true;
}

static void receive(struct side *side)
{
	uint64_t frame[FRAME_BYTES / sizeof(uint64_t)];
	int got;

	while ((got = read_frame(side, frame)) > 0)
		if (!take_frame(side, frame))
			return;
	if (got == 0 && !side->peer_is_done)
		fail(side, side->received, "the end of the connection", 0);
}

static int listen_once(uint16_t port)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd, one = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (listener < 0 || bind(listener, (struct sockaddr *)&any, sizeof(any)) ||
	    listen(listener, 1))
		die(errno, "port %u", port);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		die(errno, "no connection came");
	close(listener);
	return fd;
}

static int connect_to(const char *target)
{
	struct sockaddr_in to = ack_target(target);
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	int fd, err;

	do {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
			return fd;
		err = errno;
		close(fd);
		sleep_ns(RETRY_NS);
	} while (!stopping && now_ns(CLOCK_MONOTONIC) - start < CONNECT_LIMIT_NS);
	die(err, "%s", target);
}

static int run(struct side *side, const char *state)
{
	struct heartbeat_file *file = heartbeat_create(state);
	pthread_t sender;
	int one = 1, err;
	bool ok;

	side->sent = heartbeat_add(file, "sent");
	side->received = heartbeat_add(file, "received");
	setsockopt(side->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	err = pthread_create(&sender, NULL, run_sender, side);
	if (err)
		die(err, "a thread");
	receive(side);
	pthread_join(sender, NULL);
	ok = !side->failed && side->is_done && side->peer_is_done;
	printf("tcpstream: sent %llu bytes, received %llu bytes, %s\n",
	       (unsigned long long)side->sent->beats * FRAME_BYTES,
	       (unsigned long long)side->received->beats * FRAME_BYTES, ok ? "ok" : "WRONG");
	return ok ? 0 : 1;
}

static void usage(void)
{
	puts("usage: tcpstream --listen PORT [--rate-kib N] [--state FILE]\n"
	     "       tcpstream --connect ADDRESS:PORT [--rate-kib N] [--state FILE] [--seconds N]\n"
	     "Sends and checks frames both ways, N KiB a second each (default 1024). The connecting side\n"
	     "ends it on SIGTERM or after N seconds. Exit status 0 if every frame arrived, once, in order\n"
	     "and unchanged, and both sides closed in order.");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "connect", required_argument, NULL, 'c' },
		{ "rate-kib", required_argument, NULL, 'r' },
		{ "state", required_argument, NULL, 't' },
		{ "seconds", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *target = NULL, *state = NULL;
	struct side side = { 0 };
	uint64_t rate_kib = 1024;
	unsigned int seconds = 0;
	uint16_t port = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'l':
			port = number("--listen", optarg, 1, 65535);
			break;
		case 'c':
			target = optarg;
			break;
		case 'r':
			rate_kib = number("--rate-kib", optarg, 4, 1000000);
			break;
		case 't':
			state = optarg;
			break;
		case 'n':
			seconds = number("--seconds", optarg, 1, 86400);
			break;
		case 'h':
			usage();
			return 0;
		default:
			return 2;
		}
	}
	if (!port == !target)
		die(0, "either --listen or --connect was expected; see --help");
	side.frames_per_s = rate_kib * 1024 / FRAME_BYTES;
	side.listens = port;
	if (target)
		catch_stop();
	side.fd = port ? listen_once(port) : connect_to(target);
	stop_after(port ? 0 : seconds);
	return run(&side, state);
}
