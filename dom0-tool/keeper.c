// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* close_range */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper.h"
#include "msg.h"

/* Where the only two files that stay open are. */
enum keeper_fd {
	KEEPER_TALK = 3,
	KEEPER_LOCK,
	KEEPER_FDS,
};

/* 0 or -1. */
static int keeper_files(int talk, int lock)
{
	int null, fd;

	/* Above all that is replaced. */
	talk = fcntl(talk, F_DUPFD_CLOEXEC, KEEPER_FDS);
	lock = fcntl(lock, F_DUPFD_CLOEXEC, KEEPER_FDS);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (talk < 0 || lock < 0 || null < 0)
		return -1;
	for (fd = 0; fd < KEEPER_TALK; fd++)
		if (dup2(null, fd) < 0)
			return -1;
	if (dup2(talk, KEEPER_TALK) < 0 || dup2(lock, KEEPER_LOCK) < 0)
		return -1;
	return close_range(KEEPER_FDS, ~0U, 0);
}

/* What ends a whole group of processes, or all of a terminal's, does not end this one. */
static void keeper_signals(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
	unsigned int i;

	setsid();
	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
}

/* The other side wrote a byte, or is gone. True if it wrote one. */
static bool keeper_hear(int talk)
{
	ssize_t n;
	char byte;

	do
		n = read(talk, &byte, 1);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

static void keeper_run(const struct keeper *k, int talk, int lock, void (*rescue)(void *arg),
		       void *arg)
{
	keeper_signals();
	if (keeper_files(talk, lock) || write(KEEPER_TALK, "", 1) != 1)
		return;
	if (!keeper_hear(KEEPER_TALK) && keeper_marked(k))
		rescue(arg);
}

static void keeper_reap(struct keeper *k)
{
	while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
		;
	k->pid = 0;
}

/* Once there is the mark. */
static int keeper_fork(struct keeper *k, int lock, void (*rescue)(void *arg), void *arg)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return msg_error("cannot make a pair of sockets: %s", strerror(errno));
	k->pid = fork();
	if (!k->pid) {
		close(ends[0]);
		keeper_run(k, ends[1], lock, rescue, arg);
		_exit(0);
	}
	if (k->pid < 0)
		msg_error("cannot start a process: %s", strerror(errno));
	close(ends[1]);
	k->talk = ends[0];
	if (k->pid > 0 && keeper_hear(k->talk))
		return 0;
	close(k->talk);
	if (k->pid < 0)
		return -1;
	keeper_reap(k);
	return msg_error("the process that looks after a paused domain does not start");
}

int keeper_start(struct keeper *k, int lock, void (*rescue)(void *arg), void *arg)
{
	memset(k, 0, sizeof(*k));
	k->mark = mmap(NULL, sizeof(*k->mark), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (k->mark == MAP_FAILED)
		return msg_error("out of memory");
	if (!keeper_fork(k, lock, rescue, arg))
		return 0;
	munmap(k->mark, sizeof(*k->mark));
	return -1;
}

void keeper_mark(struct keeper *k, bool mark)
{
	if (k)
		__atomic_store_n(k->mark, mark, __ATOMIC_RELEASE);
}

bool keeper_marked(const struct keeper *k)
{
	return __atomic_load_n(k->mark, __ATOMIC_ACQUIRE);
}

void keeper_stop(struct keeper *k)
{
	keeper_mark(k, false);
	close(k->talk);
	keeper_reap(k);
	munmap(k->mark, sizeof(*k->mark));
}
