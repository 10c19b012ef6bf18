// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stillpoint/control.h>

#include "clock.h"
#include "control.h"
#include "freeze.h"
#include "freeze_report.h"
#include "lock.h"
#include "msg.h"
#include "signals.h"

/* How often the page is looked at when no event comes. */
#define FREEZE_POLL_US 20000

/* What an answer takes beside what was allowed for: a busy guest, the event, our own turn. */
#define FREEZE_SPARE_MS 5000

/* How long thawing may take, then the agent's last look, then the thaw hooks. */
#define FREEZE_THAW_MS 30000
#define FREEZE_LOOK_MS 30000
#define FREEZE_HOOKS_MS 60000

void freeze_options_init(struct freeze_options *opts)
{
	memset(opts, 0, sizeof(*opts));
	opts->prepare_ms = FREEZE_PREPARE_MS;
	opts->hold_ms = FREEZE_HOLD_MS;
	opts->lease_ms = FREEZE_LEASE_MS;
	opts->lock_dir = LOCK_DIR;
}

int freeze_exclude(struct freeze_options *opts, const char *what)
{
	size_t size = strlen(what) + 1;

	if (!*what)
		return msg_error("an empty path cannot be excluded");
	if (size > sizeof(opts->excludes) - opts->excludes_bytes)
		return msg_error("the paths to exclude have more than %zu bytes in all",
				 sizeof(opts->excludes));
	memcpy(opts->excludes + opts->excludes_bytes, what, size);
	opts->excludes_bytes += size;
	return 0;
}

void freeze_init(struct freeze *f, struct domain *dom, const struct freeze_options *opts)
{
	memset(f, 0, sizeof(*f));
	f->dom = dom;
	f->opts = opts;
	f->lock = -1;
}

static void freeze_sign(void *arg)
{
	struct freeze *f = arg;

	__atomic_fetch_add(&f->page->host->heartbeat, 1, __ATOMIC_RELAXED);
}

static int freeze_look(struct freeze *f)
{
	return quiesce_page_get(f->page, &f->guest);
}

/* Somebody thawed one, or mounted another: that the agent saw, and reported. */
static int freeze_why_broken(struct freeze *f, const char *what)
{
	char detail[256] = "";

	if (f->guest.error)
		freeze_report_first(f->page, &f->guest, detail, sizeof(detail));
	return msg_error("%s: %s", what,
			 *detail ? detail : "somebody in the guest thawed a file system");
}

/* Why the round did not freeze, or did not stay so. Always -1. */
static int freeze_why(struct freeze *f, const char *what)
{
	char detail[256];

	switch (f->guest.result) {
	case STILLPOINT_QUIESCE_NO_AGENT:
		return msg_error("%s: stillpoint-agent does not run in the guest; start it there",
				 what);
	case STILLPOINT_QUIESCE_FAILED:
		freeze_report_first(f->page, &f->guest, detail, sizeof(detail));
		return msg_error(
			"%s: %s%s%s", what, *detail ? detail : "the agent could not do it",
			f->guest.error && f->guest.error < 4096 ? ": " : "",
			f->guest.error && f->guest.error < 4096 ? strerror(f->guest.error) : "");
	case STILLPOINT_QUIESCE_LATE:
		freeze_report_first(f->page, &f->guest, detail, sizeof(detail));
		return msg_error(
			"%s: it took longer than %llu s%s%s; try a longer --freeze-timeout", what,
			(unsigned long long)(f->opts->prepare_ms / 1000), *detail ? ": " : "",
			detail);
	case STILLPOINT_QUIESCE_EXPIRED:
		return msg_error("%s: the time was up after %llu s; try a longer --timeout", what,
				 (unsigned long long)(f->opts->hold_ms / 1000));
	case STILLPOINT_QUIESCE_DOM0_GONE:
		return msg_error("%s: the guest had no sign of this tool for %llu s", what,
				 (unsigned long long)(f->opts->lease_ms / 1000));
	case STILLPOINT_QUIESCE_AGENT_GONE:
		return msg_error("%s: the agent in the guest ended", what);
	case STILLPOINT_QUIESCE_BROKEN:
		return freeze_why_broken(f, what);
	case STILLPOINT_QUIESCE_RESTORED:
		return msg_error("%s: the guest was restored", what);
	case STILLPOINT_QUIESCE_CANCELLED:
	case STILLPOINT_QUIESCE_THAWED:
		return msg_error("%s: another 'stillpoint thaw' ended it", what);
	default:
		return msg_error("%s: the guest gave no reason", what);
	}
}

/* Have round @number end. */
static void freeze_tell_thaw(struct quiesce_page *page, uint32_t number)
{
	__atomic_store_n(&page->host->thaw, number, __ATOMIC_RELEASE);
	/* If that fails, the guest looks by itself. */
	page->ops->notify(page);
}

/* Returns 0, or -1 with an error recorded if there is no sense in waiting any more. */
static int freeze_sleep(struct freeze *f)
{
	int ret = f->page->ops->wait(f->page, FREEZE_POLL_US);

	return ret && ret != -EINTR ?
		       msg_error("cannot wait for the event channel: %s", strerror(-ret)) :
		       0;
}

/* A round is over once its number is no longer ahead of @mark. */
static bool freeze_reached(uint32_t number, uint32_t mark)
{
	return !stillpoint_seq_after(number, mark);
}

/* Nobody but us may have a round; a tool that had one under way is dead. */
static int freeze_clear(struct freeze *f)
{
	uint64_t end = clock_us() + FREEZE_THAW_MS * 1000ULL;

	if (freeze_look(f))
		return -1;
	if (f->guest.state == STILLPOINT_QUIESCE_PREPARING ||
	    f->guest.state == STILLPOINT_QUIESCE_FROZEN)
		freeze_tell_thaw(f->page, f->guest.taken);
	while (f->guest.state != STILLPOINT_QUIESCE_IDLE) {
		if (clock_us() >= end)
			return msg_error(
				"the guest is still %s, from an earlier request; try again",
				quiesce_state_name(f->guest.state));
		if (signals_check() || freeze_sleep(f) || freeze_look(f))
			return -1;
	}
	return 0;
}

static int freeze_ask(struct freeze *f)
{
	volatile struct stillpoint_quiesce_host *h = f->page->host;
	const struct freeze_options *opts = f->opts;
	uint32_t number = control_next(f->guest.taken, h->request);
	uint32_t i;
	int ret;

	h->op = STILLPOINT_QUIESCE_OP_FREEZE;
	h->prepare_us = opts->prepare_ms * 1000;
	h->hold_us = opts->hold_ms * 1000;
	h->lease_us = opts->lease_ms * 1000;
	for (i = 0; i < opts->excludes_bytes; i++)
		h->excludes[i] = opts->excludes[i];
	h->excludes_bytes = opts->excludes_bytes;
	h->reserved = 0;
	__atomic_store_n(&h->request, number, __ATOMIC_RELEASE);
	f->number = number;
	ret = f->page->ops->notify(f->page);
	return ret ? msg_error("cannot signal the guest: %s", strerror(-ret)) : 0;
}

/* 1 if it is frozen, 0 if not yet, -1 if it never will be. */
static int freeze_poll(struct freeze *f)
{
	if (freeze_look(f))
		return -1;
	if (f->guest.taken != f->number)
		return 0;
	if (!f->beat.beating && beat_start(&f->beat, freeze_sign, f))
		return -1;
	if (f->guest.state == STILLPOINT_QUIESCE_FROZEN)
		return 1;
	if (f->guest.state == STILLPOINT_QUIESCE_PREPARING)
		return 0;
	/* Its number is stored before its state: it was taken up this instant. */
	if (f->guest.state == STILLPOINT_QUIESCE_IDLE && f->guest.done != f->number)
		return 0;
	return freeze_why(f, "the guest did not freeze");
}

static int freeze_wait(struct freeze *f)
{
	uint64_t end = clock_us() + (f->opts->prepare_ms + FREEZE_SPARE_MS) * 1000;
	int ret;

	for (;;) {
		ret = freeze_poll(f);
		if (ret)
			return ret < 0 ? -1 : 0;
		if (signals_check())
			return -1;
		if (clock_us() >= end)
			return msg_error(
				"the module in the guest does not answer (waited %llu s for it to freeze)",
				(unsigned long long)((f->opts->prepare_ms + FREEZE_SPARE_MS) /
						     1000));
		if (freeze_sleep(f))
			return -1;
	}
}

/* How far the end of a round can be. */
enum freeze_mark {
	FREEZE_THAWED,
	FREEZE_LOOKED, /* the agent did, or it is gone */
	FREEZE_DONE,
};

static bool freeze_has(const struct freeze *f, enum freeze_mark mark)
{
	switch (mark) {
	case FREEZE_THAWED:
		return freeze_reached(f->number, f->guest.thawed);
	case FREEZE_LOOKED:
		return freeze_reached(f->number, f->guest.looked) ||
		       freeze_reached(f->number, f->guest.done);
	default:
		return freeze_reached(f->number, f->guest.done);
	}
}

static int freeze_await(struct freeze *f, enum freeze_mark mark, uint64_t timeout_ms)
{
	static const char *const late[] = {
		[FREEZE_THAWED] = "the guest was told to thaw, and does not say that it did",
		[FREEZE_LOOKED] =
			"the guest has thawed, but its agent does not say if all was frozen until then",
		[FREEZE_DONE] = "the guest's thaw hooks do not end",
	};
	uint64_t end = clock_us() + timeout_ms * 1000;

	for (;;) {
		if (freeze_look(f))
			return -1;
		if (freeze_has(f, mark))
			return 0;
		if (clock_us() >= end)
			return msg_error("%s", late[mark]);
		if (freeze_sleep(f))
			return -1;
	}
}

/* The error that led here was recorded before, and stays. */
static void freeze_back_out(struct freeze *f)
{
	if (!f->number)
		return;
	freeze_tell_thaw(f->page, f->number);
	if (f->guest.taken == f->number)
		freeze_await(f, FREEZE_THAWED, FREEZE_THAW_MS);
}

int freeze_begin(struct freeze *f)
{
	f->lock = lock_take_for(f->opts->lock_dir, f->dom->domid, FREEZE_LOCK);
	if (f->lock < 0 || f->dom->ops->quiesce(f->dom, QUIESCE_ASK, &f->page))
		return -1;
	if (freeze_clear(f) || freeze_ask(f) || freeze_wait(f)) {
		freeze_back_out(f);
		return -1;
	}
	f->frozen = true;
	return 0;
}

int freeze_check(struct freeze *f)
{
	if (freeze_look(f))
		return -1;
	if (f->guest.taken != f->number)
		return msg_error("the guest did not stay frozen: it has begun another round");
	if (f->guest.state != STILLPOINT_QUIESCE_FROZEN)
		return freeze_why(f, "the guest did not stay frozen");
	return 0;
}

void freeze_hold_signs(struct freeze *f, bool hold)
{
	beat_hold(&f->beat, hold);
}

/* The file systems can be written to again. */
static int freeze_judge(struct freeze *f)
{
	if (freeze_await(f, FREEZE_LOOKED, FREEZE_LOOK_MS))
		return -1;
	if (f->guest.taken != f->number || f->guest.result != STILLPOINT_QUIESCE_THAWED)
		return freeze_why(f, "the guest did not stay frozen");
	if (!freeze_reached(f->number, f->guest.looked))
		return msg_error(
			"the agent in the guest ended before it could say that all was frozen; see its log");
	return 0;
}

int freeze_end(struct freeze *f)
{
	int ret;

	if (!f->frozen)
		return 0;
	f->frozen = false;
	ret = freeze_check(f);
	freeze_tell_thaw(f->page, f->number);
	if (freeze_await(f, FREEZE_THAWED, FREEZE_THAW_MS))
		ret = -1;
	f->thawed_us = clock_us();
	beat_stop(&f->beat);
	return ret ? -1 : freeze_judge(f);
}

void freeze_finish(struct freeze *f)
{
	char *before;

	if (!f->page || !f->number)
		return;
	before = strdup(msg_error_text());
	/* One that did not even thaw is not waited for again. */
	if (!freeze_reached(f->number, f->guest.thawed) ||
	    freeze_await(f, FREEZE_DONE, FREEZE_HOOKS_MS))
		msg_warn("the guest's thaw hooks are not through; see 'stillpoint status'");
	else
		freeze_report_warn(f->page, &f->guest);
	/* The first error stays; what was recorded since is no failure. */
	msg_error_clear();
	if (before && *before)
		msg_error("%s", before);
	free(before);
}

void freeze_close(struct freeze *f)
{
	if (f->page && f->frozen)
		freeze_tell_thaw(f->page, f->number);
	beat_stop(&f->beat);
	if (f->page)
		f->page->ops->close(f->page);
	if (f->lock >= 0)
		close(f->lock);
	f->page = NULL;
	f->lock = -1;
}

int freeze_thaw(struct domain *dom, uint64_t timeout_ms)
{
	struct freeze f;
	int ret = -1;

	freeze_init(&f, dom, NULL);
	if (dom->ops->quiesce(dom, QUIESCE_TELL, &f.page) || freeze_look(&f))
		goto out;
	ret = 0;
	if (f.guest.state == STILLPOINT_QUIESCE_IDLE)
		goto out;
	f.number = f.guest.taken;
	freeze_tell_thaw(f.page, f.number);
	ret = freeze_await(&f, FREEZE_THAWED, timeout_ms) ? -1 : 1;
out:
	freeze_close(&f);
	return ret;
}
