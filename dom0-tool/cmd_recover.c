// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "domain_xen.h"
#include "lock.h"
#include "msg.h"
#include "recover.h"
#include "signals.h"

static const char recover_help[] =
	"usage: stillpoint recover DOMAIN\n"
	"\n"
	"Let a guest run on that a killed 'stillpoint save' left paused in its park. A\n"
	"domain that is paused anywhere else is left alone.\n"
	"\n"
	"  --help  this text\n";

static int recover_locked(struct domain *dom)
{
	char text[128];
	int lock, ret;

	lock = lock_take(LOCK_DIR, dom->domid);
	if (lock < 0)
		return -1;
	ret = recover_run(dom, text, sizeof(text));
	close(lock);
	if (ret)
		return -1;
	strncat(text, "\n", sizeof(text) - strlen(text) - 1);
	return cmd_print(text);
}

int cmd_recover(int argc, char **argv)
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
		return cmd_print(recover_help) ? cmd_failed() : CMD_OK;
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
		ret = recover_locked(dom);
		dom->ops->close(dom);
	}
	xen_close(&xen);
	return ret ? cmd_failed() : CMD_OK;
}
