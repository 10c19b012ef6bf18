// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <stddef.h>

#include "cmd.h"
#include "cmd_domain.h"
#include "domain_xen.h"
#include "msg.h"
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
