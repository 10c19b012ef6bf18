// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* close_range, pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper.h"
#include "msg.h"

/* Where the only two files that stay open are. */
enum keeper_fd {
	KEEPER_PIPE = 3,
	KEEPER_LOCK,
	KEEPER_FDS,
};

/* 0 or -1. */
static int keeper_files(int end, int lock)
{
	int null, fd;

	/* Above all that is replaced. */
	end = fcntl(end, F_DUPFD_CLOEXEC, KEEPER_FDS);
	lock = fcntl(lock, F_DUPFD_CLOEXEC, KEEPER_FDS);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (end < 0 || lock < 0 || null < 0)
		return -1;
	for (fd = 0; fd < KEEPER_PIPE; fd++)
		if (dup2(null, fd) < 0)
			return -1;
	if (dup2(end, KEEPER_PIPE) < 0 || dup2(lock, KEEPER_LOCK) < 0)
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

static void keeper_run(const struct keeper *k, int end, int lock, void (*rescue)(void *arg),
		       void *arg)
{
	char byte;

	keeper_signals();
	if (keeper_files(end, lock))
		return;
	/* Nothing is ever written there. */
	while (read(KEEPER_PIPE, &byte, 1) < 0 && errno == EINTR)
		;
	if (__atomic_load_n(k->mark, __ATOMIC_ACQUIRE))
		rescue(arg);
}

int keeper_start(struct keeper *k, int lock, void (*rescue)(void *arg), void *arg)
{
	int ends[2];

	memset(k, 0, sizeof(*k));
	k->mark = mmap(NULL, sizeof(*k->mark), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (k->mark == MAP_FAILED)
		return msg_error("out of memory");
	if (pipe2(ends, O_CLOEXEC)) {
		munmap(k->mark, sizeof(*k->mark));
		return msg_error("cannot make a pipe: %s", strerror(errno));
	}
	k->pipe = ends[1];
	k->pid = fork();
	if (!k->pid) {
		close(ends[1]);
		keeper_run(k, ends[0], lock, rescue, arg);
		_exit(0);
	}
	close(ends[0]);
	if (k->pid > 0)
		return 0;
	msg_error("cannot start a process: %s", strerror(errno));
	k->pid = 0;
	close(k->pipe);
	munmap(k->mark, sizeof(*k->mark));
	return -1;
}

void keeper_mark(struct keeper *k, bool mark)
{
	if (k && k->pid)
		__atomic_store_n(k->mark, mark, __ATOMIC_RELEASE);
}

void keeper_stop(struct keeper *k)
{
	keeper_mark(k, false);
	close(k->pipe);
	while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
		;
	munmap(k->mark, sizeof(*k->mark));
	k->pid = 0;
}
