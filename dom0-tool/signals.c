// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <string.h>

#include "msg.h"
#include "signals.h"

static volatile sig_atomic_t signals_caught;

static void signals_handler(int signo)
{
	signals_caught = signo;
}

void signals_catch(void)
{
	static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT };
	struct sigaction sa = { .sa_handler = signals_handler }, old;
	unsigned int i;

	for (i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
		/* As nohup(1) wants it. */
		if (caught[i] == SIGHUP && !sigaction(SIGHUP, NULL, &old) &&
		    old.sa_handler == SIG_IGN)
			continue;
		sigaction(caught[i], &sa, NULL);
	}
	sa.sa_handler = SIG_IGN;
	sigaction(SIGXFSZ, &sa, NULL);
}

int signals_stop(void)
{
	return signals_caught;
}

int signals_check(void)
{
	if (!signals_caught)
		return 0;
	return msg_error("interrupted by signal %d (%s)", (int)signals_caught,
			 strsignal(signals_caught));
}

void signals_reset(void)
{
	signals_caught = 0;
}

void signals_hold_stops(bool hold)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGTTIN);
	sigaddset(&set, SIGTTOU);
	sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}
