// SPDX-License-Identifier: GPL-2.0
#include "cmd.h"
#include "cmd_domain.h"
#include "freeze.h"

/* How long the guest may take to thaw. */
#define THAW_MS 30000

static const char thaw_help[] =
	"usage: stillpoint thaw DOMAIN\n"
	"\n"
	"Have the guest DOMAIN thaw its file systems, whoever froze them. A 'stillpoint\n"
	"quiesce' that is at work fails. Exits with 0 when they can be written to.\n"
	"\n"
	"  --help  this text\n";

static int thaw_domain(struct domain *dom, void *arg)
{
	int ret = freeze_thaw(dom, THAW_MS);

	(void)arg;
	if (ret < 0)
		return -1;
	return cmd_print(ret ? "thawed\n" : "nothing is frozen\n");
}

int cmd_thaw(int argc, char **argv)
{
	return cmd_only_domain(argc, argv, thaw_help, thaw_domain);
}
