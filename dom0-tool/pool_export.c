// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "msg.h"
#include "tmem/client.h"
#include "pool_export.h"

/* The guest is paused while an answer to HOLD is waited for. */
#define EXPORT_HOLD_MS 2000

/**
 * struct export_socket - an export over the daemon's socket
 * @reply: room for an answer to NEXT
 */
struct export_socket {
	struct pool_export exp;
	int fd;
	struct tmem_next_reply *reply;
};

static struct export_socket *export_of(struct pool_export *exp)
{
	return (struct export_socket *)exp;
}

static int export_next(struct pool_export *exp, struct pool_batch *batch)
{
	struct export_socket *e = export_of(exp);
	const struct tmem_next request = {
		.msg.type = TMEM_MSG_NEXT,
		.max = TMEM_RECORDS_MAX,
	};
	ssize_t n;

	n = tmem_client_call(e->fd, &request, sizeof(request), e->reply, TMEM_MSG_MAX);
	if (n < 0)
		return -1;
	if (e->reply->msg.status != TMEM_STATUS_OK)
		return msg_error("cannot read the domain's tmem pools: %s",
				 tmem_status_text(e->reply->msg.status));
	if ((size_t)n < sizeof(*e->reply) || e->reply->size != n - sizeof(*e->reply) ||
	    e->reply->state > TMEM_NEXT_END)
		return msg_error("the tmem store's answer of %zd bytes is none; restart its daemon",
				 n);
	*batch = (struct pool_batch){
		.state = e->reply->state,
		.totals = e->reply->totals,
		.records = e->reply->records,
		.size = e->reply->size,
	};
	return 0;
}

static int export_set_timeout(const struct export_socket *e, unsigned int ms)
{
	const struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if (setsockopt(e->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)))
		return msg_error("cannot set a socket's time-out: %s", strerror(errno));
	return 0;
}

static int export_hold(struct pool_export *exp)
{
	struct export_socket *e = export_of(exp);
	const struct tmem_hold request = {
		.msg.type = TMEM_MSG_HOLD,
		.timeout_us = TMEM_HOLD_MAX_US,
	};
	struct tmem_msg reply;

	if (export_set_timeout(e, EXPORT_HOLD_MS) ||
	    tmem_client_do(e->fd, &request, sizeof(request), &reply, sizeof(reply)))
		return -1;
	return export_set_timeout(e, TMEM_CLIENT_TIMEOUT_MS);
}

static int export_release(struct pool_export *exp)
{
	const struct tmem_release request = { .msg.type = TMEM_MSG_RELEASE };
	ssize_t n;

	do
		n = send(export_of(exp)->fd, &request, sizeof(request), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(request))
		return msg_error("cannot talk to the tmem store: %s; is its daemon running?",
				 strerror(errno));
	return 0;
}

static int export_released(struct pool_export *exp)
{
	struct tmem_msg reply;
	ssize_t n;

	do
		n = recv(export_of(exp)->fd, &reply, sizeof(reply), MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(reply) || reply.type != TMEM_MSG_RELEASE)
		return msg_error("the tmem store did not answer in the end: %s",
				 n < 0 ? strerror(errno) : "its daemon ended");
	if (reply.status != TMEM_STATUS_OK)
		return msg_error("%s", tmem_status_text(reply.status));
	return 0;
}

static void export_close(struct pool_export *exp)
{
	struct export_socket *e = export_of(exp);

	if (e->fd >= 0)
		close(e->fd);
	free(e->reply);
	free(e);
}

static const struct pool_export_ops export_ops = {
	.next = export_next,
	.hold = export_hold,
	.release = export_release,
	.released = export_released,
	.close = export_close,
};

/* Returns 1 if the domain has no pools. */
static int export_begin(struct export_socket *e, uint32_t domid, bool ephemeral)
{
	const struct tmem_export_request request = {
		.msg.type = TMEM_MSG_EXPORT,
		.domid = domid,
		.flags = ephemeral ? TMEM_EXPORT_EPHEMERAL : 0,
	};
	struct tmem_export_reply *reply = &e->exp.begun;
	ssize_t n;

	n = tmem_client_call(e->fd, &request, sizeof(request), reply, sizeof(*reply));
	if (n < 0)
		return -1;
	if (reply->now.msg.status == TMEM_STATUS_NO_DOMAIN ||
	    reply->now.msg.status == TMEM_STATUS_NO_POOLS)
		return 1;
	if (reply->now.msg.status != TMEM_STATUS_OK)
		return msg_error("cannot copy the domain's tmem pools: %s",
				 tmem_status_text(reply->now.msg.status));
	if (n != sizeof(*reply))
		return msg_error("the tmem store's answer has %zd bytes, expected %zu", n,
				 sizeof(*reply));
	return 0;
}

/* Returns 1 if there is nothing to export. */
static int export_open(struct export_socket *e, const char *path, uint32_t domid, bool ephemeral,
		       bool used)
{
	struct tmem_hello_reply hello;
	bool running;

	e->fd = tmem_client_open(path, &hello, &running);
	if (e->fd < 0) {
		if (running || used)
			return -1;
		msg_error_clear();
		return 1;
	}
	e->exp.codecs = hello.codecs;
	return export_begin(e, domid, ephemeral);
}

int pool_export_open(const char *path, uint32_t domid, bool ephemeral, bool used,
		     struct pool_export **exp)
{
	struct export_socket *e = calloc(1, sizeof(*e));
	int ret = -1;

	*exp = NULL;
	if (!e)
		return msg_error("out of memory");
	e->fd = -1;
	e->exp.ops = &export_ops;
	e->reply = malloc(TMEM_MSG_MAX);
	if (e->reply)
		ret = export_open(e, path, domid, ephemeral, used);
	else
		msg_error("out of memory");
	if (!ret) {
		*exp = &e->exp;
		return 0;
	}
	export_close(&e->exp);
	return ret < 0 ? -1 : 0;
}

int pool_batch_next(const struct pool_batch *batch, size_t *at, struct tmem_record *record,
		    const uint8_t **data)
{
	size_t left = batch->size - *at;

	if (!left)
		return 0;
	if (left < sizeof(*record))
		goto bad;
	memcpy(record, batch->records + *at, sizeof(*record));
	if (record->size > TMEM_RECORD_MAX || tmem_record_bytes(record->size) > left)
		goto bad;
	*data = batch->records + *at + sizeof(*record);
	*at += tmem_record_bytes(record->size);
	return 1;

bad:
	return msg_error("what the tmem store sent is wrong: a record is not whole");
}
