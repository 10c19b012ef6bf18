// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "json_add.h"
#include "page.h"
#include "save_report.h"

/* Dirty pages as MiB each second; 0 if not known. */
static double save_round_rate(const struct save_round *round)
{
	return round->interval_us ? round->set / 256.0 * 1e6 / round->interval_us : 0;
}

static json_object *report_rounds(const struct save_result *res)
{
	json_object *rounds = json_object_new_array();
	const struct save_round *r;
	char rate[32];
	json_object *o;

	for (r = res->rounds; r < res->rounds + res->nrounds; r++) {
		snprintf(rate, sizeof(rate), "%.1f", save_round_rate(r));
		o = json_object_new_object();
		add_number(o, "set_pages", r->set);
		add_number(o, "sent_pages", r->sent);
		add_number(o, "send_us", r->send_us);
		add_number(o, "interval_us", r->interval_us);
		json_object_object_add(o, "dirty_mib_per_s",
				       json_object_new_double_s(save_round_rate(r), rate));
		add_number(o, "harvest_us", r->harvest_us);
		add_number(o, "guest_harvest_us", r->guest_harvest_us);
		add_number(o, "slice_max_us", r->slice_max_us);
		add_number(o, "slices", r->slices);
		add_number(o, "hooks", r->hooks);
		json_object_array_add(rounds, o);
	}
	return rounds;
}

static json_object *report_misses(const struct audit_result *audit)
{
	json_object *misses = json_object_new_array();
	const struct audit_miss *m;
	json_object *o;

	for (m = audit->miss; m < audit->miss + audit->told; m++) {
		o = json_object_new_object();
		add_number(o, "pfn", m->pfn);
		add_number(o, "mfn", m->mfn);
		add_number(o, "type", page_type_number(m->type));
		add_number(o, "image_type", page_type_number(m->image_type));
		add_string(o, "owner", m->owner);
		add_number(o, "offset", m->offset);
		add_number(o, "round", m->round);
		add_boolean(o, "late", m->late);
		json_object_array_add(misses, o);
	}
	return misses;
}

static json_object *report_tmem(const struct save_tmem *tmem)
{
	json_object *o = json_object_new_object();

	add_number(o, "pools", tmem->sum.pools);
	add_number(o, "persistent_pages", tmem->sum.persistent);
	add_number(o, "ephemeral_pages", tmem->sum.ephemeral);
	add_number(o, "stored_bytes", tmem->sum.bytes);
	add_number(o, "live_pages", tmem->live);
	add_number(o, "rest_pages", tmem->rest);
	add_number(o, "invalidates", tmem->invalidates);
	add_number(o, "hold_us", tmem->hold_us);
	add_number(o, "release_us", tmem->release_us);
	return o;
}

static void report_pause(json_object *o, const struct save_result *res)
{
	add_number(o, "request_to_parked_us", res->request_to_parked_us);
	add_number(o, "set_us", res->set_us);
	add_number(o, "copy_us", res->copy_us);
	add_number(o, "flip_us", res->flip_us);
	add_number(o, "pause_us", res->pause_us);
	add_number(o, "domain_pause_us", res->domain_pause_us);
	add_number(o, "predicted_pause_us", res->predicted_pause_us);
	add_number(o, "guest_park_us", res->guest_park_us);
	add_number(o, "guest_stop_us", res->guest_stop_us);
	add_number(o, "guest_set_us", res->guest_set_us);
	add_number(o, "guest_free_us", res->guest_free_us);
	add_number(o, "guest_run_us", res->guest_run_us);
}

int save_report_json(const struct save_options *opts, const struct domain *dom,
		     const struct save_result *res, bool failed)
{
	json_object *o = json_object_new_object();

	add_string(o, "domain", dom->name);
	add_number(o, "domid", dom->domid);
	add_string(o, "file", opts->path);
	add_boolean(o, "saved", !failed);
	add_number(o, "bytes", res->bytes);
	add_number(o, "pages", res->pages);
	add_number(o, "free_pages", res->free);
	add_number(o, "sent_pages", res->sent);
	add_number(o, "last_set_pages", res->last_set);
	add_number(o, "pending_pages", res->pending);
	add_number(o, "staged_pages", res->staged);
	add_string(o, "tracker", res->tracker);
	add_string(o, "tracker_reason", res->why);
	json_object_object_add(o, "rounds", report_rounds(res));
	report_pause(o, res);
	if (res->tmem.any)
		json_object_object_add(o, "tmem", report_tmem(&res->tmem));
	add_boolean(o, "quiesced", opts->freeze && !failed);
	add_number(o, "frozen", res->frozen);
	add_number(o, "freeze_us", res->freeze_us);
	add_number(o, "frozen_us", res->frozen_us);
	add_number(o, "drain_us", res->drain_us);
	add_number(o, "hook_us", res->hook_us);
	add_number(o, "total_us", res->total_us);
	add_boolean(o, "confirmed", res->confirmed);
	add_boolean(o, "stopped", !failed && opts->after == SAVE_STOP);
	add_boolean(o, "paused", !failed && opts->after == SAVE_PAUSE);
	if (opts->audit) {
		add_number(o, "audited", res->audit.pages);
		add_number(o, "audited_free", res->audit.free);
		add_number(o, "missed", res->audit.missed);
		add_number(o, "late", res->audit.late);
		json_object_object_add(o, "misses", report_misses(&res->audit));
	}
	return cmd_print_json(o);
}

static void report_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* One write(2), so that lines of several processes do not mix. */
static void report_line(const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len] = '\n';
	if (write(STDERR_FILENO, line, len + 1) < 0)
		return;
}

static double ms(uint64_t us)
{
	return us / 1000.0;
}

void save_report_terminal(const struct save_options *opts, const struct save_result *res)
{
	char pause[64] = "";

	if (opts->after == SAVE_RUN_ON)
		snprintf(pause, sizeof(pause), ", the guest was paused for %.1f ms",
			 ms(res->domain_pause_us));
	report_line("stillpoint: save: %llu MiB in %llu.%03llu s%s",
		    (unsigned long long)(res->bytes >> 20),
		    (unsigned long long)(res->total_us / 1000000),
		    (unsigned long long)(res->total_us / 1000 % 1000), pause);
}

void save_report_rounds(const struct save_result *res)
{
	const struct save_round *r;

	if (res->nrounds)
		report_line("%5s %9s %9s %9s %9s %10s %9s %9s %7s %9s", "round", "set", "sent",
			    "send ms", "MiB/s", "harvest ms", "guest ms", "slice ms", "slices",
			    "hooks");
	for (r = res->rounds; r < res->rounds + res->nrounds; r++)
		report_line("%5u %9llu %9llu %9.1f %9.1f %10.1f %9.1f %9.1f %7u %9llu",
			    (unsigned int)(r - res->rounds) + 1, (unsigned long long)r->set,
			    (unsigned long long)r->sent, ms(r->send_us), save_round_rate(r) / 10.0,
			    ms(r->harvest_us), ms(r->guest_harvest_us), ms(r->slice_max_us),
			    r->slices, (unsigned long long)r->hooks);
	if (!res->confirmed)
		return;
	report_line("pause: %llu pages pending, %llu free, %llu in the last set; predicted %.1f ms",
		    (unsigned long long)res->pending, (unsigned long long)res->free,
		    (unsigned long long)res->last_set, ms(res->predicted_pause_us));
	report_line("pause: here set %.1f, copy %.1f, flip %.1f, in all %.1f ms", ms(res->set_us),
		    ms(res->copy_us), ms(res->flip_us), ms(res->domain_pause_us));
	if (res->tmem.any)
		report_line(
			"tmem: %llu pages in %llu pools; %llu copied before the park, %llu behind it, %llu invalidated; hold %.1f, release %.1f ms",
			(unsigned long long)(res->tmem.sum.persistent + res->tmem.sum.ephemeral),
			(unsigned long long)res->tmem.sum.pools, (unsigned long long)res->tmem.live,
			(unsigned long long)res->tmem.rest,
			(unsigned long long)res->tmem.invalidates, ms(res->tmem.hold_us),
			ms(res->tmem.release_us));
	report_line("pause: guest stop %.1f (set %.1f, free pages %.1f), run %.1f, in all %.1f ms",
		    ms(res->guest_stop_us), ms(res->guest_set_us), ms(res->guest_free_us),
		    ms(res->guest_run_us), ms(res->guest_park_us));
}

void save_report_audit(const struct save_result *res)
{
	const struct audit_result *audit = &res->audit;
	const struct audit_miss *m;

	for (m = audit->miss; m < audit->miss + audit->told; m++) {
		char round[32] = "while paused";

		if (m->round != AUDIT_PAUSED)
			snprintf(round, sizeof(round), "in round %u", m->round);
		report_line(
			"stillpoint: save: audit: %s: pfn %#llx mfn %#llx type %u (image %u) owner %s offset %u copied %s",
			m->late ? "late" : "missed", (unsigned long long)m->pfn,
			(unsigned long long)m->mfn, page_type_number(m->type),
			page_type_number(m->image_type), m->owner, m->offset, round);
	}
	if (audit->missed + audit->late > audit->told)
		report_line("stillpoint: save: audit: and %llu more",
			    (unsigned long long)(audit->missed + audit->late - audit->told));
}
