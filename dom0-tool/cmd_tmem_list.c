// SPDX-License-Identifier: GPL-2.0
/* 'stillpoint tmem list' and 'stillpoint tmem stats'. */
#define _GNU_SOURCE /* asprintf */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uuid/uuid.h>

#include "cmd.h"
#include "cmd_tmem.h"
#include "json_add.h"
#include "msg.h"
#include "tmem/client.h"

static const char tmem_list_help[] =
	"usage: stillpoint tmem list [--json] [--socket PATH]\n"
	"\n"
	"Show the domains that have pools in the tmem store. Sizes are in pages, but the quota\n"
	"and what is stored, which are in MiB.\n"
	"\n"
	"  --json         as a JSON array\n"
	"  --socket PATH  of the store's daemon (default: " TMEM_SOCKET ")\n"
	"  --help         this text\n";

static const char tmem_stats_help[] =
	"usage: stillpoint tmem stats [--json] [--socket PATH]\n"
	"\n"
	"Show what is in the tmem store.\n"
	"\n"
	"  --json         as a JSON object\n"
	"  --socket PATH  of the store's daemon (default: " TMEM_SOCKET ")\n"
	"  --help         this text\n";

static double mib(uint64_t bytes)
{
	return (double)bytes / (1 << 20);
}

static void list_flags(uint32_t flags, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s%s", flags & TMEM_DOMAIN_IMPORTED ? "imported," : "",
		 flags & TMEM_DOMAIN_CONNECTED ? "connected," : "",
		 flags & TMEM_DOMAIN_EXPORTED ? "exported," : "",
		 flags & TMEM_DOMAIN_HELD ? "held," : "");
	if (*text)
		text[strlen(text) - 1] = '\0';
	else
		snprintf(text, size, "-");
}

static int list_print(const struct tmem_domain_info *d)
{
	char flags[64], *line;
	int ret;

	list_flags(d->flags, flags, sizeof(flags));
	if (asprintf(&line,
		     "%5u %-28s %6u %5u %10.1f %10llu %10llu %10.1f %10llu %10llu %8llu %8llu\n",
		     d->domid, flags, d->weight, d->pools,
		     mib(d->quota * STILLPOINT_TMEM_PAGE_SIZE), (unsigned long long)d->persistent,
		     (unsigned long long)d->ephemeral, mib(d->stored_bytes),
		     (unsigned long long)d->puts, (unsigned long long)d->gets,
		     (unsigned long long)d->refused, (unsigned long long)d->evicted) < 0)
		return msg_error("out of memory");
	ret = cmd_print(line);
	free(line);
	return ret;
}

static json_object *list_json(const struct tmem_domain_info *d)
{
	json_object *o = json_object_new_object();
	char uuid[UUID_STR_LEN];

	uuid_unparse_lower(d->uuid, uuid);
	add_number(o, "domid", d->domid);
	add_string(o, "uuid", uuid);
	add_boolean(o, "imported", d->flags & TMEM_DOMAIN_IMPORTED);
	add_boolean(o, "connected", d->flags & TMEM_DOMAIN_CONNECTED);
	add_boolean(o, "exported", d->flags & TMEM_DOMAIN_EXPORTED);
	add_boolean(o, "held", d->flags & TMEM_DOMAIN_HELD);
	add_number(o, "weight", d->weight);
	add_number(o, "pools", d->pools);
	add_number(o, "quota_pages", d->quota);
	add_number(o, "persistent_pages", d->persistent);
	add_number(o, "ephemeral_pages", d->ephemeral);
	add_number(o, "stored_bytes", d->stored_bytes);
	add_number(o, "puts", d->puts);
	add_number(o, "gets", d->gets);
	add_number(o, "hits", d->hits);
	add_number(o, "refused", d->refused);
	add_number(o, "invalidates", d->invalidates);
	add_number(o, "evicted", d->evicted);
	add_number(o, "invalid_requests", d->invalid);
	add_number(o, "sessions", d->sessions);
	return o;
}

static int list_domains(const struct tmem_list_reply *reply, ssize_t size, json_object *array)
{
	uint32_t i;

	if (size != (ssize_t)(sizeof(*reply) + reply->n * sizeof(reply->domains[0])))
		return msg_error("the tmem store's answer has %zd bytes, which is none", size);
	for (i = 0; i < reply->n; i++) {
		if (array)
			json_object_array_add(array, list_json(&reply->domains[i]));
		else if (list_print(&reply->domains[i]))
			return -1;
	}
	return 0;
}

static int list_all(int fd, struct tmem_list_reply *reply, json_object *array)
{
	struct tmem_list request = { .msg.type = TMEM_MSG_LIST };
	ssize_t size;

	do {
		size = tmem_client_call(fd, &request, sizeof(request), reply, TMEM_MSG_MAX);
		if (size < 0)
			return -1;
		if (reply->msg.status != TMEM_STATUS_OK || size < (ssize_t)sizeof(*reply))
			return msg_error("cannot list the domains: %s",
					 tmem_status_text(reply->msg.status));
		if (list_domains(reply, size, array))
			return -1;
		request.start = reply->next;
	} while (request.start);
	return 0;
}

static int list_run(int fd, bool json)
{
	struct tmem_list_reply *reply = malloc(TMEM_MSG_MAX);
	json_object *array = json ? json_object_new_array() : NULL;
	char header[256];
	int ret = 0;

	if (!reply) {
		json_object_put(array);
		return msg_error("out of memory");
	}
	snprintf(header, sizeof(header),
		 "%5s %-28s %6s %5s %10s %10s %10s %10s %10s %10s %8s %8s\n", "ID", "STATE",
		 "WEIGHT", "POOLS", "QUOTA/MIB", "PERSISTENT", "EPHEMERAL", "STORED/MIB", "PUTS",
		 "GETS", "REFUSED", "EVICTED");
	if (!json)
		ret = cmd_print(header);
	if (!ret)
		ret = list_all(fd, reply, array);
	if (!ret && json)
		ret = cmd_print_json(array);
	else
		json_object_put(array);
	free(reply);
	return ret;
}

static int stats_print(const struct tmem_stats *s)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "limit        %12.1f MiB\n"
		 "used         %12.1f MiB\n"
		 "stored       %12.1f MiB\n"
		 "pages        %12llu\n"
		 "  persistent %12llu\n"
		 "  ephemeral  %12llu\n"
		 "  zero       %12llu\n"
		 "  duplicate  %12llu\n"
		 "blobs        %12llu\n"
		 "  compressed %12llu\n"
		 "evicted      %12llu\n"
		 "domains      %12llu\n"
		 "pools        %12llu\n"
		 "restarts     %12llu\n",
		 mib(s->limit_bytes), mib(s->used_bytes), mib(s->stored_bytes),
		 (unsigned long long)s->pages, (unsigned long long)s->persistent,
		 (unsigned long long)s->ephemeral, (unsigned long long)s->zero_pages,
		 (unsigned long long)s->duplicate_pages, (unsigned long long)s->blobs,
		 (unsigned long long)s->compressed_blobs, (unsigned long long)s->evicted,
		 (unsigned long long)s->domains, (unsigned long long)s->pools,
		 (unsigned long long)s->restarts);
	return cmd_print(text);
}

static int stats_json(const struct tmem_stats *s)
{
	json_object *o = json_object_new_object();

	add_number(o, "limit_bytes", s->limit_bytes);
	add_number(o, "used_bytes", s->used_bytes);
	add_number(o, "stored_bytes", s->stored_bytes);
	add_number(o, "pages", s->pages);
	add_number(o, "persistent_pages", s->persistent);
	add_number(o, "ephemeral_pages", s->ephemeral);
	add_number(o, "zero_pages", s->zero_pages);
	add_number(o, "duplicate_pages", s->duplicate_pages);
	add_number(o, "blobs", s->blobs);
	add_number(o, "compressed_blobs", s->compressed_blobs);
	add_number(o, "evicted", s->evicted);
	add_number(o, "domains", s->domains);
	add_number(o, "pools", s->pools);
	add_number(o, "restarts", s->restarts);
	return cmd_print_json(o);
}

static int stats_run(int fd, bool json)
{
	struct tmem_msg request = { .type = TMEM_MSG_STATS };
	struct tmem_stats stats;

	if (tmem_client_do(fd, &request, sizeof(request), &stats, sizeof(stats)))
		return -1;
	return json ? stats_json(&stats) : stats_print(&stats);
}

static int tmem_ask(int argc, char **argv, const char *help, int (*run)(int fd, bool json))
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "socket", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = TMEM_SOCKET;
	bool json = false;
	int opt, ret, fd;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_print(help) ? cmd_failed() : CMD_OK;
		if (opt == 's')
			path = optarg;
		else if (opt == 'j')
			json = true;
		else
			return cmd_bad_option(argv);
	}
	if (argc != optind)
		return cmd_usage_error("unexpected '%s'", argv[optind]);
	fd = tmem_client_open(path, NULL, NULL);
	if (fd < 0)
		return cmd_failed();
	ret = run(fd, json);
	close(fd);
	return ret ? cmd_failed() : CMD_OK;
}

int cmd_tmem_list(int argc, char **argv)
{
	return tmem_ask(argc, argv, tmem_list_help, list_run);
}

int cmd_tmem_stats(int argc, char **argv)
{
	return tmem_ask(argc, argv, tmem_stats_help, stats_run);
}
