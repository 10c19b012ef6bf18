// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "logdirty.h"
#include "msg.h"

static int logdirty_op(struct logdirty *log, enum domain_logdirty op)
{
	return log->dom->ops->logdirty(log->dom, op, log->set.word, log->set.bits);
}

int logdirty_start(struct logdirty *log, struct domain *dom, uint64_t pfns)
{
	int ret;

	memset(log, 0, sizeof(*log));
	log->dom = dom;
	if (bitmap_grow(&log->set, pfns))
		return -1;
	/* Off is tried first: a log that a killed tool left on cannot be switched on. */
	logdirty_op(log, DOMAIN_LOGDIRTY_OFF);
	ret = logdirty_op(log, DOMAIN_LOGDIRTY_ON);
	/*
	 * Never to be ignored: without a log the hypervisor answers all questions with
	 * an empty set.
	 */
	if (ret)
		return msg_error(
			"the hypervisor cannot log the domain's writes: %s; it may be built without shadow paging",
			strerror(-ret));
	log->on = true;
	return 0;
}

int logdirty_next(struct logdirty *log, uint64_t pfns)
{
	int ret;

	if (bitmap_grow(&log->set, pfns))
		return -1;
	bitmap_zero(&log->set);
	ret = logdirty_op(log, DOMAIN_LOGDIRTY_CLEAN);
	if (ret)
		return msg_error("cannot read the hypervisor's log of dirty pages: %s",
				 strerror(-ret));
	return 0;
}

int logdirty_last(struct logdirty *log, uint64_t pfns)
{
	if (logdirty_next(log, pfns))
		return -1;
	if (logdirty_op(log, DOMAIN_LOGDIRTY_ON))
		return 0;
	return msg_error(
		"somebody else switched the hypervisor's log of the domain's writes off, as a migration does; try again after it");
}

void logdirty_stop(struct logdirty *log)
{
	if (log->on)
		logdirty_op(log, DOMAIN_LOGDIRTY_OFF);
	log->on = false;
	bitmap_free(&log->set);
}
