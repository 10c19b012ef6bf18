// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "quiesce_page.h"

/* Copy each field once. The numbers come first: the state is not older than they are. */
static void quiesce_page_read(const struct quiesce_page *page,
			      struct stillpoint_quiesce_guest *guest)
{
	const volatile struct stillpoint_quiesce_guest *g = page->guest;
	unsigned int i;

	guest->done = __atomic_load_n(&g->done, __ATOMIC_ACQUIRE);
	guest->looked = __atomic_load_n(&g->looked, __ATOMIC_ACQUIRE);
	guest->thawed = __atomic_load_n(&g->thawed, __ATOMIC_ACQUIRE);
	guest->taken = __atomic_load_n(&g->taken, __ATOMIC_ACQUIRE);
	guest->state = __atomic_load_n(&g->state, __ATOMIC_ACQUIRE);
	guest->result = g->result;
	guest->magic = g->magic;
	guest->version = g->version;
	guest->error = g->error;
	guest->agent = g->agent;
	guest->held = g->held;
	guest->frozen = g->frozen;
	guest->prepare_us = g->prepare_us;
	guest->held_us = g->held_us;
	guest->thaw_us = g->thaw_us;
	guest->rounds = g->rounds;
	guest->broken = g->broken;
	guest->report_bytes = g->report_bytes;
	for (i = 0; i < STILLPOINT_REPORT_PAGES; i++)
		guest->report_ref[i] = g->report_ref[i];
}

int quiesce_page_get(const struct quiesce_page *page, struct stillpoint_quiesce_guest *guest)
{
	quiesce_page_read(page, guest);
	if (guest->magic != STILLPOINT_QUIESCE_MAGIC)
		return msg_error(
			"the quiesce page has magic %#llx, expected %#llx; reload the module in the guest",
			(unsigned long long)guest->magic, STILLPOINT_QUIESCE_MAGIC);
	if (guest->version != STILLPOINT_QUIESCE_VERSION)
		return msg_error(
			"the quiesce page has version %u, this tool %u; install matching versions",
			guest->version, STILLPOINT_QUIESCE_VERSION);
	if (guest->state > STILLPOINT_QUIESCE_THAWING)
		return msg_error("the quiesce page has state %u, which is none", guest->state);
	if (guest->result > STILLPOINT_QUIESCE_NO_AGENT)
		return msg_error("the quiesce page has result %u, which is none", guest->result);
	if (guest->report_bytes > STILLPOINT_REPORT_BYTES)
		return msg_error(
			"the quiesce page has a report of %u bytes, at most %u are allowed",
			guest->report_bytes, STILLPOINT_REPORT_BYTES);
	return 0;
}

const char *quiesce_state_name(uint32_t state)
{
	static const char *const names[] = {
		[STILLPOINT_QUIESCE_IDLE] = "idle",
		[STILLPOINT_QUIESCE_PREPARING] = "freezing",
		[STILLPOINT_QUIESCE_FROZEN] = "frozen",
		[STILLPOINT_QUIESCE_THAWING] = "thawing",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

const char *quiesce_result_name(uint32_t result)
{
	static const char *const names[] = {
		[STILLPOINT_QUIESCE_NONE] = "none",
		[STILLPOINT_QUIESCE_THAWED] = "thawed",
		[STILLPOINT_QUIESCE_EXPIRED] = "expired",
		[STILLPOINT_QUIESCE_DOM0_GONE] = "dom0-gone",
		[STILLPOINT_QUIESCE_AGENT_GONE] = "agent-gone",
		[STILLPOINT_QUIESCE_BROKEN] = "broken",
		[STILLPOINT_QUIESCE_RESTORED] = "restored",
		[STILLPOINT_QUIESCE_FAILED] = "failed",
		[STILLPOINT_QUIESCE_LATE] = "late",
		[STILLPOINT_QUIESCE_CANCELLED] = "cancelled",
		[STILLPOINT_QUIESCE_NO_AGENT] = "no-agent",
	};

	return result < sizeof(names) / sizeof(names[0]) ? names[result] : "unknown";
}

char *quiesce_page_report(struct quiesce_page *page, const struct stillpoint_quiesce_guest *guest)
{
	uint32_t bytes = guest->report_bytes, i;
	char *text = malloc(bytes + 1);
	int ret;

	if (!text) {
		msg_error("out of memory");
		return NULL;
	}
	ret = bytes ? page->ops->report(page, guest->report_ref, text, bytes) : 0;
	if (ret) {
		msg_error("cannot read the guest's report: %s", strerror(-ret));
		free(text);
		return NULL;
	}
	for (i = 0; i < bytes; i++)
		if (text[i] != '\t' && text[i] != '\n' &&
		    (!isprint((unsigned char)text[i]) || text[i] & 0x80))
			text[i] = '?';
	while (bytes && text[bytes - 1] != '\n')
		bytes--;
	text[bytes] = '\0';
	return text;
}
