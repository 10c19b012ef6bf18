// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "clock.h"
#include "drain.h"
#include "msg.h"
#include "signals.h"

/* Between two looks. */
#define DRAIN_POLL_US 500

int drain_wait(struct domain *dom, uint64_t timeout_ms)
{
	uint64_t end = clock_us() + timeout_ms * 1000, n;
	int ret;

	for (;;) {
		ret = dom->ops->unanswered(dom, &n);
		if (ret)
			return msg_error("cannot look at the guest's block requests: %s",
					 strerror(-ret));
		if (!n)
			return 0;
		if (signals_check())
			return -1;
		if (clock_us() >= end)
			return msg_error(
				"%llu block requests of the guest were not answered within %llu ms",
				(unsigned long long)n, (unsigned long long)timeout_ms);
		clock_sleep_us(DRAIN_POLL_US);
	}
}
