// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "control.h"
#include "guest_map.h"
#include "harvest.h"
#include "msg.h"
#include "signals.h"

/* The guest gives up tracking after this time without a sign of us. */
#define HARVEST_LEASE_US 60000000ULL

/* How often the page is looked at when no event comes. */
#define HARVEST_POLL_US 10000

/* How often a new epoch is asked for. */
#define HARVEST_TRIES 3

/* How long the guest may take to end the epoch. */
#define HARVEST_UNTRACK_MS 1000

static void harvest_sign(void *arg)
{
	control_beat(arg);
}

/* Wait until request @number is done; *half is the guest's half then. */
static int harvest_wait(struct harvest *h, uint32_t number, uint64_t timeout_ms,
			struct stillpoint_guest_half *half)
{
	uint64_t end = clock_us() + timeout_ms * 1000, now;
	int ret;

	for (;;) {
		if (control_get(h->ch, half))
			return -1;
		if (half->done == number)
			return 0;
		now = clock_us();
		if (now >= end)
			return msg_error(
				"the module in the guest does not answer (waited %llu ms for a set of dirty pages); try a longer --park-timeout",
				(unsigned long long)timeout_ms);
		if (signals_check())
			return -1;
		ret = h->ch->ops->wait(h->ch,
				       end - now < HARVEST_POLL_US ? end - now : HARVEST_POLL_US);
		if (ret && ret != -EINTR)
			return msg_error("cannot wait for the event channel: %s", strerror(-ret));
	}
}

static int harvest_ask(struct harvest *h, enum stillpoint_op op, uint64_t timeout_ms,
		       struct stillpoint_guest_half *half)
{
	uint32_t number;
	int ret;

	if (control_get(h->ch, half))
		return -1;
	number = control_next(half->taken, h->ch->host->request);
	ret = control_request_track(h->ch, number, op, h->flags, HARVEST_LEASE_US);
	if (ret)
		return msg_error("cannot signal the guest: %s", strerror(-ret));
	return harvest_wait(h, number, timeout_ms, half);
}

static int harvest_make(struct harvest *h, struct stillpoint_guest_half *half)
{
	uint64_t start = clock_us();

	if (harvest_ask(h, STILLPOINT_OP_HARVEST, h->timeout_ms, half))
		return -1;
	h->us = clock_us() - start;
	if (half->result == STILLPOINT_RESULT_FAILED)
		return msg_error("the guest could not track its pages: %s",
				 half->error && half->error < 4096 ? strerror(half->error) :
								     "no reason given");
	if (half->result != STILLPOINT_RESULT_HARVESTED)
		return msg_error("the guest ended the request with result %u and no set",
				 half->result);
	return 0;
}

static int harvest_follows(struct harvest *h, const struct stillpoint_guest_half *half)
{
	if (half->epoch != h->half.epoch || half->harvests != h->half.harvests + 1)
		return msg_error(
			"the guest lost track of its pages: epoch %u with %u sets, expected epoch %u with %u",
			half->epoch, half->harvests, h->half.epoch, h->half.harvests + 1);
	h->half = *half;
	return 0;
}

/*
 * Have the first set of a new epoch made. One that a killed tool began has flags of
 * its own; it may even begin only now, if the guest was still at it.
 */
static int harvest_first(struct harvest *h)
{
	struct stillpoint_guest_half half;
	unsigned int i;

	for (i = 0; i < HARVEST_TRIES; i++) {
		if (control_get(h->ch, &half))
			return -1;
		if (half.epoch && harvest_ask(h, STILLPOINT_OP_UNTRACK, h->timeout_ms, &half))
			return -1;
		if (harvest_make(h, &half))
			return -1;
		h->half = half;
		if (half.epoch && half.harvests == 1)
			return 0;
	}
	return msg_error("the guest begins to track its pages with epoch %u and %u sets",
			 half.epoch, half.harvests);
}

int harvest_start(struct harvest *h, struct channel *ch, struct ram *mem, uint32_t flags,
		  uint64_t timeout_ms)
{
	struct stillpoint_guest_half half;

	memset(h, 0, sizeof(*h));
	h->ch = ch;
	h->mem = mem;
	h->flags = flags;
	h->timeout_ms = timeout_ms;
	if (control_get(ch, &half))
		return -1;
	if (!(half.features & STILLPOINT_FEATURE_TRACK))
		return msg_error("the module in the guest cannot track pages (features %#llx)",
				 (unsigned long long)half.features);
	h->tracked = true;
	return harvest_first(h) ? -1 : beat_start(&h->beat, harvest_sign, h->ch);
}

int harvest_next(struct harvest *h)
{
	struct stillpoint_guest_half half;

	return harvest_make(h, &half) || harvest_follows(h, &half) ? -1 : 0;
}

int harvest_parked(struct harvest *h)
{
	struct stillpoint_guest_half half;

	h->tracked = false;
	/* The page of our signs is memory of the guest: it must not change while it is copied. */
	beat_hold(&h->beat, true);
	control_read(h->ch, &half);
	return harvest_follows(h, &half);
}

int harvest_collect(const struct harvest *h, struct bitmap *set)
{
	if (guest_map_read(h->mem, "dirty", h->half.bitmap_pfns, h->half.bitmap_dir, set))
		return -1;
	bitmap_fill(set, h->half.bitmap_pfns);
	return 0;
}

void harvest_stop(struct harvest *h)
{
	struct stillpoint_guest_half half;
	uint64_t timeout_ms = h->timeout_ms;

	if (!h->ch)
		return;
	beat_stop(&h->beat);
	if (timeout_ms > HARVEST_UNTRACK_MS)
		timeout_ms = HARVEST_UNTRACK_MS;
	/* The error that led here was recorded before, and stays. */
	if (h->tracked)
		harvest_ask(h, STILLPOINT_OP_UNTRACK, timeout_ms, &half);
	h->tracked = false;
}
