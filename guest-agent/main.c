// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "device.h"
#include "hold.h"
#include "round.h"
#include "say.h"
#include "settings.h"

/* Ask to be ended by a readable descriptor. Returns it or -1. */
static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	/* What nobody reads any more is to be an error. */
	signal(SIGPIPE, SIG_IGN);
	/* There is nothing to read again, and a terminal that hangs up ends no daemon. */
	signal(SIGHUP, SIG_IGN);
	/* Whoever started the agent may have it ignored, and hooks would leave no status. */
	signal(SIGCHLD, SIG_DFL);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Returns 0 or a negative errno. */
static int serve(struct round *round)
{
	struct stillpoint_agent_event event;
	int err = device_read(round->device, &event);

	/* The round that it was woken for is over. */
	if (err == -EAGAIN)
		return 0;
	if (err)
		return err;
	switch (event.type) {
	case STILLPOINT_AGENT_FREEZE:
		/* What it excludes is needed until the round is over. */
		round->event = event;
		round_freeze(round);
		return 0;
	case STILLPOINT_AGENT_THAW:
		round_thaw(round, event.result);
		return 0;
	case STILLPOINT_AGENT_RESTORED:
		round_restored(round);
		return 0;
	default:
		return -EPROTO;
	}
}

/* Until a signal, or the module is not what it should be. Returns the exit status. */
static int go_on(struct round *round, int signals)
{
	struct pollfd fds[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = round->device, .events = POLLIN },
		{ .events = POLLPRI },
	};
	int err;

	for (;;) {
		fds[2].fd = round->mountinfo;
		if (poll(fds, sizeof(fds) / sizeof(fds[0]), -1) < 0)
			continue;
		if (fds[0].revents)
			return 0;
		if (fds[1].revents) {
			err = serve(round);
			if (err) {
				say("cannot read from the module: %s", strerror(-err));
				return 1;
			}
		} else if (fds[2].revents) {
			round_look(round);
		}
	}
}

/* Closing the device thaws; the hooks come after that, as always. */
static void end(struct round *round)
{
	bool active = round->active;

	close(round->device);
	round->device = -1;
	if (active)
		round_thaw(round, STILLPOINT_QUIESCE_AGENT_GONE);
	round_exit(round);
}

static int run(const struct settings *settings)
{
	/* It is large, and what is locked in memory needs no allocation later. */
	static struct round round;
	int signals, device, status;

	/*
	 * A process that dumps core has its files open until the core is written, which takes
	 * as long as file systems are frozen. The device must be closed at once.
	 */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)) {
		say("cannot do without core dumps: %s", strerror(errno));
		return 1;
	}
	signals = catch_signals();
	device = device_open(settings->device);
	if (signals < 0 || device < 0) {
		say("cannot open %s: %s; load the module stillpoint, and run one agent only",
		    settings->device, strerror(device < 0 ? -device : errno));
		return 1;
	}
	if (mlockall(MCL_CURRENT | MCL_FUTURE)) {
		say("cannot lock the memory: %s; raise the limit of locked memory",
		    strerror(errno));
		return 1;
	}
	round_init(&round, settings, device, signals);
	round_recover(&round);
	status = go_on(&round, signals);
	end(&round);
	close(signals);
	return status;
}

int main(int argc, char **argv)
{
	struct settings settings;
	int status = settings_read(&settings, argc, argv), err;

	if (status) {
		status = status < 0 ? 2 : 0;
	} else if (settings.list) {
		err = hold_list(&settings);
		if (err)
			say("cannot read the table of mounts: %s", strerror(-err));
		status = err ? 1 : 0;
	} else {
		status = run(&settings);
	}
	settings_free(&settings);
	return status;
}
