// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "msg.h"
#include "park.h"
#include "signals.h"

/* How often the page is looked at when no event comes. */
#define PARK_POLL_US 10000

/* Between two looks at a guest that is reading the TSC. */
#define PARK_RETRY_US 1000

/* How long a cancelled request may still turn into a park. */
#define PARK_CANCEL_MS 500

/* The same once the guest has taken it up. */
#define PARK_ON_ITS_WAY_MS 10000

void park_init(struct park *park, struct domain *dom, struct channel *ch)
{
	memset(park, 0, sizeof(*park));
	park->dom = dom;
	park->ch = ch;
}

void park_free(struct park *park)
{
	blob_free(&park->xsave);
}

static int park_ended(const struct stillpoint_guest_half *half)
{
	switch (half->result) {
	case STILLPOINT_RESULT_FAILED:
		return msg_error("the guest could not park: %s", half->error && half->error < 4096 ?
									 strerror(half->error) :
									 "no reason given");
	case STILLPOINT_RESULT_CANCELLED:
		return msg_error("the guest cancelled the request");
	case STILLPOINT_RESULT_ABANDONED:
		return msg_error(
			"the guest left its park by itself before it was paused; try a longer --deadline");
	default:
		return msg_error("the guest ended the request with result %u without a park",
				 half->result);
	}
}

/* Returns 1 when parked, 0 when not yet, -1 when it never will. */
static int park_poll(struct park *park)
{
	struct stillpoint_guest_half *half = &park->half;

	if (control_get(park->ch, half))
		return -1;
	if (half->done == park->number)
		return park_ended(half);
	if (half->taken == park->number && half->state == STILLPOINT_STATE_PARKED)
		return 1;
	return 0;
}

static int park_wait(struct park *park, uint64_t timeout_ms)
{
	uint64_t end = park->requested_us + timeout_ms * 1000;
	uint64_t now;
	int ret;

	for (;;) {
		ret = park_poll(park);
		if (ret < 0)
			return -1;
		now = clock_us();
		if (ret > 0) {
			park->parked_us = now;
			return 0;
		}
		if (signals_check())
			return -1;
		if (now >= end)
			return msg_error(
				"the module in the guest does not answer (waited %llu ms); try a longer --park-timeout",
				(unsigned long long)timeout_ms);
		ret = park->ch->ops->wait(park->ch,
					  end - now < PARK_POLL_US ? end - now : PARK_POLL_US);
		if (ret && ret != -EINTR)
			return msg_error("cannot wait for the event channel: %s", strerror(-ret));
	}
}

/*
 * Cancel, and stay until the request can no longer end in a park; one that
 * crossed the cancel is ended through its registers. A guest that is on its way may need
 * longer to get there.
 */
static void park_cancel(struct park *park)
{
	uint64_t now = clock_us(), end = now + PARK_CANCEL_MS * 1000;
	uint64_t last = now + PARK_ON_ITS_WAY_MS * 1000;
	struct stillpoint_guest_half half;

	control_cancel(park->ch, park->number);
	for (; now < end; now = clock_us()) {
		control_read(park->ch, &half);
		if (half.done == park->number)
			return;
		if (half.taken == park->number) {
			end = last;
			if (half.state == STILLPOINT_STATE_PARKED) {
				park->parked_us = now;
				park->waits = true;
				park_release(park);
				return;
			}
		}
		clock_sleep_us(PARK_RETRY_US);
	}
}

int park_request(struct park *park, uint64_t timeout_ms, uint64_t deadline_ms)
{
	struct stillpoint_guest_half half;
	int ret;

	if (control_get(park->ch, &half))
		return -1;
	if (half.state != STILLPOINT_STATE_IDLE)
		return msg_error("the module in the guest is busy (%s); try again",
				 control_state_name(half.state));
	park->number = control_next(half.taken, park->ch->host->request);
	park->requested_us = clock_us();
	park->deadline_ms = deadline_ms;
	ret = control_request_park(park->ch, park->number, deadline_ms * 1000);
	if (ret) {
		msg_error("cannot signal the guest: %s", strerror(-ret));
		goto cancel;
	}
	if (park_wait(park, timeout_ms))
		goto cancel;
	park->waits = true;
	return 0;

cancel:
	park_cancel(park);
	return -1;
}

bool park_registers_match(const vcpu_guest_context_t *regs,
			  const struct stillpoint_guest_half *half)
{
	return regs->user_regs.rip >= half->window_start &&
	       regs->user_regs.rip < half->window_end &&
	       regs->user_regs.rsi == STILLPOINT_PARK_MAGIC && half->generation &&
	       regs->user_regs.rdi == half->generation;
}

/* With the domain paused: 1 if it is in the park, 0 if not at the moment, -1 on an error. */
static int park_look(struct park *park)
{
	struct stillpoint_guest_half half;
	int ret;

	control_read(park->ch, &half);
	if (half.done == park->number)
		return park_ended(&half);
	if (half.taken != park->number || half.state != STILLPOINT_STATE_PARKED)
		return msg_error(
			"the guest left its park by itself before it was paused; try a longer --deadline");
	if (control_check(&half))
		return -1;
	ret = park->dom->ops->get_regs(park->dom, 0, &park->regs);
	if (ret)
		return msg_error("cannot read vCPU 0: %s", strerror(-ret));
	if (!park_registers_match(&park->regs, &half) ||
	    park->regs.user_regs.rax != STILLPOINT_RAX_PARKED)
		return 0;
	park->half = half;
	ret = park->dom->ops->get_xsave(park->dom, 0, &park->xsave);
	if (ret)
		return msg_error("cannot read the extended state of vCPU 0: %s", strerror(-ret));
	return 1;
}

int park_enter(struct park *park, uint64_t deadline_ms)
{
	uint64_t end = clock_us() + deadline_ms * 1000;
	int ret;

	for (;;) {
		signals_hold_stops(true);
		ret = park->dom->ops->pause(park->dom);
		if (ret) {
			msg_error("cannot pause the domain: %s", strerror(-ret));
			break;
		}
		park->paused = true;
		park->paused_us = clock_us();
		ret = park_look(park);
		if (ret > 0)
			return 0;
		if (park_leave(park) || ret < 0 || signals_check())
			break;
		if (clock_us() >= end) {
			msg_error("vCPU 0 of the guest was not found in its park");
			break;
		}
		clock_sleep_us(PARK_RETRY_US);
	}
	signals_hold_stops(false);
	return -1;
}

int park_check(struct park *park)
{
	struct stillpoint_guest_half half;
	vcpu_guest_context_t regs;
	struct domain_info info;
	int ret;

	ret = park->dom->ops->info(park->dom, &info);
	if (ret)
		return msg_error("cannot look at the domain: %s", strerror(-ret));
	if (info.dying || !info.paused) {
		/* There is nothing to let go. */
		park->dom->ops->disown(park->dom);
		park->paused = false;
		park->waits = false;
		signals_hold_stops(false);
		return info.dying ? msg_error("the domain ended while it was saved") :
				    msg_error("somebody unpaused the domain while it was saved");
	}
	ret = park->dom->ops->get_regs(park->dom, 0, &regs);
	if (ret)
		return msg_error("cannot read vCPU 0: %s", strerror(-ret));
	control_read(park->ch, &half);
	if (half.taken == park->number && half.done != park->number &&
	    half.state == STILLPOINT_STATE_PARKED && park_registers_match(&regs, &park->half) &&
	    regs.user_regs.rax == park->regs.user_regs.rax)
		return 0;
	park->waits = false;
	return msg_error("somebody unpaused the domain for a while when it was saved");
}

int park_write_rax(struct domain *dom, vcpu_guest_context_t *regs, const struct blob *xsave,
		   uint64_t rax)
{
	uint64_t old = regs->user_regs.rax;
	int ret;

	regs->user_regs.rax = rax;
	ret = dom->ops->set_regs(dom, 0, regs);
	if (ret)
		regs->user_regs.rax = old;
	else if (xsave->size)
		ret = dom->ops->set_xsave(dom, 0, xsave);
	return ret;
}

int park_flip(struct park *park)
{
	int ret;

	if (park->flipped)
		return 0;
	/* These registers are no other's but those of a guest in its loop. */
	if (park_check(park))
		return -1;
	/* What goes into the image was read before. */
	ret = park_write_rax(park->dom, &park->regs, &park->xsave, STILLPOINT_RAX_RUN_ON);
	if (ret)
		return msg_error(
			"cannot write vCPU 0: %s; the guest runs on by itself at its deadline",
			strerror(-ret));
	park->flipped = true;
	park->waits = false;
	return 0;
}

int park_leave(struct park *park)
{
	int ret;

	if (!park->paused)
		return 0;
	ret = park->dom->ops->unpause(park->dom);
	if (ret)
		return msg_error("cannot unpause the domain: %s; try 'stillpoint recover'",
				 strerror(-ret));
	park->paused = false;
	signals_hold_stops(false);
	return 0;
}

/* Pause it and look for it in its loop, whatever signals are pending. */
static void park_find(struct park *park)
{
	uint64_t end = park->parked_us + park->deadline_ms * 1000;
	struct stillpoint_guest_half half;
	int ret;

	while (clock_us() < end) {
		control_read(park->ch, &half);
		if (half.taken != park->number || half.state != STILLPOINT_STATE_PARKED)
			return;
		signals_hold_stops(true);
		if (park->dom->ops->pause(park->dom))
			break;
		park->paused = true;
		ret = park_look(park);
		if (ret > 0 || park_leave(park))
			return;
		clock_sleep_us(PARK_RETRY_US);
	}
	signals_hold_stops(false);
}

int park_release(struct park *park)
{
	int ret = 0;

	if (park->waits && !park->paused)
		park_find(park);
	if (park->paused) {
		/* A guest that cannot be told to run on still has its deadline. */
		ret = park_flip(park);
		/* It may have been found not to be paused. */
		if (park->paused && park_leave(park)) {
			msg_warn("the domain stays paused; try 'stillpoint recover'");
			ret = -1;
		}
	}
	park->waits = false;
	return ret;
}

int park_confirm(struct park *park, uint64_t timeout_ms, struct stillpoint_guest_half *half)
{
	uint64_t end = clock_us() + timeout_ms * 1000;
	uint64_t now;

	for (;;) {
		control_read(park->ch, half);
		if (half->done == park->number && half->result == STILLPOINT_RESULT_CHECKPOINT)
			return 0;
		if (half->done == park->number)
			return msg_error(
				"the guest did not leave its park as a checkpoint, but with result %u",
				half->result);
		now = clock_us();
		if (now >= end || signals_stop())
			return 1;
		park->ch->ops->wait(park->ch, end - now < PARK_POLL_US ? end - now : PARK_POLL_US);
	}
}
