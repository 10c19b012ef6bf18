// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "hooks.h"

/* How long a killed hook may take to end: after TERM, and after KILL. */
#define TERM_US 500000
#define KILL_US 1000000

/* Parts of what a hook says that are read before its time is looked at: a pipe's worth. */
#define HEAR_PARTS 128

/* Exit status of a child that could not become the hook. */
#define STATUS_NOT_RUN 127

static bool is_hook(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	const char *c;

	for (c = name; *c; c++) {
		if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-' &&
		    (*c != '.' || c == name))
			return false;
	}
	if (strstr(name, ".dpkg-") || snprintf(path, sizeof(path), "%s/%s", dir, name) >= PATH_MAX)
		return false;
	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

static int add(struct hooks *hooks, const char *name)
{
	char **more = reallocarray(hooks->names, hooks->count + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	hooks->names = more;
	more[hooks->count] = strdup(name);
	if (!more[hooks->count])
		return -ENOMEM;
	hooks->count++;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int hooks_find(struct hooks *hooks, const char *dir)
{
	const struct dirent *entry;
	DIR *stream;
	int err = 0;

	*hooks = (struct hooks){ .dir = strdup(dir) };
	if (!hooks->dir)
		return -ENOMEM;
	stream = opendir(dir);
	if (!stream)
		return errno == ENOENT ? 0 : -errno;
	while (!err && (entry = readdir(stream))) {
		if (is_hook(dir, entry->d_name))
			err = add(hooks, entry->d_name);
	}
	closedir(stream);
	if (hooks->count)
		qsort(hooks->names, hooks->count, sizeof(*hooks->names), compare);
	return err;
}

void hooks_free(struct hooks *hooks)
{
	while (hooks->count)
		free(hooks->names[--hooks->count]);
	free(hooks->names);
	free(hooks->dir);
	*hooks = (struct hooks){ 0 };
}

static void set_seconds(const char *name, uint64_t us)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)(us / 1000000));
	setenv(name, text, 1);
}

/* The agent is not to be killed for want of memory; a hook may be. */
static void be_ordinary(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	dprintf(fd, "0");
	close(fd);
}

/* In the child. */
static void become(const struct hooks *hooks, size_t number, const struct hook_run *run, int out)
{
	char path[PATH_MAX];
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* What is ignored stays so in the hook, as caught signals do not. */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	be_ordinary();
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	set_seconds("STILLPOINT_TIMEOUT", run->limit_us);
	set_seconds("STILLPOINT_HOLD", run->hold_us);
	snprintf(path, sizeof(path), "%s/%s", hooks->dir, hooks->names[number]);
	execl(path, hooks->names[number], run->phase, (char *)NULL);
	dprintf(STDERR_FILENO, "cannot be executed: %s\n", strerror(errno));
	_exit(STATUS_NOT_RUN);
}

/* Keep the last line with anything in it; @fresh says that a newline was the last byte. */
static void hear(struct hook_run *run, int in, bool *fresh)
{
	char text[512];
	size_t length, parts = HEAR_PARTS;
	ssize_t got, i;

	/* Not all that it says, which may have no end: its time goes on. */
	while (parts-- && (got = read(in, text, sizeof(text))) > 0) {
		for (i = 0; i < got; i++) {
			if (text[i] == '\n') {
				*fresh = true;
				continue;
			}
			if (*fresh)
				run->said[0] = '\0';
			*fresh = false;
			length = strlen(run->said);
			if (length + 1 < sizeof(run->said)) {
				run->said[length] = text[i] ? text[i] : ' ';
				run->said[length + 1] = '\0';
			}
		}
	}
}

/* Wait for the child until @end_us. True if it has ended; *status as of waitpid(2). */
static bool reap(pid_t pid, uint64_t end_us, int *status)
{
	static const struct timespec step = { .tv_nsec = 10000000 };

	for (;;) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		if (clock_awake_us() >= end_us)
			return false;
		nanosleep(&step, NULL);
	}
}

/* One that not even this ends sleeps in the kernel, and is left behind. */
static void kill_group(pid_t pid)
{
	bool ended;
	int status;

	/* It may not have its group yet. */
	kill(pid, SIGTERM);
	kill(-pid, SIGTERM);
	ended = reap(pid, clock_awake_us() + TERM_US, &status);
	kill(-pid, SIGKILL);
	if (ended)
		return;
	kill(pid, SIGKILL);
	reap(pid, clock_awake_us() + KILL_US, &status);
}

/* Milliseconds until @end_us, rounded up. */
static int ms_until(uint64_t end_us)
{
	uint64_t now = clock_awake_us(), ms;

	if (now >= end_us)
		return 0;
	ms = (end_us - now + 999) / 1000;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* Until the child ends, HOOK_OK, or is not to go on. */
static enum hook_outcome watch(struct hook_run *run, int pidfd, int in, uint64_t end_us)
{
	struct pollfd fds[] = {
		{ .fd = pidfd, .events = POLLIN },
		{ .fd = in, .events = POLLIN },
		{ .fd = run->stop_fds[0], .events = POLLIN },
		{ .fd = run->stop_fds[1], .events = POLLIN },
	};
	bool fresh = true;

	for (;;) {
		int ready = poll(fds, sizeof(fds) / sizeof(fds[0]), ms_until(end_us));

		if (ready < 0 && errno != EINTR)
			return HOOK_FAILED;
		if (ready > 0 && fds[1].revents) {
			hear(run, in, &fresh);
			if (fds[1].revents & (POLLHUP | POLLERR))
				fds[1].fd = -1;
		}
		if (ready > 0 && fds[0].revents)
			return HOOK_OK;
		if (ready > 0 && (fds[2].revents || fds[3].revents))
			return HOOK_STOPPED;
		if (clock_awake_us() >= end_us)
			return HOOK_TIMEOUT;
	}
}

/* The child has ended. */
static enum hook_outcome judge(struct hook_run *run, pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid) {
		snprintf(run->said, sizeof(run->said), "no exit status: %s", strerror(errno));
		return HOOK_FAILED;
	}
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return HOOK_OK;
	if (run->said[0])
		return HOOK_FAILED;
	if (WIFSIGNALED(status))
		snprintf(run->said, sizeof(run->said), "killed by signal %d", WTERMSIG(status));
	else
		snprintf(run->said, sizeof(run->said), "exit status %d", WEXITSTATUS(status));
	return HOOK_FAILED;
}

static void see_through(struct hook_run *run, pid_t pid, int in, uint64_t end_us)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	run->outcome = pidfd < 0 ? HOOK_FAILED : watch(run, pidfd, in, end_us);
	if (pidfd >= 0)
		close(pidfd);
	if (run->outcome == HOOK_OK) {
		run->outcome = judge(run, pid);
		if (run->outcome != HOOK_OK)
			kill(-pid, SIGKILL);
		return;
	}
	kill_group(pid);
}

void hooks_run(const struct hooks *hooks, size_t number, struct hook_run *run)
{
	uint64_t start_us = clock_awake_us();
	int pipe_fds[2];
	pid_t pid;

	run->outcome = HOOK_FAILED;
	run->said[0] = '\0';
	if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK)) {
		snprintf(run->said, sizeof(run->said), "no pipe: %s", strerror(errno));
		return;
	}
	pid = fork();
	if (!pid) {
		/* A hook may not expect its writes to fail with EAGAIN. */
		fcntl(pipe_fds[1], F_SETFL, 0);
		become(hooks, number, run, pipe_fds[1]);
	}
	close(pipe_fds[1]);
	if (pid > 0)
		see_through(run, pid, pipe_fds[0], start_us + run->limit_us);
	else
		snprintf(run->said, sizeof(run->said), "no process: %s", strerror(errno));
	close(pipe_fds[0]);
	run->us = clock_awake_us() - start_us;
}
