// SPDX-License-Identifier: GPL-2.0
#include "control.h"
#include "msg.h"

/* xen.h: the kernel half of a 64-bit PV guest starts where Xen's own slots end. */
#define CONTROL_KERNEL_START 0xffff880000000000ULL

#define CONTROL_WINDOW_MAX 4096ULL

void control_read(const struct channel *ch, struct stillpoint_guest_half *half)
{
	const volatile struct stillpoint_guest_half *g = ch->guest;
	unsigned int i;

	/*
	 * The numbers come before the state, which is then not older than they are:
	 * "parked" read after "taken" belongs to that request or a later one.
	 */
	half->done = __atomic_load_n(&g->done, __ATOMIC_ACQUIRE);
	half->taken = __atomic_load_n(&g->taken, __ATOMIC_ACQUIRE);
	half->state = __atomic_load_n(&g->state, __ATOMIC_ACQUIRE);
	half->result = g->result;
	half->error = g->error;
	half->magic = g->magic;
	half->abi_version = g->abi_version;
	half->features = g->features;
	half->generation = g->generation;
	half->window_start = g->window_start;
	half->window_end = g->window_end;
	half->checkpoints = g->checkpoints;
	half->abandoned = g->abandoned;
	half->restores = g->restores;
	half->last_park_us = g->last_park_us;
	half->park_stop_us = g->park_stop_us;
	half->park_run_us = g->park_run_us;
	half->epoch = g->epoch;
	half->harvests = g->harvests;
	half->bitmap_pfns = g->bitmap_pfns;
	half->set_pages = g->set_pages;
	half->harvest_us = g->harvest_us;
	half->slice_max_us = g->slice_max_us;
	half->slices = g->slices;
	half->hooks = g->hooks;
	for (i = 0; i < STILLPOINT_DIRS; i++)
		half->bitmap_dir[i] = g->bitmap_dir[i];
	half->free_pfns = g->free_pfns;
	half->free_pages = g->free_pages;
	half->free_us = g->free_us;
	for (i = 0; i < STILLPOINT_DIRS; i++)
		half->free_dir[i] = g->free_dir[i];
}

int control_check(const struct stillpoint_guest_half *half)
{
	if (half->magic != STILLPOINT_CONTROL_MAGIC)
		return msg_error(
			"the control page has magic %#llx, expected %#llx; reload the module in the guest",
			(unsigned long long)half->magic, STILLPOINT_CONTROL_MAGIC);
	if (half->abi_version != STILLPOINT_ABI_VERSION)
		return msg_error(
			"the control page has ABI %u, this tool %u; install matching versions",
			half->abi_version, STILLPOINT_ABI_VERSION);
	if (!(half->features & STILLPOINT_FEATURE_PARK))
		return msg_error("the module in the guest cannot park (features %#llx)",
				 (unsigned long long)half->features);
	if (half->state > STILLPOINT_STATE_RESUMING)
		return msg_error("the control page has state %u, which is none", half->state);
	if (half->result > STILLPOINT_RESULT_UNTRACKED)
		return msg_error("the control page has result %u, which is none", half->result);
	if (half->window_start < CONTROL_KERNEL_START)
		return msg_error("the park window starts at %#llx, outside of the guest's kernel",
				 (unsigned long long)half->window_start);
	if (half->window_end <= half->window_start)
		return msg_error("the park window %#llx-%#llx is empty",
				 (unsigned long long)half->window_start,
				 (unsigned long long)half->window_end);
	if (half->window_end - half->window_start >= CONTROL_WINDOW_MAX)
		return msg_error("the park window has %llu bytes, fewer than %llu are allowed",
				 (unsigned long long)(half->window_end - half->window_start),
				 CONTROL_WINDOW_MAX);
	return 0;
}

int control_get(const struct channel *ch, struct stillpoint_guest_half *half)
{
	control_read(ch, half);
	return control_check(half);
}

uint32_t control_next(uint32_t taken, uint32_t request)
{
	uint32_t next = (stillpoint_seq_after(request, taken) ? request : taken) + 1;

	return next ? next : 1;
}

int control_request_park(struct channel *ch, uint32_t number, uint64_t deadline_us)
{
	volatile struct stillpoint_host_half *h = ch->host;

	if (deadline_us < STILLPOINT_DEADLINE_MIN_US)
		deadline_us = STILLPOINT_DEADLINE_MIN_US;
	if (deadline_us > STILLPOINT_DEADLINE_MAX_US)
		deadline_us = STILLPOINT_DEADLINE_MAX_US;
	h->op = STILLPOINT_OP_PARK;
	h->flags = 0;
	h->deadline_us = deadline_us;
	/* The request is complete once its number stands there. */
	__atomic_store_n(&h->request, number, __ATOMIC_RELEASE);
	return ch->ops->notify(ch);
}

int control_request_track(struct channel *ch, uint32_t number, enum stillpoint_op op,
			  uint32_t flags, uint64_t lease_us)
{
	volatile struct stillpoint_host_half *h = ch->host;

	h->op = op;
	h->flags = flags;
	h->lease_us = lease_us;
	__atomic_store_n(&h->request, number, __ATOMIC_RELEASE);
	return ch->ops->notify(ch);
}

void control_beat(struct channel *ch)
{
	__atomic_fetch_add(&ch->host->heartbeat, 1, __ATOMIC_RELAXED);
}

int control_cancel(struct channel *ch, uint32_t number)
{
	__atomic_store_n(&ch->host->cancel, number, __ATOMIC_RELEASE);
	return ch->ops->notify(ch);
}

const char *control_state_name(uint32_t state)
{
	static const char *const names[] = {
		[STILLPOINT_STATE_IDLE] = "idle",
		[STILLPOINT_STATE_PREPARING] = "preparing",
		[STILLPOINT_STATE_PARKED] = "parked",
		[STILLPOINT_STATE_RESUMING] = "resuming",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}
