// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "msg.h"
#include "peer.h"
#include "qmp.h"

/* How long a compressor may go on when QEMU is done. */
#define PEER_DONE_MS 600000

static const char *const ways[] = {
	[PEER_MAPPED] = "mapped",
	[PEER_CACHED] = "cached",
	[PEER_ZSTD] = "zstd",
	[PEER_LZ4] = "lz4",
};

static const char *const compressors[] = {
	[PEER_ZSTD] = "zstd -1 -T2",
	[PEER_LZ4] = "lz4",
};

int peer_parse(const char *text, enum peer_way *way)
{
	unsigned int i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(text, ways[i]))
			continue;
		*way = i;
		return 0;
	}
	return msg_error("QEMU has no way '%s'; there are mapped, cached, zstd and lz4", text);
}

static bool peer_pipes(enum peer_way way)
{
	return way == PEER_ZSTD || way == PEER_LZ4;
}

static int peer_capability(struct qmp *qmp, const char *name)
{
	json_object *arguments = json_object_new_object();
	json_object *list = json_object_new_array();
	json_object *one = json_object_new_object();

	json_object_object_add(one, "capability", json_object_new_string(name));
	json_object_object_add(one, "state", json_object_new_boolean(true));
	json_object_array_add(list, one);
	json_object_object_add(arguments, "capabilities", list);
	return qmp_command(qmp, "migrate-set-capabilities", arguments);
}

static int peer_parameter(struct qmp *qmp, const char *name, json_object *value)
{
	json_object *arguments = json_object_new_object();

	json_object_object_add(arguments, name, value);
	return qmp_command(qmp, "migrate-set-parameters", arguments);
}

static int peer_migrate(struct qmp *qmp, const char *command, const char *uri)
{
	json_object *arguments = json_object_new_object();

	json_object_object_add(arguments, "uri", json_object_new_string(uri));
	return qmp_command(qmp, command, arguments);
}

static int peer_prepare(struct qmp *qmp, enum peer_way way)
{
	if (peer_capability(qmp, "events") ||
	    peer_parameter(qmp, "max-bandwidth", json_object_new_int(0)))
		return -1;
	if (peer_pipes(way))
		return 0;
	if (peer_capability(qmp, "mapped-ram") || peer_capability(qmp, "multifd") ||
	    peer_parameter(qmp, "multifd-channels", json_object_new_int(2)))
		return -1;
	if (way != PEER_MAPPED)
		return 0;
	return peer_parameter(qmp, "direct-io", json_object_new_boolean(true));
}

static int peer_sync(const char *image)
{
	int fd = open(image, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0 || fdatasync(fd))
		ret = msg_error("cannot bring '%s' to disk: %s", image, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ret;
}

/* What the shell says when the compressor is done, and the data are on disk. */
static int peer_wait_done(int fifo)
{
	struct pollfd p = { .fd = fifo, .events = POLLIN };
	char said[16] = "";

	if (poll(&p, 1, PEER_DONE_MS) != 1 || read(fifo, said, sizeof(said) - 1) <= 0 ||
	    strcmp(said, "0\n"))
		return msg_error("the compressor failed or does not end");
	return 0;
}

static int peer_save_running(struct qmp *qmp, enum peer_way way, const char *image, int fifo,
			     struct usage *usage)
{
	char uri[3 * 4096];
	int ret;

	if (peer_pipes(way))
		snprintf(uri, sizeof(uri), "exec:%s -q -c >%s && sync -d %s; echo $? >%s.done",
			 compressors[way], image, image, image);
	else
		snprintf(uri, sizeof(uri), "file:%s", image);
	if (peer_prepare(qmp, way) || usage_begin(usage, qmp->pid))
		return -1;
	ret = peer_migrate(qmp, "migrate", uri) || qmp_wait_migrated(qmp) ||
	      (peer_pipes(way) ? peer_wait_done(fifo) : peer_sync(image));
	usage_done(usage);
	usage_end(usage);
	return ret ? -1 : 0;
}

int peer_save(enum peer_way way, const char *image, char *const argv[], struct usage *usage)
{
	struct qmp qmp = { 0 };
	char name[4096];
	int fifo, ret;

	snprintf(name, sizeof(name), "%s.done", image);
	if (mkfifo(name, 0600))
		return msg_error("cannot make '%s': %s", name, strerror(errno));
	/* For both directions, so that it has a writer from the beginning to the end. */
	fifo = open(name, O_RDWR | O_CLOEXEC);
	if (fifo < 0)
		ret = msg_error("cannot open '%s': %s", name, strerror(errno));
	else
		ret = qmp_start(&qmp, argv) || peer_save_running(&qmp, way, image, fifo, usage);
	qmp_stop(&qmp);
	if (fifo >= 0)
		close(fifo);
	unlink(name);
	return ret ? -1 : 0;
}

int peer_load(enum peer_way way, const char *image, char *const argv[], struct usage *usage)
{
	struct qmp qmp = { 0 };
	char uri[4096 + 256];
	int ret = -1;

	if (peer_pipes(way))
		snprintf(uri, sizeof(uri), "exec:%s -d -q -c %s", compressors[way], image);
	else
		snprintf(uri, sizeof(uri), "file:%s", image);
	if (!qmp_start(&qmp, argv) && !peer_prepare(&qmp, way) && !usage_begin(usage, qmp.pid)) {
		ret = peer_migrate(&qmp, "migrate-incoming", uri) || qmp_wait_migrated(&qmp);
		usage_done(usage);
		usage_end(usage);
	}
	qmp_stop(&qmp);
	return ret ? -1 : 0;
}
