// SPDX-License-Identifier: GPL-2.0
/* What a save does for the disks that belong to the image. */
#include "clock.h"
#include "drain.h"
#include "save_state.h"

int save_freeze(struct save *s)
{
	uint64_t start = clock_us();

	if (!s->opts->freeze)
		return 0;
	save_phase(s, SAVE_FREEZING);
	freeze_init(&s->freeze, s->dom, s->opts->freeze);
	if (freeze_begin(&s->freeze))
		return -1;
	s->frozen_us = clock_us();
	s->res->freeze_us = s->frozen_us - start;
	s->res->frozen = s->freeze.guest.frozen;
	save_phase(s, SAVE_FROZEN);
	return 0;
}

int save_thaw(struct save *s)
{
	if (!s->freeze.frozen)
		return 0;
	freeze_hold_signs(&s->freeze, false);
	if (freeze_end(&s->freeze))
		return -1;
	s->res->frozen_us = s->freeze.thawed_us - s->frozen_us;
	save_phase(s, SAVE_THAWED);
	return 0;
}

uint64_t save_deadline_ms(const struct save *s)
{
	const struct disk_hook *hook = s->opts->hook;

	return s->opts->deadline_ms + (hook ? SAVE_DRAIN_MS + hook->timeout_ms : 0);
}

static int save_run_hook(struct save *s)
{
	const struct disks *disks = s->opts->disks ? s->opts->disks : &s->disks;
	uint64_t start = clock_us(), drained;

	save_phase(s, SAVE_DRAINING);
	if (drain_wait(s->dom, SAVE_DRAIN_MS))
		return -1;
	drained = clock_us();
	s->res->drain_us = drained - start;
	save_phase(s, SAVE_HOOK);
	if (disk_hook_run(s->opts->hook, DISK_HOOK_SNAPSHOT, s->dom, disks, s->opts->freeze))
		return -1;
	s->res->hook_us = clock_us() - drained;
	s->res->hook_time = time(NULL);
	return 0;
}

/*
 * The domain is not paused meanwhile: if this process dies, the guest runs on at its
 * deadline. That it did not, park_enter() tells afterwards, as it parks once for a request.
 */
int save_disks(struct save *s)
{
	return s->opts->hook ? save_run_hook(s) : 0;
}
