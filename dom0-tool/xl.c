// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* memfd_create */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "msg.h"
#include "signals.h"
#include "xl.h"

/* What an exec that failed exits with, as in a shell. */
#define XL_NOT_FOUND 127

/* The whole file @fd as a string; NULL if there is no memory. */
static char *xl_slurp(int fd)
{
	struct stat st;
	ssize_t n;
	char *text;

	if (fstat(fd, &st))
		return NULL;
	text = malloc(st.st_size + 1);
	if (!text)
		return NULL;
	n = pread(fd, text, st.st_size, 0);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

void xl_show_messages(struct xl_run *run, bool show)
{
	if (show && run->messages && write(STDERR_FILENO, run->messages, strlen(run->messages)) < 0)
		msg_warn("cannot show the messages of xl");
	free(run->messages);
	run->messages = NULL;
}

static int xl_use_no_input(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : dup2(fd, STDIN_FILENO);
}

static pid_t xl_start(const struct xl_run *run, int out, int err)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	signal(SIGXFSZ, SIG_DFL);
	if (run->no_input && xl_use_no_input() < 0)
		_exit(XL_NOT_FOUND);
	if (dup2(run->keep_output ? out : err, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0)
		execvp(run->argv[0], (char *const *)run->argv);
	_exit(XL_NOT_FOUND);
}

static int xl_wait(pid_t pid)
{
	bool told = false;
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
		if (signals_stop() && !told)
			kill(pid, SIGTERM);
		told = signals_stop();
	}
	return status;
}

static int xl_judge(const struct xl_run *run, int status)
{
	if (signals_check())
		return -1;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == XL_NOT_FOUND)
		return msg_error("cannot run xl; install xen-utils");
	if (WIFSIGNALED(status))
		return msg_error("'xl %s' died of signal %d", run->argv[1], WTERMSIG(status));
	return msg_error("'xl %s' failed with exit status %d; see its messages above", run->argv[1],
			 WEXITSTATUS(status));
}

int xl_run(struct xl_run *run)
{
	int out = memfd_create("xl-stdout", MFD_CLOEXEC);
	int err = run->verbose ? dup(STDERR_FILENO) : memfd_create("xl-stderr", MFD_CLOEXEC);
	int ret = -1;
	int status;
	pid_t pid;

	run->output = NULL;
	run->messages = NULL;
	run->killed = false;
	if (out < 0 || err < 0) {
		msg_error("cannot run xl: %s", strerror(errno));
		goto out;
	}
	pid = xl_start(run, out, err);
	if (pid < 0) {
		msg_error("cannot run xl: %s", strerror(errno));
		goto out;
	}
	status = xl_wait(pid);
	run->killed = status != -1 && WIFSIGNALED(status);
	ret = xl_judge(run, status);
	if (ret && !run->verbose)
		run->messages = xl_slurp(err);
	if (!run->keep_messages)
		xl_show_messages(run, true);
	if (!ret && run->keep_output) {
		run->output = xl_slurp(out);
		if (!run->output)
			ret = msg_error("out of memory");
	}
out:
	if (out >= 0)
		close(out);
	if (err >= 0)
		close(err);
	return ret;
}
