// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "msg.h"
#include "tmem/export.h"
#include "tmem/import.h"
#include "tmem/server.h"

/**
 * struct tmem_client - a connection
 * @held: the exported domain is held, until @deadline
 * @expired: a hold ended by itself, which was not told yet
 */
struct tmem_client {
	struct tmem_store *store;
	struct tmem_host *host;
	bool greeted;
	struct tmem_exporter *export;
	bool held;
	bool expired;
	uint64_t deadline;
	struct tmem_importer *import;
	uint64_t token;
};

struct tmem_client *tmem_client_new(struct tmem_store *s, struct tmem_host *host)
{
	struct tmem_client *c = calloc(1, sizeof(*c));

	if (c) {
		c->store = s;
		c->host = host;
	}
	return c;
}

static void client_release(struct tmem_client *c)
{
	struct tmem_domain *d = tmem_export_domain(c->export);

	if (d)
		tmem_domain_hold(d, false);
	c->held = false;
}

void tmem_client_free(struct tmem_client *c)
{
	if (!c)
		return;
	if (c->held)
		client_release(c);
	tmem_export_end(c->export);
	tmem_import_end(c->import);
	free(c);
}

uint64_t tmem_client_deadline(const struct tmem_client *c)
{
	return c->held ? c->deadline : UINT64_MAX;
}

void tmem_client_expire(struct tmem_client *c, uint64_t now)
{
	if (!c->held || now < c->deadline)
		return;
	client_release(c);
	tmem_export_unmark(c->export);
	c->expired = true;
}

static uint32_t client_hello(struct tmem_client *c, const void *message, void *reply)
{
	const struct tmem_hello *hello = message;
	struct tmem_hello_reply *answer = reply;

	if (hello->version != TMEM_PROTOCOL_VERSION)
		return TMEM_STATUS_VERSION;
	c->greeted = true;
	answer->version = TMEM_PROTOCOL_VERSION;
	tmem_store_hello(c->store, answer);
	return TMEM_STATUS_OK;
}

static uint32_t client_list(struct tmem_client *c, const void *message, void *reply)
{
	const struct tmem_list *list = message;
	struct tmem_list_reply *answer = reply;
	size_t most = (TMEM_MSG_MAX - sizeof(*answer)) / sizeof(answer->domains[0]);
	struct tmem_domain_info *info;
	struct tmem_domain *d;
	uint32_t n = list->start;

	while ((d = tmem_domain_next(c->store, &n))) {
		if (answer->n == most) {
			answer->next = n;
			break;
		}
		info = &answer->domains[answer->n++];
		tmem_domain_info(d, info);
		if (!(info->flags & TMEM_DOMAIN_IMPORTED) &&
		    c->host->ops->connected(c->host, info->domid))
			info->flags |= TMEM_DOMAIN_CONNECTED;
		n++;
	}
	return TMEM_STATUS_OK;
}

static uint32_t client_stats(struct tmem_client *c, const void *message, void *reply)
{
	(void)message;
	tmem_store_stats(c->store, reply);
	return TMEM_STATUS_OK;
}

static uint32_t client_set(struct tmem_client *c, const void *message, void *reply)
{
	const struct tmem_set *set = message;
	struct tmem_domain *d;
	uint8_t uuid[16];

	(void)reply;
	if (set->what & ~(TMEM_SET_QUOTA | TMEM_SET_WEIGHT | TMEM_SET_SHARE | TMEM_SET_UNSHARE))
		return TMEM_STATUS_BAD;
	if (c->host->ops->identify(c->host, set->domid, uuid))
		return TMEM_STATUS_NO_DOMAIN;
	d = tmem_domain_get(c->store, set->domid, uuid);
	return d ? tmem_domain_set(d, set) : TMEM_STATUS_NO_ROOM;
}

static uint32_t client_export(struct tmem_client *c, const void *message, void *reply)
{
	const struct tmem_export_request *request = message;
	struct tmem_domain *d;
	uint8_t uuid[16];

	if (c->export || c->import)
		return TMEM_STATUS_ORDER;
	if (c->host->ops->identify(c->host, request->domid, uuid))
		return TMEM_STATUS_NO_DOMAIN;
	d = tmem_domain_find(c->store, request->domid, uuid);
	if (!d)
		return TMEM_STATUS_NO_POOLS;
	return tmem_export_begin(d, request->flags, &c->export, reply);
}

static uint32_t client_next(struct tmem_client *c, const void *message, void *reply)
{
	const struct tmem_next *next = message;
	struct tmem_next_reply *answer = reply;

	if (!c->export)
		return TMEM_STATUS_ORDER;
	if (next->max < TMEM_RECORD_MAX || next->max > TMEM_RECORDS_MAX)
		return TMEM_STATUS_BAD;
	return tmem_export_next(c->export, answer->records, next->max, answer);
}

static uint32_t client_hold(struct tmem_client *c, const void *message, void *reply)
{
	const struct tmem_hold *hold = message;
	uint32_t status;

	(void)reply;
	if (!c->export || c->held)
		return TMEM_STATUS_ORDER;
	if (!hold->timeout_us || hold->timeout_us > TMEM_HOLD_MAX_US)
		return TMEM_STATUS_BAD;
	status = tmem_export_mark(c->export);
	if (status != TMEM_STATUS_OK)
		return status;
	/* A domain that was marked is there. */
	tmem_domain_hold(tmem_export_domain(c->export), true);
	c->held = true;
	c->expired = false;
	c->deadline = clock_us() + hold->timeout_us;
	return TMEM_STATUS_OK;
}

static uint32_t client_released(struct tmem_client *c, const void *message, void *reply)
{
	const struct tmem_release *release = message;
	bool lost = c->export && !tmem_export_marked(c->export);

	(void)reply;
	if (c->held)
		tmem_client_expire(c, clock_us());
	if (c->expired) {
		c->expired = false;
		return TMEM_STATUS_EXPIRED;
	}
	if (!c->held)
		return TMEM_STATUS_ORDER;
	if (release->flags & ~TMEM_RELEASE_FORGET)
		return TMEM_STATUS_BAD;
	client_release(c);
	if (lost)
		return TMEM_STATUS_ABORTED;
	if (release->flags & TMEM_RELEASE_FORGET)
		tmem_export_unmark(c->export);
	return TMEM_STATUS_OK;
}

static uint32_t client_import(struct tmem_client *c, const void *message, void *reply)
{
	const struct tmem_import_request *request = message;
	struct tmem_import_reply *answer = reply;
	uint32_t status;

	if (c->export || c->import)
		return TMEM_STATUS_ORDER;
	status = tmem_import_begin(c->store, request, &c->import);
	if (status == TMEM_STATUS_OK) {
		c->token = clock_us() | 1;
		answer->token = c->token;
	}
	return status;
}

static uint32_t client_records(struct tmem_client *c, const void *message, void *reply)
{
	const struct tmem_records *records = message;

	(void)reply;
	return c->import ? tmem_import_records(c->import, records->records, records->size) :
			   TMEM_STATUS_ORDER;
}

static uint32_t client_import_end(struct tmem_client *c, const void *message, void *reply)
{
	(void)reply;
	return c->import ? tmem_import_finish(c->import, message) : TMEM_STATUS_ORDER;
}

static uint32_t client_bind(struct tmem_client *c, const void *message, void *reply)
{
	const struct tmem_bind *bind = message;
	uint8_t uuid[16];

	(void)reply;
	if (!c->import)
		return TMEM_STATUS_ORDER;
	if (bind->token != c->token)
		return TMEM_STATUS_BAD;
	if (c->host->ops->identify(c->host, bind->domid, uuid))
		return TMEM_STATUS_NO_DOMAIN;
	return tmem_import_bind(c->import, bind->domid, uuid);
}

/**
 * struct client_type - a type of message
 * @request: bytes of it, without records
 * @answer: bytes, without what is counted in it
 * @handle: returns an enum tmem_status. The answer is zeroes before.
 */
struct client_type {
	size_t request;
	size_t answer;
	uint32_t (*handle)(struct tmem_client *c, const void *message, void *reply);
};

static const struct client_type client_types[] = {
	[TMEM_MSG_HELLO] = { sizeof(struct tmem_hello), sizeof(struct tmem_hello_reply),
			     client_hello },
	[TMEM_MSG_LIST] = { sizeof(struct tmem_list), sizeof(struct tmem_list_reply), client_list },
	[TMEM_MSG_STATS] = { sizeof(struct tmem_msg), sizeof(struct tmem_stats), client_stats },
	[TMEM_MSG_SET] = { sizeof(struct tmem_set), sizeof(struct tmem_msg), client_set },
	[TMEM_MSG_EXPORT] = { sizeof(struct tmem_export_request), sizeof(struct tmem_export_reply),
			      client_export },
	[TMEM_MSG_NEXT] = { sizeof(struct tmem_next), sizeof(struct tmem_next_reply), client_next },
	[TMEM_MSG_HOLD] = { sizeof(struct tmem_hold), sizeof(struct tmem_msg), client_hold },
	[TMEM_MSG_RELEASE] = { sizeof(struct tmem_release), sizeof(struct tmem_msg),
			       client_released },
	[TMEM_MSG_IMPORT] = { sizeof(struct tmem_import_request), sizeof(struct tmem_import_reply),
			      client_import },
	[TMEM_MSG_RECORDS] = { sizeof(struct tmem_records), sizeof(struct tmem_msg),
			       client_records },
	[TMEM_MSG_IMPORT_END] = { sizeof(struct tmem_totals), sizeof(struct tmem_msg),
				  client_import_end },
	[TMEM_MSG_BIND] = { sizeof(struct tmem_bind), sizeof(struct tmem_msg), client_bind },
};

#define CLIENT_TYPES (sizeof(client_types) / sizeof(client_types[0]))

static bool client_size_valid(uint32_t type, const void *message, size_t size)
{
	size_t expected = client_types[type].request;

	if (type == TMEM_MSG_RECORDS && size >= expected)
		expected += ((const struct tmem_records *)message)->size;
	return size == expected;
}

static size_t client_answer_size(uint32_t type, const void *reply)
{
	size_t size = client_types[type].answer;

	if (type == TMEM_MSG_LIST)
		size += ((const struct tmem_list_reply *)reply)->n *
			sizeof(struct tmem_domain_info);
	if (type == TMEM_MSG_NEXT)
		size += ((const struct tmem_next_reply *)reply)->size;
	return size;
}

ssize_t tmem_client_message(struct tmem_client *c, const void *message, size_t size, void *reply)
{
	const struct tmem_msg *msg = message;
	struct tmem_msg *answer = reply;
	uint32_t status;

	if (size < sizeof(*msg) || size > TMEM_MSG_MAX || msg->status ||
	    msg->type >= CLIENT_TYPES || !client_types[msg->type].handle ||
	    !client_size_valid(msg->type, message, size))
		return -1;
	if (!c->greeted && msg->type != TMEM_MSG_HELLO)
		return -1;
	memset(reply, 0, client_types[msg->type].answer);
	status = client_types[msg->type].handle(c, message, reply);
	/* What is at fault is in the status. */
	msg_error_clear();
	answer->type = msg->type;
	answer->status = status;
	if (status != TMEM_STATUS_OK)
		return sizeof(*answer);
	return client_answer_size(msg->type, reply);
}
