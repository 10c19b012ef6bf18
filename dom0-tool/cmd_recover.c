// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_domain.h"
#include "lock.h"
#include "recover.h"

static const char recover_help[] =
	"usage: stillpoint recover DOMAIN\n"
	"\n"
	"Let a guest run on that 'stillpoint save' or 'backup' left paused in its park, because\n"
	"all of its processes were killed at once. A domain that is paused anywhere else is left\n"
	"alone.\n"
	"\n"
	"  --help  this text\n";

static int recover_locked(struct domain *dom, void *arg)
{
	char text[128];
	int lock, ret;

	(void)arg;
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
	return cmd_only_domain(argc, argv, recover_help, recover_locked);
}
