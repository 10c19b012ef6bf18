// SPDX-License-Identifier: GPL-2.0
/*
 * Rounds: what is pending is copied while the guest runs, then the tracker says what
 * changed meanwhile. A page may change while it is copied; it is in the next set then,
 * and copied again.
 */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "control.h"
#include "grants.h"
#include "msg.h"
#include "save_size.h"
#include "save_state.h"
#include "signals.h"
#include "space.h"

/* Few enough pages to copy while the guest is parked: about a millisecond. */
#define LIVE_FEW 512

/* What a park costs by itself, before one was measured. */
#define LIVE_PARK_US 20000

/* What we do in it beside what is measured: look at registers, read vCPUs. */
#define LIVE_OWN_US 1000

/* How often it is looked whether the domain is still there. */
#define LIVE_LOOK_US 1000000

/* How often the copying of pages is measured if none are copied before the park. */
#define LIVE_SAMPLES 8

/* Copying a page takes so many times the shortest time measured, at worst. */
#define LIVE_MARGIN 2

/* Pages beyond those expected that the staging area is prepared for. */
#define LIVE_SPARE 2048

int save_collect(struct save *s)
{
	uint64_t start = clock_us();
	/* There was a set before; what was written before the first was made is in none. */
	bool by_set = s->res->nrounds > 1 && tracker_has_guest(&s->tracker);

	if (save_find_memory(s) || (!by_set && save_update_memory(s, NULL)))
		return -1;
	bitmap_zero(&s->set);
	if (s->tracker.ops->collect(&s->tracker, &s->set) ||
	    (by_set && save_update_memory(s, &s->set)))
		return -1;
	bitmap_or(&s->pending, &s->set);
	bitmap_subtract(&s->free.plain, &s->set);
	s->set_us = clock_us() - start;
	return 0;
}

static struct save_round *live_round(const struct save *s)
{
	return &s->res->rounds[s->res->nrounds - 1];
}

/* Begin a round with the set that was made last. */
static void live_begin(struct save *s, uint64_t set, uint64_t interval_us)
{
	const struct stillpoint_guest_half *half = &s->tracker.harvest.half;
	struct save_round *round;

	s->res->nrounds++;
	round = live_round(s);
	memset(round, 0, sizeof(*round));
	round->set = set;
	round->interval_us = interval_us;
	round->harvest_us = s->tracker.us;
	if (!tracker_has_guest(&s->tracker))
		return;
	round->guest_harvest_us = half->harvest_us;
	round->slice_max_us = half->slice_max_us;
	round->slices = half->slices;
	round->hooks = half->hooks;
}

/* What is free by what the guest told with the last set need not be copied yet. */
static int live_expect(struct save *s)
{
	if (tracker_has_guest(&s->tracker) &&
	    free_pages_read(&s->free, s->channel, &s->mem, &s->granted))
		return -1;
	s->expected = free_pages_rest(&s->free, &s->pending);
	return 0;
}

static int live_harvest(struct save *s)
{
	uint64_t before = s->harvested_us;

	if (s->tracker.ops->harvest(&s->tracker))
		return -1;
	s->harvested_us = clock_us();
	if (save_collect(s))
		return -1;
	if (live_expect(s))
		return -1;
	live_begin(s, bitmap_count(&s->set), s->harvested_us - before);
	save_phase(s, SAVE_HARVESTED);
	return signals_check();
}

/* Free, and there is nothing more that we want to know of it. */
static bool live_is_put_off(const struct save *s, uint64_t pfn)
{
	return bitmap_test(&s->free.now, pfn) && bitmap_test(&s->free.plain, pfn);
}

/*
 * Up to SENDER_PAGES pending pfns from *cursor on that the image has room for. Pages
 * that are not mapped or may be written by a backend, tables, free pages and the like
 * stay pending, until the park if they stay so.
 */
static size_t live_gather(const struct save *s, uint64_t *cursor, struct sender_slot *slot,
			  uint64_t *mfns)
{
	uint64_t limit = s->written.max_pfn + 1, pfn;
	size_t n = 0;

	for (pfn = bitmap_next(&s->pending, *cursor); pfn < limit && n < SENDER_PAGES;
	     pfn = bitmap_next(&s->pending, pfn + 1)) {
		if (!s->mem.page[pfn] || bitmap_test(&s->granted, pfn) || live_is_put_off(s, pfn))
			continue;
		slot->pfn[n] = pfn;
		mfns[n++] = s->mem.p2m[pfn];
	}
	*cursor = pfn;
	return n;
}

/* Keep those of @n pages in @slot that are plain memory now, and in use. */
static int live_choose(struct save *s, struct sender_slot *slot, uint64_t *types, size_t n)
{
	uint64_t start = clock_us();
	uint32_t pfn;
	size_t i;
	int ret;

	ret = s->dom->ops->page_types(s->dom, types, n);
	if (ret)
		return msg_error("cannot read the types of the guest's pages: %s", strerror(-ret));
	copier_cost_add(&s->types_cost, clock_us() - start, n);
	slot->n = 0;
	for (i = 0; i < n; i++) {
		pfn = slot->pfn[i];
		if (types[i] != XEN_DOMCTL_PFINFO_NOTAB)
			continue;
		if (bitmap_test(&s->free.now, pfn)) {
			bitmap_set(&s->free.plain, pfn);
			continue;
		}
		/* What is written from here on is in the next set. */
		bitmap_clear(&s->pending, pfn);
		s->snap.types[pfn] = XEN_DOMCTL_PFINFO_NOTAB;
		if (s->opts->audit)
			s->audit.round[pfn] = s->res->nrounds;
		slot->pfn[slot->n] = pfn;
		slot->src[slot->n++] = s->mem.page[pfn];
	}
	return 0;
}

/*
 * A domain that is being destroyed keeps its memory for as long as we have it mapped, and
 * nothing more becomes of its image.
 */
static int live_look(struct save *s)
{
	struct domain_info info;
	int ret;

	s->looked_us = clock_us();
	ret = s->dom->ops->info(s->dom, &info);
	if (ret)
		return msg_error("cannot look at the domain: %s", strerror(-ret));
	if (info.dying || info.shutdown)
		return msg_error("the domain ended while it was saved");
	if (info.pages > s->most_pages)
		s->most_pages = info.pages;
	return 0;
}

static int live_look_again(struct save *s)
{
	return clock_us() - s->looked_us < LIVE_LOOK_US ? 0 : live_look(s);
}

int save_check_pages(struct save *s, uint64_t pages)
{
	/* It may have grown since. */
	if (pages <= s->most_pages)
		return 0;
	if (live_look(s))
		return -1;
	if (pages <= s->most_pages)
		return 0;
	return msg_error("%llu pages were to be copied of a guest that has %llu; try again",
			 (unsigned long long)pages, (unsigned long long)s->most_pages);
}

static int live_send(struct save *s)
{
	struct save_round *round = live_round(s);
	uint64_t types[SENDER_PAGES];
	struct sender_slot *slot;
	uint64_t cursor = 0;
	size_t n;

	if (live_look(s))
		return -1;
	sender_measure(&s->sender);
	for (;;) {
		slot = sender_get(&s->sender);
		if (!slot || signals_check() || live_look_again(s))
			return -1;
		n = live_gather(s, &cursor, slot, types);
		if (!n)
			break;
		if (live_choose(s, slot, types, n))
			return -1;
		round->sent += slot->n;
		/* Where a page has one place, it is written there again. */
		if (s->opts->image.layout != IMAGE_MAPPED && save_check_pages(s, round->sent))
			return -1;
		if (sender_put(&s->sender, slot))
			return -1;
		if (save_tmem_live(s, false))
			return -1;
		if (s->opts->progress)
			s->opts->progress(s->res->nrounds, round->sent,
					  round->set > round->sent ? round->set : round->sent);
	}
	return sender_drain(&s->sender);
}

/* What backends may write is in each set. Where it cannot be told, it is copied. */
static void live_find_granted(struct save *s)
{
	bitmap_zero(&s->granted);
	grants_mark(s->dom, &s->mem, &s->inverse, &s->granted);
}

static int live_do_round(struct save *s)
{
	uint64_t start = clock_us();
	char name[32];

	snprintf(name, sizeof(name), SAVE_ROUND, s->res->nrounds);
	save_phase(s, name);
	live_find_granted(s);
	if (live_send(s))
		return -1;
	live_round(s)->send_us = clock_us() - start;
	s->res->sent += live_round(s)->sent;
	return signals_check();
}

/* What the guest's CPUs would miss if it parked now. */
static uint64_t live_predict(const struct save *s)
{
	struct stillpoint_guest_half half;
	uint64_t each_ns = s->types_cost.best_ns + s->sender.cost.best_ns;
	uint64_t base = LIVE_PARK_US;

	control_read(s->channel, &half);
	if (half.last_park_us && half.park_stop_us + half.park_run_us < half.last_park_us)
		base = half.park_stop_us + half.park_run_us;
	return base + LIVE_OWN_US + s->set_us + s->expected * each_ns * LIVE_MARGIN / 1000;
}

/* True if another round would not make the pause shorter, or is not wanted. */
static bool live_enough(const struct save *s)
{
	const struct save_round *round = live_round(s);
	bool shrinks, fits;

	if (s->res->nrounds >= s->opts->max_rounds)
		return true;
	/* Where a page has one place, the file does not grow by what is written again. */
	if (s->opts->image.layout != IMAGE_MAPPED && s->res->sent > SAVE_TIMES * s->info.pages)
		return true;
	if (s->res->nrounds == 1)
		return false;
	shrinks = round->sent < round[-1].sent * 7 / 8;
	fits = !s->opts->max_pause_us || live_predict(s) <= s->opts->max_pause_us;
	return !shrinks || (round->sent <= LIVE_FEW && fits);
}

static int live_rounds(struct save *s)
{
	s->harvested_us = clock_us();
	/* Where the guest's maps are it may have had no page when memory was mapped. */
	if (save_find_memory(s) || save_update_memory(s, NULL) || live_expect(s))
		return -1;
	live_begin(s, s->expected, 0);
	for (;;) {
		if (live_do_round(s))
			return -1;
		if (live_enough(s))
			return 0;
		if (live_harvest(s))
			return -1;
	}
}

/* Copy some pages, to see how long it takes. They are not sent. */
static int live_sample_some(struct save *s, uint64_t *cursor)
{
	struct sender_slot *slot = sender_get(&s->sender);
	uint64_t types[SENDER_PAGES], start;
	size_t n, i;
	int ret;

	n = live_gather(s, cursor, slot, types);
	if (!n)
		return 0;
	for (i = 0; i < n; i++)
		slot->src[i] = s->mem.page[slot->pfn[i]];
	start = clock_us();
	ret = s->dom->ops->page_types(s->dom, types, n);
	if (ret)
		return msg_error("cannot read the types of the guest's pages: %s", strerror(-ret));
	copier_copy(&s->copier, slot->src, slot->dst, n);
	copier_cost_add(&s->types_cost, clock_us() - start, n);
	return 0;
}

static int live_sample(struct save *s)
{
	uint64_t cursor = 0;
	unsigned int i;

	s->expected = bitmap_count(&s->pending);
	for (i = 0; i < LIVE_SAMPLES; i++)
		if (live_sample_some(s, &cursor))
			return -1;
	return 0;
}

static int live_check_pause(struct save *s)
{
	uint64_t predicted = live_predict(s), asked = s->opts->max_pause_us;

	s->res->predicted_pause_us = predicted;
	if (!asked || s->opts->force_pause)
		return 0;
	/* How long writing takes, the guest paused, nobody can tell. */
	if (s->opts->after == SAVE_RUN_ON && s->expected > s->staging.budget)
		return msg_error(
			"%llu MiB would be copied while the guest is paused, more than --staging has room for, and --max-pause is given; it was not parked",
			(unsigned long long)(s->expected * PAGE_BYTES >> 20));
	if (predicted <= asked)
		return 0;
	return msg_error(
		"the guest would be paused for about %llu.%llu ms, more than --max-pause %llu, after %u rounds; it was not parked; --force-pause parks it nevertheless",
		(unsigned long long)(predicted / 1000), (unsigned long long)(predicted / 100 % 10),
		(unsigned long long)(asked / 1000), s->res->nrounds);
}

/* Whether what is left fits. xl's layout has zeroes for free pages. */
static int live_check_space(const struct save *s)
{
	const struct image_options *opts = &s->opts->image;
	uint64_t pages = opts->layout == IMAGE_XL ? bitmap_count(&s->pending) : s->expected;

	if (opts->layout == IMAGE_MAPPED || !space_is_known(opts))
		return 0;
	return output_check_space(&s->out, image_bytes(opts, pages, s->mem.size, 0, 0));
}

/* Tell what was decided. */
static void live_note(const struct save *s)
{
	struct stillpoint_guest_half half;
	char text[320];

	if (!s->opts->note)
		return;
	snprintf(text, sizeof(text), "tracker: %s%s%s%s", s->res->tracker,
		 s->res->why[0] ? " (" : "", s->res->why, s->res->why[0] ? ")" : "");
	s->opts->note(text);
	control_read(s->channel, &half);
	if (!(half.features & STILLPOINT_FEATURE_FREE))
		s->opts->note(
			"free pages: saved like others; the guest does not tell which they are, its kernel's log may say why");
}

static int live_start(struct save *s)
{
	struct tracker *t = &s->tracker;

	t->dom = s->dom;
	t->ch = s->channel;
	t->mem = &s->mem;
	t->inverse = &s->inverse;
	t->timeout_ms = s->opts->park_timeout_ms;
	if (tracker_start(t, s->opts->track))
		return -1;
	s->res->tracker = t->ops->name;
	strcpy(s->res->why, t->why);
	if (!s->opts->track && t->ops == &tracker_none && s->opts->after == SAVE_RUN_ON)
		msg_warn(
			"no way to find changed pages works, so all memory is copied while the guest is paused: %s",
			t->why);
	live_note(s);
	return signals_check();
}

/* What the guest writes while it freezes is copied before it parks. */
static int live_freeze(struct save *s)
{
	if (save_freeze(s))
		return -1;
	if (!s->opts->freeze || !s->tracker.ops->harvest)
		return 0;
	return live_harvest(s) || live_do_round(s) ? -1 : 0;
}

int save_live(struct save *s)
{
	uint64_t pages;

	if (live_start(s))
		return -1;
	if (s->tracker.ops->harvest) {
		save_phase(s, SAVE_TRACKING);
		if (live_rounds(s))
			return -1;
	} else if (live_sample(s)) {
		return -1;
	}
	if (live_freeze(s))
		return -1;
	if (live_check_pause(s) || save_tmem_live(s, true))
		return -1;
	pages = s->expected + s->expected / 4 + LIVE_SPARE;
	if (pages > s->info.pages)
		pages = s->info.pages;
	if (live_check_space(s))
		return -1;
	live_find_granted(s);
	return staging_reserve(&s->staging, pages);
}
