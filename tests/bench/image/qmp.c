// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "msg.h"
#include "qmp.h"

/* In the child: become QEMU. */
static void qmp_exec(char *const argv[], int in, int out)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* No QEMU stays behind, whatever happens here. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(126);
	execvp(argv[0], argv);
	_exit(127);
}

int qmp_start(struct qmp *qmp, char *const argv[])
{
	int to[2], from[2];

	memset(qmp, 0, sizeof(*qmp));
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		return msg_error("cannot make a pipe: %s", strerror(errno));
	qmp->pid = fork();
	if (qmp->pid < 0)
		return msg_error("cannot start '%s': %s", argv[0], strerror(errno));
	if (!qmp->pid)
		qmp_exec(argv, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	qmp->to = fdopen(to[1], "w");
	qmp->from = fdopen(from[0], "r");
	if (!qmp->to || !qmp->from)
		return msg_error("out of memory");
	return qmp_command(qmp, "qmp_capabilities", NULL);
}

/* Take note of what an event says of a migration. */
static void qmp_note(struct qmp *qmp, json_object *o)
{
	json_object *event, *data, *status;
	const char *text;

	if (!json_object_object_get_ex(o, "event", &event) ||
	    strcmp(json_object_get_string(event), "MIGRATION") ||
	    !json_object_object_get_ex(o, "data", &data) ||
	    !json_object_object_get_ex(data, "status", &status))
		return;
	text = json_object_get_string(status);
	if (!strcmp(text, "completed"))
		qmp->migrated = 1;
	else if (!strcmp(text, "failed"))
		qmp->migrated = -1;
}

/* The next line, which the caller puts. NULL, with an error recorded, if there is none. */
static json_object *qmp_read(struct qmp *qmp)
{
	json_object *o = NULL;
	char *line = NULL;
	size_t room = 0;

	if (getline(&line, &room, qmp->from) < 0)
		msg_error("QEMU ended; see above what it said");
	else
		o = json_tokener_parse(line);
	if (!o)
		msg_error("QEMU said what is no JSON: '%s'", line ? line : "");
	else
		qmp_note(qmp, o);
	free(line);
	return o;
}

static int qmp_send(struct qmp *qmp, const char *name, json_object *arguments)
{
	json_object *o = json_object_new_object();
	int ret;

	json_object_object_add(o, "execute", json_object_new_string(name));
	if (arguments)
		json_object_object_add(o, "arguments", arguments);
	ret = fprintf(qmp->to, "%s\n", json_object_to_json_string(o)) < 0 || fflush(qmp->to);
	json_object_put(o);
	return ret ? msg_error("cannot write to QEMU: %s", strerror(errno)) : 0;
}

int qmp_command(struct qmp *qmp, const char *name, json_object *arguments)
{
	bool done = false, refused = false;
	json_object *o;

	if (qmp_send(qmp, name, arguments))
		return -1;
	while (!done) {
		o = qmp_read(qmp);
		if (!o)
			return -1;
		refused = json_object_object_get_ex(o, "error", NULL);
		done = refused || json_object_object_get_ex(o, "return", NULL);
		if (refused)
			msg_error("QEMU refused %s: %s", name, json_object_to_json_string(o));
		json_object_put(o);
	}
	return refused ? -1 : 0;
}

int qmp_wait_migrated(struct qmp *qmp)
{
	json_object *o;

	while (!qmp->migrated) {
		o = qmp_read(qmp);
		if (!o)
			return -1;
		json_object_put(o);
	}
	return qmp->migrated > 0 ? 0 : msg_error("QEMU's migration failed; see above what it said");
}

void qmp_stop(struct qmp *qmp)
{
	if (qmp->to) {
		qmp_send(qmp, "quit", NULL);
		fclose(qmp->to);
	}
	if (qmp->from)
		fclose(qmp->from);
	if (qmp->pid > 0)
		waitpid(qmp->pid, NULL, 0);
	memset(qmp, 0, sizeof(*qmp));
}
