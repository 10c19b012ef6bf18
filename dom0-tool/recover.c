// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "msg.h"
#include "park.h"
#include "recover.h"

/* More pauses than tools that died one after the other can have left. */
#define RECOVER_UNPAUSES 64

static int recover_info(struct domain *dom, struct domain_info *info)
{
	int ret = dom->ops->info(dom, info);

	return ret ? msg_error("cannot look at the domain: %s", strerror(-ret)) : 0;
}

static int recover_half(struct domain *dom, struct stillpoint_guest_half *half)
{
	struct channel *ch;
	struct publish pub;
	int ret;

	if (dom->ops->published(dom, &pub) || dom->ops->channel(dom, &pub, false, &ch))
		return -1;
	ret = control_get(ch, half);
	ch->ops->close(ch);
	return ret;
}

int recover_look(struct domain *dom, vcpu_guest_context_t *regs)
{
	struct stillpoint_guest_half half;
	struct domain_info info;
	int ret;

	if (recover_info(dom, &info))
		return -1;
	if (!info.paused)
		return RECOVER_RUNNING;
	if (info.hvm || info.dying || info.shutdown)
		return RECOVER_ELSEWHERE;
	if (recover_half(dom, &half))
		return -1;
	ret = dom->ops->get_regs(dom, 0, regs);
	if (ret)
		return msg_error("cannot read vCPU 0: %s", strerror(-ret));
	if (park_registers_match(regs, &half)) {
		if (regs->user_regs.rax == STILLPOINT_RAX_PARKED)
			return RECOVER_WAITING;
		if (regs->user_regs.rax == STILLPOINT_RAX_RUN_ON)
			return RECOVER_FLIPPED;
	}
	return half.state == STILLPOINT_STATE_PARKED ? RECOVER_BETWEEN : RECOVER_ELSEWHERE;
}

static int recover_flip(struct domain *dom, vcpu_guest_context_t *regs)
{
	struct blob xsave = { 0 };
	int ret;

	ret = dom->ops->get_xsave(dom, 0, &xsave);
	if (!ret)
		ret = park_write_rax(dom, regs, &xsave, STILLPOINT_RAX_RUN_ON);
	blob_free(&xsave);
	return ret ? msg_error("cannot write vCPU 0: %s", strerror(-ret)) : 0;
}

static int recover_unpause_once(struct domain *dom)
{
	int ret = dom->ops->unpause(dom);

	return ret ? msg_error("cannot unpause the domain: %s", strerror(-ret)) : 0;
}

static int recover_unpause(struct domain *dom)
{
	struct domain_info info;
	unsigned int i;

	for (i = 0; i < RECOVER_UNPAUSES; i++) {
		if (recover_info(dom, &info))
			return -1;
		if (!info.paused)
			return 0;
		if (recover_unpause_once(dom))
			return -1;
	}
	return msg_error("the domain is still paused after %u tries", RECOVER_UNPAUSES);
}

int recover_run(struct domain *dom, char *text, size_t size)
{
	vcpu_guest_context_t regs;

	switch (recover_look(dom, &regs)) {
	case RECOVER_RUNNING:
		snprintf(text, size, "the domain is not paused: nothing to do");
		return 0;
	case RECOVER_ELSEWHERE:
		snprintf(text, size, "the domain is paused, but not in its park: left alone");
		return 0;
	case RECOVER_WAITING:
		if (recover_flip(dom, &regs) || recover_unpause(dom))
			return -1;
		break;
	case RECOVER_FLIPPED:
	case RECOVER_BETWEEN:
		/* The second finds its deadline passed, and leaves by itself. */
		if (recover_unpause(dom))
			return -1;
		break;
	default:
		return -1;
	}
	snprintf(text, size, "the domain was paused in its park and runs on");
	return 0;
}

int recover_own(struct domain *dom)
{
	vcpu_guest_context_t regs;
	struct domain_info info;

	if (recover_info(dom, &info))
		return -1;
	if (!info.paused || info.dying) {
		dom->ops->disown(dom);
		return 0;
	}
	/* One that cannot be told leaves its park at its deadline. */
	if (recover_look(dom, &regs) == RECOVER_WAITING)
		recover_flip(dom, &regs);
	msg_error_clear();
	return recover_unpause_once(dom) ? -1 : 1;
}
