// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <stdbool.h>

#include "cmd.h"
#include "domain_xen.h"
#include "freeze.h"
#include "msg.h"
#include "signals.h"

/* How long the guest may take to thaw. */
#define THAW_MS 30000

static const char thaw_help[] =
	"usage: stillpoint thaw DOMAIN\n"
	"\n"
	"Have the guest DOMAIN thaw its file systems, whoever froze them. A 'stillpoint\n"
	"quiesce' that is at work fails. Exits with 0 when they can be written to.\n"
	"\n"
	"  --help  this text\n";

static int thaw_domain(struct domain *dom)
{
	int ret = freeze_thaw(dom, THAW_MS);

	if (ret < 0)
		return -1;
	return cmd_print(ret ? "thawed\n" : "nothing is frozen\n");
}

int cmd_thaw(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct domain *dom = NULL;
	struct xen xen;
	uint32_t domid;
	int opt, ret = -1;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'h')
			return cmd_bad_option(argv);
		return cmd_print(thaw_help) ? cmd_failed() : CMD_OK;
	}
	if (argc - optind != 1)
		return cmd_usage_error("expected DOMAIN");
	msg_set_subject("domain", argv[optind]);
	signals_catch();
	if (xen_open(&xen, false))
		return cmd_failed();
	if (!xen_find_domain(&xen, argv[optind], &domid))
		dom = domain_xen_open(&xen, domid);
	if (dom) {
		ret = thaw_domain(dom);
		dom->ops->close(dom);
	}
	xen_close(&xen);
	return ret ? cmd_failed() : CMD_OK;
}
