// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <stddef.h>
#include <syslog.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_domain.h"
#include "domain_xen.h"
#include "keeper.h"
#include "lock.h"
#include "msg.h"
#include "recover.h"
#include "signals.h"

int cmd_with_domain(const char *name, bool verbose, int (*work)(struct domain *dom, void *arg),
		    void *arg)
{
	struct domain *dom = NULL;
	struct xen xen;
	uint32_t domid;
	int ret = -1;

	if (xen_open(&xen, verbose))
		return -1;
	if (!xen_find_domain(&xen, name, &domid))
		dom = domain_xen_open(&xen, domid);
	if (dom) {
		ret = work(dom, arg);
		dom->ops->close(dom);
	}
	xen_close(&xen);
	return ret;
}

/* In the keeper: nobody reads what this says, but for the system's log. */
static int cmd_rescue_domain(uint32_t domid)
{
	struct domain *dom;
	struct xen xen;
	int ret = -1;

	if (xen_open(&xen, false))
		return -1;
	dom = domain_xen_open(&xen, domid);
	if (dom) {
		ret = recover_own(dom);
		dom->ops->close(dom);
	}
	xen_close(&xen);
	return ret;
}

static void cmd_rescue(void *arg)
{
	const struct domain *dom = arg;
	int ret;

	msg_error_clear();
	ret = cmd_rescue_domain(dom->domid);
	openlog("stillpoint", LOG_PID, LOG_DAEMON);
	if (ret > 0)
		syslog(LOG_WARNING,
		       "domain '%s': the command that had it paused was killed; it runs on",
		       dom->name);
	else if (ret < 0)
		syslog(LOG_ERR,
		       "domain '%s': the command that had it paused was killed: %s; run 'stillpoint recover %s'",
		       dom->name, msg_error_text(), dom->name);
}

int cmd_keep_domain(struct domain *dom, int (*work)(struct domain *dom, void *arg), void *arg)
{
	struct keeper keeper;
	int lock, ret = -1;

	lock = lock_take(LOCK_DIR, dom->domid);
	if (lock < 0)
		return -1;
	if (!keeper_start(&keeper, lock, cmd_rescue, dom)) {
		domain_xen_keep(dom, &keeper);
		ret = work(dom, arg);
		domain_xen_keep(dom, NULL);
		keeper_stop(&keeper);
	}
	close(lock);
	return ret;
}

int cmd_only_domain(int argc, char **argv, const char *help,
		    int (*work)(struct domain *dom, void *arg))
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'h')
			return cmd_bad_option(argv);
		return cmd_print(help) ? cmd_failed() : CMD_OK;
	}
	if (argc - optind != 1)
		return cmd_usage_error("expected DOMAIN");
	msg_set_subject("domain", argv[optind]);
	signals_catch();
	return cmd_with_domain(argv[optind], false, work, NULL) < 0 ? cmd_failed() : CMD_OK;
}
