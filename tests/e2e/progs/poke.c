// SPDX-License-Identifier: GPL-2.0
/*
 * poke: dom0's side of the control page, by hand.
 *
 * Maps the page that a guest's module published and binds its event channel,
 * then takes the steps given as arguments, one after the other: requests that
 * the tool would never make, or make and never answer. Exit status 0 if all
 * steps were taken, 1 if something awaited did not come in time.
 */
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include <stillpoint/control.h>
#include <stillpoint/xenstore.h>

#include "util.h"

#define POLL_NS NS_PER_MS
#define VALUE_MAX 64

struct field {
	const char *name;
	size_t offset;
	size_t size;
};

/* clang-format off */
#define FIELD(half, name)							\
	{ #name, offsetof(struct stillpoint_##half##_half, name),		\
	  sizeof(((struct stillpoint_##half##_half *)0)->name) }
/* clang-format on */

static const struct field guest_fields[] = {
	FIELD(guest, magic),	    FIELD(guest, abi_version), FIELD(guest, state),
	FIELD(guest, taken),	    FIELD(guest, done),	       FIELD(guest, result),
	FIELD(guest, error),	    FIELD(guest, features),    FIELD(guest, generation),
	FIELD(guest, window_start), FIELD(guest, window_end),  FIELD(guest, checkpoints),
	FIELD(guest, abandoned),    FIELD(guest, restores),    FIELD(guest, last_park_us),
	FIELD(guest, epoch),	    FIELD(guest, harvests),    FIELD(guest, bitmap_pfns),
	FIELD(guest, set_pages),    FIELD(guest, harvest_us),  FIELD(guest, slice_max_us),
	FIELD(guest, slices),	    FIELD(guest, hooks),       { 0 },
};

static const struct field host_fields[] = {
	FIELD(host, request),	  FIELD(host, op),	 FIELD(host, cancel),	 FIELD(host, flags),
	FIELD(host, deadline_us), FIELD(host, lease_us), FIELD(host, heartbeat), { 0 },
};

static char *page;
static xenevtchn_handle *evtchn;
static xenevtchn_port_or_error_t port;
static uint64_t timeout_ns = 10 * NS_PER_S;

static const struct field *find(const struct field *field, const char *name)
{
	for (; field->name; field++)
		if (!strcmp(field->name, name))
			return field;
	die(0, "%s: no such field", name);
}

static uint64_t get(const struct field *field, size_t half)
{
	const volatile void *at = page + half + field->offset;

	return field->size == 4 ? *(const volatile uint32_t *)at : *(const volatile uint64_t *)at;
}

static void put(const struct field *field, size_t half, uint64_t value)
{
	volatile void *at = page + half + field->offset;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (field->size == 4)
		*(volatile uint32_t *)at = value;
	else
		*(volatile uint64_t *)at = value;
}

/* A number, or "next" (behind the last request taken up), or "request" (the one asked for). */
static uint64_t value_of(const char *text)
{
	if (!strcmp(text, "next"))
		return (uint32_t)(get(find(guest_fields, "taken"), 0) + 1);
	if (!strcmp(text, "request"))
		return get(find(host_fields, "request"), STILLPOINT_HOST_OFFSET);
	return number("value", text, 0, UINT64_MAX);
}

static void show(void)
{
	const struct field *field;

	for (field = guest_fields; field->name; field++)
		printf("%s=%llu\n", field->name, (unsigned long long)get(field, 0));
}

static void await(const char *what)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC), want;
	const char *colon = strchr(what, ':');
	const struct field *field;
	char name[VALUE_MAX];

	if (!colon || colon - what >= VALUE_MAX)
		die(0, "%s: FIELD:VALUE was expected", what);
	memcpy(name, what, colon - what);
	name[colon - what] = '\0';
	field = find(guest_fields, name);
	want = value_of(colon + 1);
	while (get(field, 0) != want) {
		if (now_ns(CLOCK_MONOTONIC) - start > timeout_ns) {
			say("%s is %llu, and did not become %llu", name,
			    (unsigned long long)get(field, 0), (unsigned long long)want);
			exit(1);
		}
		sleep_ns(POLL_NS);
	}
}

static void take_step(const char *step)
{
	const char *equals = strchr(step, '=');
	char name[VALUE_MAX];

	if (!strcmp(step, "show")) {
		show();
	} else if (!strcmp(step, "notify")) {
		if (xenevtchn_notify(evtchn, port))
			die(errno, "cannot notify");
	} else if (!strncmp(step, "sleep=", 6)) {
		sleep_ns(number("sleep", step + 6, 0, 600000) * NS_PER_MS);
	} else if (!strncmp(step, "await=", 6)) {
		await(step + 6);
	} else if (equals && equals - step < VALUE_MAX) {
		memcpy(name, step, equals - step);
		name[equals - step] = '\0';
		put(find(host_fields, name), STILLPOINT_HOST_OFFSET, value_of(equals + 1));
	} else {
		die(0, "%s: not a step; see --help", step);
	}
}

static uint32_t published(struct xs_handle *xs, uint32_t domid, const char *key)
{
	char path[128];
	unsigned int length;
	char *value;
	uint32_t n;

	snprintf(path, sizeof(path), "/local/domain/%u/%s/%s", domid, STILLPOINT_XS_DIR, key);
	value = xs_read(xs, XBT_NULL, path, &length);
	if (!value)
		die(errno, "%s", path);
	n = number(path, value, 0, UINT32_MAX);
	free(value);
	return n;
}

static void open_page(uint32_t domid)
{
	struct xs_handle *xs = xs_open(0);
	xengnttab_handle *gnttab = xengnttab_open(NULL, 0);

	evtchn = xenevtchn_open(NULL, 0);
	if (!xs || !gnttab || !evtchn)
		die(errno, "cannot reach Xen");
	page = xengnttab_map_grant_ref(gnttab, domid, published(xs, domid, STILLPOINT_XS_REF),
				       PROT_READ | PROT_WRITE);
	if (!page)
		die(errno, "cannot map the control page");
	port = xenevtchn_bind_interdomain(evtchn, domid, published(xs, domid, STILLPOINT_XS_PORT));
	if (port < 0)
		die(errno, "cannot bind the event channel");
	xs_close(xs);
}

static void usage(void)
{
	puts("usage: poke [--timeout-ms N] DOMID STEP...\n"
	     "  FIELD=VALUE        write a field of dom0's half: request, op, cancel, flags,\n"
	     "                     deadline_us, lease_us, heartbeat\n"
	     "  notify             signal the event channel\n"
	     "  await=FIELD:VALUE  wait until a field of the guest's half has the value\n"
	     "  sleep=MS\n"
	     "  show               print the guest's half, a line FIELD=VALUE each\n"
	     "A VALUE is a number, or 'next' for the number behind the last request taken up, or\n"
	     "'request' for the number of the request that was written.");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "timeout-ms", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (c) {
		case 't':
			timeout_ns = number("--timeout-ms", optarg, 1, 600000) * NS_PER_MS;
			break;
		case 'h':
			usage();
			return 0;
		default:
			return 2;
		}
	}
	if (argc - optind < 2)
		die(0, "a domain's id and steps were expected; see --help");
	open_page(number("domain", argv[optind++], 1, 32767));
	while (optind < argc)
		take_step(argv[optind++]);
	return 0;
}
