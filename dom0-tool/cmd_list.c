// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* asprintf */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "control.h"
#include "domain_xen.h"
#include "lock.h"
#include "msg.h"
#include "recover.h"

static const char list_help[] = "usage: stillpoint list [--json]\n"
				"\n"
				"Show the domains in which the stillpoint module is loaded.\n"
				"\n"
				"  --json  as a JSON array\n"
				"  --help  this text\n";

/**
 * struct list_row - one domain
 * @half: the guest's half, valid unless @note is set
 * @paused: by dom0
 * @held: paused in its park with "run on" in rax, as 'save --pause' leaves it
 * @stuck: paused in its park, and no tool is at work on it
 * @note: why nothing is known
 */
struct list_row {
	const struct domain *dom;
	struct publish pub;
	struct stillpoint_guest_half half;
	bool paused;
	bool held;
	bool stuck;
	char note[256];
};

static int list_read_half(struct domain *dom, struct list_row *row)
{
	struct channel *ch;
	int ret;

	if (dom->ops->published(dom, &row->pub) || dom->ops->channel(dom, &row->pub, false, &ch))
		return -1;
	ret = control_get(ch, &row->half);
	ch->ops->close(ch);
	return ret;
}

static void list_read(struct domain *dom, struct list_row *row)
{
	vcpu_guest_context_t regs;
	struct domain_info info;
	int state;

	memset(row, 0, sizeof(*row));
	row->dom = dom;
	row->paused = !dom->ops->info(dom, &info) && info.paused;
	if (list_read_half(dom, row)) {
		snprintf(row->note, sizeof(row->note), "%s", msg_error_text());
	} else if (row->paused && !lock_held(LOCK_DIR, dom->domid)) {
		state = recover_look(dom, &regs);
		row->held = state == RECOVER_FLIPPED;
		row->stuck = state == RECOVER_WAITING || state == RECOVER_BETWEEN;
	}
	msg_error_clear();
}

static const char *list_features(uint64_t features, char *text, size_t size)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} known[] = {
		{ STILLPOINT_FEATURE_PARK, "park" },
		{ STILLPOINT_FEATURE_TRACK, "track" },
		{ STILLPOINT_FEATURE_FREE, "free" },
		{ STILLPOINT_FEATURE_QUIESCE, "quiesce" },
	};
	size_t used = 0, i;

	snprintf(text, size, "-");
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (features & known[i].bit)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? "," : "",
						 known[i].name);
		features &= ~known[i].bit;
	}
	if (features)
		snprintf(text + used, size - used, "%s%#llx", used ? "," : "",
			 (unsigned long long)features);
	return text;
}

static int list_print_row(const struct list_row *row)
{
	char features[64], state[320], *line;
	int ret;

	if (row->note[0]) {
		ret = asprintf(&line, "%-20s %5u %-10s %3u %s\n", row->dom->name, row->dom->domid,
			       row->pub.version[0] ? row->pub.version : "?", row->pub.abi,
			       row->note);
	} else {
		snprintf(state, sizeof(state), "%s%s%s%s", control_state_name(row->half.state),
			 row->paused ? ",paused" : "", row->held ? ",held" : "",
			 row->stuck ? ",stuck" : "");
		ret = asprintf(&line,
			       "%-20s %5u %-10s %3u %-24s %-20s %11llu %9llu %8llu %8llu.%03llu\n",
			       row->dom->name, row->dom->domid, row->pub.version, row->pub.abi,
			       list_features(row->pub.features, features, sizeof(features)), state,
			       (unsigned long long)row->half.checkpoints,
			       (unsigned long long)row->half.abandoned,
			       (unsigned long long)row->half.restores,
			       (unsigned long long)(row->half.last_park_us / 1000),
			       (unsigned long long)(row->half.last_park_us % 1000));
	}
	if (ret < 0)
		return msg_error("out of memory");
	ret = cmd_print(line);
	free(line);
	if (!ret && row->stuck)
		msg_warn("domain '%s' is stuck in its park; run 'stillpoint recover %s'",
			 row->dom->name, row->dom->name);
	return ret;
}

static json_object *list_json_row(const struct list_row *row)
{
	json_object *o = json_object_new_object();

	json_object_object_add(o, "domain", json_object_new_string(row->dom->name));
	json_object_object_add(o, "domid", json_object_new_uint64(row->dom->domid));
	json_object_object_add(o, "version", json_object_new_string(row->pub.version));
	json_object_object_add(o, "abi", json_object_new_uint64(row->pub.abi));
	json_object_object_add(o, "paused", json_object_new_boolean(row->paused));
	if (row->note[0]) {
		json_object_object_add(o, "error", json_object_new_string(row->note));
		return o;
	}
	json_object_object_add(o, "features", json_object_new_uint64(row->pub.features));
	json_object_object_add(o, "state",
			       json_object_new_string(control_state_name(row->half.state)));
	json_object_object_add(o, "held", json_object_new_boolean(row->held));
	json_object_object_add(o, "stuck", json_object_new_boolean(row->stuck));
	json_object_object_add(o, "checkpoints", json_object_new_uint64(row->half.checkpoints));
	json_object_object_add(o, "abandoned", json_object_new_uint64(row->half.abandoned));
	json_object_object_add(o, "restores", json_object_new_uint64(row->half.restores));
	json_object_object_add(o, "last_park_us", json_object_new_uint64(row->half.last_park_us));
	return o;
}

/*
 * For xen_each_domain(); @arg is a JSON array, or NULL. A domain that is gone meanwhile or has no
 * module is skipped.
 */
static int list_domain(struct xen *xen, uint32_t domid, void *arg)
{
	struct domain *dom = domain_xen_open(xen, domid);
	json_object *array = arg;
	struct list_row row;
	int ret = 0;

	if (!dom)
		return -1;
	if (publish_present(domain_xen_publish_get, dom)) {
		list_read(dom, &row);
		if (array)
			json_object_array_add(array, list_json_row(&row));
		else
			ret = list_print_row(&row);
	}
	dom->ops->close(dom);
	return ret;
}

static int list_run(struct xen *xen, bool json)
{
	char header[160];

	if (json) {
		json_object *array = json_object_new_array();

		if (xen_each_domain(xen, list_domain, array)) {
			json_object_put(array);
			return -1;
		}
		return cmd_print_json(array);
	}
	snprintf(header, sizeof(header), "%-20s %5s %-10s %3s %-24s %-20s %11s %9s %8s %12s\n",
		 "NAME", "ID", "VERSION", "ABI", "FEATURES", "STATE", "CHECKPOINTS", "ABANDONED",
		 "RESTORES", "LAST PARK/MS");
	return cmd_print(header) || xen_each_domain(xen, list_domain, NULL) ? -1 : 0;
}

int cmd_list(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool json = false;
	struct xen xen;
	int opt, ret;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_print(list_help) ? cmd_failed() : CMD_OK;
		if (opt != 'j')
			return cmd_bad_option(argv);
		json = true;
	}
	if (argc != optind)
		return cmd_usage_error("unexpected '%s'", argv[optind]);
	if (xen_open(&xen, false))
		return cmd_failed();
	ret = list_run(&xen, json);
	xen_close(&xen);
	return ret ? cmd_failed() : CMD_OK;
}
