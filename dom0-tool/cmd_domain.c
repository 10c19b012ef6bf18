// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "clock.h"
#include "cmd.h"
#include "cmd_domain.h"
#include "domain_xen.h"
#include "keeper.h"
#include "lock.h"
#include "msg.h"
#include "recover.h"
#include "signals.h"

/* So long may finding out about a guest take, which somebody's death left paused. */
#define RESCUE_US 2000000
#define RESCUE_LOOK_US 5000

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

/**
 * struct kept - what the keeper looks after
 */
struct kept {
	struct domain *dom;
	struct keeper keeper;
};

/* With all that tells whether the guest is parked, for which xenstored is needed. */
static void cmd_rescue_parked(struct kept *kept)
{
	struct domain *dom;
	struct xen xen;

	if (xen_open(&xen, false))
		return;
	dom = domain_xen_open(&xen, kept->dom->domid);
	if (!dom)
		return;
	domain_xen_keep(dom, &kept->keeper);
	recover_own(dom);
}

/* In a process of its own, for so long. */
static void cmd_try_rescue(struct kept *kept)
{
	uint64_t end = clock_us() + RESCUE_US;
	pid_t pid = fork();

	if (!pid) {
		cmd_rescue_parked(kept);
		_exit(0);
	}
	while (pid > 0 && !waitpid(pid, NULL, WNOHANG)) {
		if (clock_us() >= end) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			return;
		}
		clock_sleep_us(RESCUE_LOOK_US);
	}
}

/* A parked guest that was not told to run on does so at its deadline. */
static int cmd_unpause(uint32_t domid)
{
	xc_interface *xch = xc_interface_open(NULL, NULL, 0);
	int ret = -1;

	if (xch) {
		ret = xc_domain_unpause(xch, domid);
		xc_interface_close(xch);
	}
	return ret;
}

/* In the keeper: nobody reads what this says, but for the system's log. */
static void cmd_rescue(void *arg)
{
	struct kept *kept = arg;
	const char *name = kept->dom->name;

	openlog("stillpoint", LOG_PID, LOG_DAEMON);
	cmd_try_rescue(kept);
	if (keeper_marked(&kept->keeper) && cmd_unpause(kept->dom->domid))
		syslog(LOG_ERR,
		       "domain '%s': the command that had it paused was killed, and it cannot be unpaused: %s",
		       name, strerror(errno));
	else
		syslog(LOG_WARNING,
		       "domain '%s': the command that had it paused was killed; it runs on", name);
}

int cmd_keep_domain(struct domain *dom, int (*work)(struct domain *dom, void *arg), void *arg)
{
	struct kept kept = { .dom = dom };
	int lock, ret = -1;

	lock = lock_take(LOCK_DIR, dom->domid);
	if (lock < 0)
		return -1;
	/* Writing the guest's memory to a core dump would take long, while it is paused. */
	prctl(PR_SET_DUMPABLE, 0);
	if (!keeper_start(&kept.keeper, lock, cmd_rescue, &kept)) {
		domain_xen_keep(dom, &kept.keeper);
		ret = work(dom, arg);
		domain_xen_keep(dom, NULL);
		keeper_stop(&kept.keeper);
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
