/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Holding a guest in its park. The order is request, enter, let go:
 *
 *	park_request()	the guest says that it is parked, and runs in its loop
 *	park_enter()	the domain is paused and the registers prove it
 *	park_flip()	rax says "run on"
 *	park_leave()	the domain is unpaused
 *
 * From park_request() on, park_release() must be called on every path.
 */
#ifndef STILLPOINT_PARK_TOOL_H
#define STILLPOINT_PARK_TOOL_H

#include <stdbool.h>
#include <stdint.h>

#include <stillpoint/park.h>

#include "control.h"
#include "domain.h"

/**
 * struct park - one request
 * @number: of the request
 * @half: the guest's half when it was found parked
 * @regs: of vCPU 0 while paused
 * @xsave: of vCPU 0 while paused; writing the basic context resets it
 * @deadline_ms: after which the guest runs on by itself
 * @waits: the guest is in its loop, and nobody told it to leave
 * @paused: the domain is paused by us
 * @flipped: rax says "run on"
 * @requested_us: when the request went out, by clock_us()
 * @parked_us: when the guest was seen to be parked
 * @paused_us: when the domain was paused for good
 */
struct park {
	struct domain *dom;
	struct channel *ch;
	uint32_t number;
	struct stillpoint_guest_half half;
	vcpu_guest_context_t regs;
	struct blob xsave;
	uint64_t deadline_ms;
	bool waits;
	bool paused;
	bool flipped;
	uint64_t requested_us;
	uint64_t parked_us;
	uint64_t paused_us;
};

void park_init(struct park *park, struct domain *dom, struct channel *ch);

/*
 * Ask for a park and wait for it at most @timeout_ms. The guest runs on by
 * itself @deadline_ms after it parked. On an error (-1, recorded) the guest runs:
 * the request is cancelled, and a park that came too late is ended.
 */
int park_request(struct park *park, uint64_t timeout_ms, uint64_t deadline_ms);

/*
 * Pause the domain inside the window, at most @deadline_ms after it parked.
 * Returns 0, or -1 with an error recorded and the domain not paused.
 */
int park_enter(struct park *park, uint64_t deadline_ms);

/* True if the registers of vCPU 0 are those of a park that @half describes. */
bool park_registers_match(const vcpu_guest_context_t *regs,
			  const struct stillpoint_guest_half *half);

/*
 * See that the paused domain is still where park_enter() found it: somebody else may have
 * unpaused it meanwhile. Returns 0 or -1, recorded.
 */
int park_check(struct park *park);

/* park_check(), and put "run on" into rax of the paused guest. Returns 0 or -1, recorded. */
int park_flip(struct park *park);

/* Unpause the domain. Returns 0 or -1, recorded. */
int park_leave(struct park *park);

/*
 * Whatever is left of enter, flip and leave, whatever signals are pending; safe at any time.
 * Returns 0 or -1, recorded.
 */
int park_release(struct park *park);

/*
 * Wait at most @timeout_ms until the guest says that the request ended as a
 * checkpoint. *half becomes its last words. Returns 0, 1 if it did not say anything, or
 * -1, recorded, if it says that it ended in another way.
 */
int park_confirm(struct park *park, uint64_t timeout_ms, struct stillpoint_guest_half *half);

/* Free what @park holds; does not let the guest go. */
void park_free(struct park *park);

/*
 * Write @rax into vCPU 0, whose state is @regs and @xsave, and keep the
 * extended processor state. Returns 0 or a negative errno.
 */
int park_write_rax(struct domain *dom, vcpu_guest_context_t *regs, const struct blob *xsave,
		   uint64_t rax);

#endif /* STILLPOINT_PARK_TOOL_H */
