// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* asprintf */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_domain.h"
#include "control.h"
#include "freeze_report.h"
#include "json_add.h"
#include "msg.h"
#include "signals.h"

static const char status_help[] =
	"usage: stillpoint status [--json] DOMAIN\n"
	"\n"
	"Show what the module in the guest DOMAIN is at, if its file systems are frozen, and\n"
	"what it reports of its last quiesce.\n"
	"\n"
	"  --json  as a JSON object\n"
	"  --help  this text\n";

/**
 * struct status - what is shown
 * @paused: by dom0
 * @half: of the control page
 * @page: the quiesce page, NULL if the module has none
 * @guest: what it says
 */
struct status {
	bool paused;
	struct publish pub;
	struct stillpoint_guest_half half;
	struct quiesce_page *page;
	struct stillpoint_quiesce_guest guest;
};

static int status_read(struct domain *dom, struct status *st)
{
	struct domain_info info;
	struct channel *ch;
	int ret;

	st->paused = !dom->ops->info(dom, &info) && info.paused;
	if (dom->ops->published(dom, &st->pub) || dom->ops->channel(dom, &st->pub, false, &ch))
		return -1;
	ret = control_get(ch, &st->half);
	ch->ops->close(ch);
	if (ret || !(st->pub.features & STILLPOINT_FEATURE_QUIESCE))
		return ret;
	return dom->ops->quiesce(dom, QUIESCE_LOOK, &st->page) ||
			       quiesce_page_get(st->page, &st->guest) ?
		       -1 :
		       0;
}

static json_object *status_quiesce(const struct status *st)
{
	const struct stillpoint_quiesce_guest *g = &st->guest;
	json_object *o;

	if (!st->page)
		return NULL;
	o = json_object_new_object();
	add_string(o, "state", quiesce_state_name(g->state));
	add_boolean(o, "agent", g->agent);
	add_number(o, "round", g->taken);
	add_string(o, "result", quiesce_result_name(g->result));
	add_number(o, "held", g->held);
	add_number(o, "frozen", g->frozen);
	add_number(o, "freeze_us", g->prepare_us);
	add_number(o, "frozen_us", g->held_us);
	add_number(o, "thaw_us", g->thaw_us);
	add_number(o, "rounds", g->rounds);
	add_number(o, "broken", g->broken);
	json_object_object_add(o, "report", freeze_report_json(st->page, g));
	return o;
}

static int status_json(const struct domain *dom, const struct status *st)
{
	json_object *o = json_object_new_object();

	add_string(o, "domain", dom->name);
	add_number(o, "domid", dom->domid);
	add_string(o, "version", st->pub.version);
	add_boolean(o, "paused", st->paused);
	add_string(o, "state", control_state_name(st->half.state));
	add_number(o, "checkpoints", st->half.checkpoints);
	add_number(o, "abandoned", st->half.abandoned);
	add_number(o, "restores", st->half.restores);
	json_object_object_add(o, "quiesce", status_quiesce(st));
	return cmd_print_json(o);
}

static int status_print_quiesce(const struct status *st)
{
	const struct stillpoint_quiesce_guest *g = &st->guest;
	char *table = freeze_report_table(st->page, g, "  "), *text;
	int ret;

	if (!table)
		return -1;
	ret = asprintf(&text,
		       "agent:       %s\n"
		       "quiesce:     %s, %u file systems held\n"
		       "last round:  %u, %s; frozen after %.1f ms, for %.1f ms, thawed in %.1f ms\n"
		       "rounds:      %llu, of which %llu did not hold\n%s",
		       g->agent ? "runs" : "does not run", quiesce_state_name(g->state), g->held,
		       g->taken, quiesce_result_name(g->result), g->prepare_us / 1000.0,
		       g->held_us / 1000.0, g->thaw_us / 1000.0, (unsigned long long)g->rounds,
		       (unsigned long long)g->broken, table);
	free(table);
	if (ret < 0)
		return msg_error("out of memory");
	ret = cmd_print(text);
	free(text);
	return ret;
}

static int status_print(const struct domain *dom, const struct status *st)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "domain:      %s (%u)%s\n"
		 "module:      %s, %s\n"
		 "checkpoints: %llu, abandoned %llu, restored %llu times\n",
		 dom->name, dom->domid, st->paused ? ", paused" : "", st->pub.version,
		 control_state_name(st->half.state), (unsigned long long)st->half.checkpoints,
		 (unsigned long long)st->half.abandoned, (unsigned long long)st->half.restores);
	if (cmd_print(text))
		return -1;
	return st->page ? status_print_quiesce(st) : cmd_print("quiesce:     not possible\n");
}

static int status_domain(struct domain *dom, void *arg)
{
	const bool *json = arg;
	struct status st;
	int ret;

	memset(&st, 0, sizeof(st));
	ret = status_read(dom, &st);
	if (!ret)
		ret = *json ? status_json(dom, &st) : status_print(dom, &st);
	if (st.page)
		st.page->ops->close(st.page);
	return ret;
}

int cmd_status(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool json = false;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_print(status_help) ? cmd_failed() : CMD_OK;
		if (opt != 'j')
			return cmd_bad_option(argv);
		json = true;
	}
	if (argc - optind != 1)
		return cmd_usage_error("expected DOMAIN");
	msg_set_subject("domain", argv[optind]);
	signals_catch();
	return cmd_with_domain(argv[optind], false, status_domain, &json) ? cmd_failed() : CMD_OK;
}
