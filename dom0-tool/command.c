// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* environ, execvpe */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "msg.h"
#include "signals.h"

/* Between two calls of watch(). */
#define COMMAND_WATCH_MS 100

/* From TERM to KILL, and from KILL until nobody waits any more. */
#define COMMAND_GRACE_MS 2000

/* The environment with @add, whose names it does not have. free() it. */
static char **command_environment(const char *const *add)
{
	size_t n = 0, extra = 0, i, j, len;
	char **env;

	while (environ[n])
		n++;
	while (add && add[extra])
		extra++;
	env = calloc(n + extra + 1, sizeof(*env));
	if (!env)
		return NULL;
	for (i = 0; i < extra; i++)
		env[i] = (char *)add[i];
	for (n = 0; environ[n]; n++) {
		len = strcspn(environ[n], "=") + 1;
		for (j = 0; j < extra && strncmp(environ[n], add[j], len); j++)
			;
		if (j == extra)
			env[i++] = environ[n];
	}
	return env;
}

/*
 * In the child, which shares our memory until it runs the command. Returns a negative errno
 * if it cannot.
 */
static int command_become(const struct command *c, char **env, pid_t parent, int null)
{
	static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGXFSZ };
	sigset_t none;
	size_t i;

	for (i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		signal(caught[i], SIG_DFL);
	sigemptyset(&none);
	if (setpgid(0, 0) || prctl(PR_SET_PDEATHSIG, SIGKILL) ||
	    sigprocmask(SIG_SETMASK, &none, NULL))
		return -errno;
	if (getppid() != parent)
		return -ESRCH;
	if (null >= 0 && dup2(null, STDIN_FILENO) < 0)
		return -errno;
	if (c->output_to_stderr && dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return -errno;
	execvpe(c->argv[0], (char *const *)c->argv, env);
	return -errno;
}

/* Returns the process, or -1 with c->not_run set. */
static pid_t command_start(struct command *c, char **env)
{
	int null = isatty(STDIN_FILENO) ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
	volatile int error = 0;
	pid_t parent = getpid();
	pid_t pid;

	/* A copy of our page tables would take time in which a guest may be parked. */
	pid = vfork();
	if (!pid) {
		error = command_become(c, env, parent, null);
		_exit(127);
	}
	if (null >= 0)
		close(null);
	c->not_run = pid < 0 ? errno : -error;
	if (pid > 0 && c->not_run)
		waitpid(pid, NULL, 0);
	return c->not_run ? -1 : pid;
}

/* Wait at most @ms for it to end. True if it did; its number is its own until it is reaped. */
static bool command_ended(int pidfd, unsigned int ms)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };

	return poll(&pfd, 1, ms) > 0;
}

static void command_await(int pidfd)
{
	uint64_t end = clock_us() + COMMAND_GRACE_MS * 1000;

	while (!command_ended(pidfd, COMMAND_WATCH_MS) && clock_us() < end)
		;
}

static void command_end(pid_t pid, int pidfd)
{
	kill(-pid, SIGTERM);
	command_await(pidfd);
	/* Children that it left in its process group, too. */
	kill(-pid, SIGKILL);
	command_await(pidfd);
}

static int command_watch(struct command *c, int pidfd)
{
	uint64_t start = clock_us();

	while (!command_ended(pidfd, COMMAND_WATCH_MS)) {
		if ((!c->through && signals_check()) || (c->watch && c->watch(c->arg)))
			return -1;
		if (c->timeout_ms && clock_us() - start >= c->timeout_ms * 1000)
			return msg_error("%s did not end within %llu s and was ended", c->name,
					 (unsigned long long)(c->timeout_ms / 1000));
	}
	return 0;
}

int command_run(struct command *c)
{
	char **env = command_environment(c->env);
	int pidfd, ret;
	pid_t pid;

	if (!env)
		return msg_error("out of memory");
	pid = command_start(c, env);
	free(env);
	if (pid < 0)
		return msg_error("cannot run %s: %s", c->name, strerror(c->not_run));
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		ret = msg_error("cannot watch %s: %s", c->name, strerror(errno));
	else
		ret = command_watch(c, pidfd);
	if (ret)
		command_end(pid, pidfd);
	if (waitpid(pid, &c->status, WNOHANG) != pid && !ret)
		ret = msg_error("cannot tell how %s ended: %s", c->name, strerror(errno));
	if (pidfd >= 0)
		close(pidfd);
	return ret;
}

int command_judge(const struct command *c)
{
	if (WIFEXITED(c->status) && !WEXITSTATUS(c->status))
		return 0;
	if (WIFSIGNALED(c->status))
		return msg_error("%s died of signal %d", c->name, WTERMSIG(c->status));
	return msg_error("%s failed with exit status %d; see its messages above", c->name,
			 WEXITSTATUS(c->status));
}
