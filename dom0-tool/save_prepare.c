// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "msg.h"
#include "save_state.h"
#include "signals.h"

/* Tries to find the p2m of a guest that changes it meanwhile. */
#define SAVE_P2M_TRIES 5

static int save_check_domain(struct save *s)
{
	int ret;

	ret = s->dom->ops->info(s->dom, &s->info);
	if (ret)
		return msg_error("cannot look at the domain: %s", strerror(-ret));
	if (s->info.hvm)
		return msg_error("this is an HVM or PVH guest; only PV guests can park");
	if (s->info.width != 8)
		return msg_error("this is a 32-bit guest; only 64-bit PV guests can park");
	if (s->info.dying)
		return msg_error("the domain is dying");
	if (s->info.shutdown)
		return msg_error("the domain has shut down");
	if (s->info.paused)
		return msg_error(
			"the domain is paused; unpause it first, or see 'stillpoint recover'");
	return 0;
}

static int save_open_channel(struct save *s)
{
	struct stillpoint_guest_half half;
	struct publish pub;

	if (s->dom->ops->published(s->dom, &pub))
		return -1;
	if (s->dom->ops->channel(s->dom, &pub, true, &s->channel))
		return -1;
	return control_get(s->channel, &half);
}

static int save_read_static(struct save *s)
{
	int ret;

	ret = s->dom->ops->config(s->dom, &s->config);
	if (ret)
		return msg_error("cannot read the domain's configuration: %s", strerror(-ret));
	ret = s->dom->ops->policy(s->dom, &s->cpuid, &s->msrs);
	if (ret)
		return msg_error("cannot read the domain's CPU policy: %s", strerror(-ret));
	return 0;
}

int save_update_memory(struct save *s)
{
	uint64_t *copy;

	if (p2m_find(&s->p2m))
		return -1;
	copy = malloc(s->p2m.size * sizeof(*copy));
	if (!copy)
		return msg_error("out of memory for a guest of %llu pages",
				 (unsigned long long)s->p2m.size);
	p2m_copy(&s->p2m, copy);
	return ram_update(&s->mem, copy, s->p2m.size);
}

static int save_map_live(struct save *s)
{
	unsigned int i;

	p2m_init(&s->p2m, s->dom, &s->info);
	ram_init(&s->mem, s->dom);
	for (i = 1; save_update_memory(s); i++) {
		if (i == SAVE_P2M_TRIES || signals_check())
			return -1;
		msg_error_clear();
		clock_sleep_us(1000);
	}
	return 0;
}

int save_prepare(struct save *s)
{
	const struct save_options *opts = s->opts;
	uint64_t expected;

	if (save_check_domain(s) || save_open_channel(s) || save_read_static(s) || save_map_live(s))
		return -1;
	if (output_open(&s->out, opts->path, opts->replace))
		return -1;
	image_xl_init(&s->xl, &s->out);
	if (output_check_space(&s->out,
			       image_xl_bytes(s->info.pages, s->p2m.size - 1) + strlen(s->config)))
		return -1;
	expected = s->info.pages * PAGE_BYTES;
	/* While the guest stays paused anyway, only what is rewritten is staged. */
	if (staging_init(&s->staging, opts->after == SAVE_RUN_ON ? opts->staging : 0, expected))
		return -1;
	return s->tracker->ops->start(s->tracker);
}
