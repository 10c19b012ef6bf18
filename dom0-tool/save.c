// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "config.h"
#include "msg.h"
#include "save_state.h"
#include "signals.h"

/* How long the guest may take to say that it runs on. */
#define SAVE_CONFIRM_MS 2000

/* Copy what is pending; what found no room in memory goes to the file. */
static int save_copy_pages(struct save *s)
{
	struct snapshot *snap = &s->snap;

	if (snapshot_copy(snap, &s->copier, &s->staging, s->written.max_pfn + 1))
		return -1;
	s->res->pending = snap->n;
	s->res->staged = snap->staged;
	return save_check_pages(s, snap->staged + snap->spilled) || save_spill(s) ? -1 : 0;
}

/* What is free is not copied. Of the rest, find the types. */
static int save_take_free(struct save *s)
{
	if (free_pages_read(&s->free, s->channel, &s->mem, &s->granted))
		return -1;
	free_pages_take(&s->free, &s->snap, &s->pending);
	if (snapshot_types(&s->snap, &s->pending))
		return -1;
	free_pages_take_listed(&s->free, &s->snap);
	s->res->guest_free_us = s->free.us;
	return 0;
}

/* The domain is paused in its park: take all of it that may have changed. */
static int save_copy(struct save *s)
{
	struct save_result *res = s->res;
	uint64_t start = clock_us(), found;

	save_phase(s, SAVE_COPYING);
	freeze_hold_signs(&s->freeze, true);
	if (s->freeze.frozen && freeze_check(&s->freeze))
		return -1;
	if (s->tracker.ops->parked(&s->tracker) || save_collect(s) || save_take_free(s) ||
	    snapshot_check_start_info(&s->snap, &s->inverse, s->park.regs.user_regs.rdx))
		return -1;
	found = clock_us();
	res->set_us = found - start;
	if (snapshot_state(&s->snap, s->info.max_vcpu_id) || save_copy_pages(s))
		return -1;
	res->copy_us = clock_us() - found;
	save_phase(s, SAVE_COPIED);
	if (s->opts->audit && save_audit(s))
		return -1;
	return signals_check();
}

static int save_flip(struct save *s)
{
	if (park_flip(&s->park))
		return -1;
	save_phase(s, SAVE_FLIPPED);
	return 0;
}

/* Let the guest run on. */
static int save_let_go(struct save *s)
{
	struct save_result *res = s->res;
	uint64_t start = clock_us(), now;

	if (save_flip(s) || park_leave(&s->park))
		return -1;
	now = clock_us();
	res->flip_us = now - start;
	res->pause_us = now - s->park.parked_us;
	res->domain_pause_us = now - s->park.paused_us;
	save_phase(s, SAVE_RUNNING);
	/* A log of the hypervisor makes the guest slow. */
	tracker_stop(&s->tracker);
	return save_thaw(s);
}

static int save_confirm(struct save *s)
{
	struct stillpoint_guest_half half;
	int ret = park_confirm(&s->park, SAVE_CONFIRM_MS, &half);

	s->res->confirmed = !ret;
	if (ret)
		return ret < 0 ? -1 : 0;
	s->res->guest_park_us = half.last_park_us;
	s->res->guest_stop_us = half.park_stop_us;
	s->res->guest_run_us = half.park_run_us;
	if (tracker_has_guest(&s->tracker))
		s->res->guest_set_us = s->tracker.harvest.half.harvest_us;
	return 0;
}

/* A device that came in the rounds is in the memory, but not in the image's configuration. */
static int save_check_devices(struct save *s)
{
	char *now;
	int ret = s->dom->ops->config(s->dom, &now);

	if (ret)
		return msg_error("cannot read the domain's configuration: %s", strerror(-ret));
	if (!config_same_devices(s->config, now))
		ret = msg_error("the domain's devices changed while it was saved; try again");
	free(now);
	return ret;
}

/* The image is complete, but the guest is not where it was. */
static int save_lost(void)
{
	msg_error_clear();
	return msg_error(
		"the image is complete, but somebody unpaused the domain meanwhile; it is left as it is");
}

/* The image is complete and the guest is still paused. */
static int save_end_hold(struct save *s)
{
	int ret;

	if (park_check(&s->park))
		return save_lost();
	if (s->opts->after == SAVE_PAUSE) {
		if (save_flip(s))
			return -1;
		/* The pause is the caller's from here on. */
		s->park.paused = false;
		return 0;
	}
	s->park.paused = false;
	s->park.waits = false;
	ret = s->dom->ops->destroy(s->dom);
	if (ret)
		return msg_error(
			"the image is complete, but the domain cannot be destroyed and stays paused: %s",
			strerror(-ret));
	return 0;
}

/* From the request to the end. park_release() on every way out lets the guest go. */
static int save_parked(struct save *s)
{
	const struct save_options *opts = s->opts;
	struct save_result *res = s->res;

	park_init(&s->park, s->dom, s->channel);
	save_phase(s, SAVE_REQUESTING);
	if (park_request(&s->park, opts->park_timeout_ms, save_deadline_ms(s)))
		return -1;
	res->request_to_parked_us = s->park.parked_us - s->park.requested_us;
	save_phase(s, SAVE_PARKED);
	if (save_disks(s) || park_enter(&s->park, opts->deadline_ms))
		return -1;
	save_phase(s, SAVE_PAUSED);
	if (save_tmem_hold(s) || save_copy(s) || save_tmem_release(s))
		return -1;
	/* Nothing more is copied. */
	if (opts->after == SAVE_RUN_ON ? save_let_go(s) || save_confirm(s) : park_check(&s->park))
		return -1;
	if (save_tmem_released(s) || save_check_devices(s) || save_write(s))
		return -1;
	return opts->after == SAVE_RUN_ON ? 0 : save_end_hold(s);
}

static void save_free(struct save *s)
{
	freeze_close(&s->freeze);
	disks_free(&s->disks);
	park_free(&s->park);
	sender_free(&s->sender);
	copier_stop(&s->copier);
	audit_free(&s->audit);
	bitmap_free(&s->pending);
	bitmap_free(&s->set);
	bitmap_free(&s->granted);
	free_pages_free(&s->free);
	bitmap_free(&s->p2m_pages);
	free(s->written.frames);
	snapshot_free(&s->snap);
	inverse_free(&s->inverse);
	/* Threads of it may still copy from the memory. */
	if (s->img)
		s->img->ops->free(s->img);
	save_tmem_free(s);
	output_close(&s->out);
	staging_free(&s->staging);
	ram_free(&s->mem);
	p2m_free(&s->p2m);
	if (s->channel)
		s->channel->ops->close(s->channel);
	blob_free(&s->cpuid);
	blob_free(&s->msrs);
	free(s->config);
	free(s);
}

int save_run(struct domain *dom, const struct save_options *opts, struct save_result *result)
{
	struct save *s = calloc(1, sizeof(*s));
	uint64_t start = clock_us();
	int ret = -1;

	memset(result, 0, sizeof(*result));
	if (!s)
		return msg_error("out of memory");
	s->dom = dom;
	s->opts = opts;
	s->res = result;
	s->out.fd = -1;
	s->out.dir = -1;
	s->side_out.fd = -1;
	s->side_out.dir = -1;
	s->freeze.lock = -1;
	if (!save_prepare(s) && !save_live(s))
		ret = save_parked(s);
	/* Before the guest runs on, its ring is served again. */
	if (ret)
		save_tmem_close(s);
	if (park_release(&s->park))
		ret = -1;
	/* The guest can answer again, unless it is to stay paused. */
	if (ret || opts->after == SAVE_RUN_ON) {
		save_thaw(s);
		freeze_finish(&s->freeze);
	}
	tracker_stop(&s->tracker);
	result->total_us = clock_us() - start;
	save_free(s);
	return ret;
}
