// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "device.h"
#include "hold.h"
#include "round.h"
#include "say.h"

#define MOUNTINFO "/proc/self/mountinfo"

/* Time that is left for the file systems when the hooks use all of theirs. */
#define FREEZE_SHARE 4

void round_init(struct round *round, const struct settings *settings, int device, int signals)
{
	*round = (struct round){
		.settings = settings,
		.device = device,
		.signals = signals,
		.mountinfo = -1,
	};
}

static bool is_ending(const struct round *round)
{
	struct pollfd fd = { .fd = round->signals, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

/* What the freeze took. */
static void clean_up(struct round *round)
{
	if (round->mountinfo >= 0)
		close(round->mountinfo);
	round->mountinfo = -1;
	hooks_free(&round->hooks);
	free(round->excludes);
	round->excludes = NULL;
	round->active = false;
}

void round_exit(struct round *round)
{
	clean_up(round);
}

/* Notes for the next agent, if this one dies: thaw hooks are due, or those of a restored guest. */
#define NOTE_FROZEN "agent.frozen"
#define NOTE_RESTORED "agent.restored"

static void note_path(const struct settings *settings, const char *note, char *to, size_t room)
{
	snprintf(to, room, "%s/%s", settings->state_dir, note);
}

/* Returns 0 or a negative errno. */
static int leave_note(const struct settings *settings, const char *note)
{
	char path[4096];
	int fd;

	mkdir(settings->state_dir, 0700);
	note_path(settings, note, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static bool has_note(const struct settings *settings, const char *note)
{
	char path[4096];

	note_path(settings, note, path, sizeof(path));
	return !access(path, F_OK);
}

static void remove_note(const struct settings *settings, const char *note)
{
	char path[4096];

	note_path(settings, note, path, sizeof(path));
	unlink(path);
}

static void report_no_note(struct round *round, int err)
{
	char detail[256];

	snprintf(detail, sizeof(detail), "cannot note in %s that hooks are called: %s",
		 round->settings->state_dir, strerror(-err));
	report_warn(&round->report, detail, true);
}

/* What the report says of a hook that did not end well. */
static const char *hook_detail(const struct round *round, const struct hook_run *run)
{
	if (run->outcome != HOOK_STOPPED)
		return run->said;
	return is_ending(round) ? "stopped, as the agent is to end" :
				  "stopped, as the round is over";
}

static void report_hook(struct round *round, size_t number, const struct hook_run *run)
{
	static const char *const outcomes[] = {
		[HOOK_OK] = "ok",
		[HOOK_FAILED] = "failed",
		[HOOK_TIMEOUT] = "timeout",
		[HOOK_STOPPED] = "failed",
	};
	const struct report_line line = {
		.kind = "hook",
		.outcome = outcomes[run->outcome],
		.what = run->phase,
		.name = round->hooks.names[number],
		.us = run->us,
		.detail = hook_detail(round, run),
		.important = run->outcome != HOOK_OK,
	};

	report_add(&round->report, &line);
}

static uint64_t hook_limit(const struct round *round)
{
	uint64_t now = clock_us();

	if (now >= round->hook_end_us)
		return 0;
	return round->hook_end_us - now < round->settings->hook_limit_us ?
		       round->hook_end_us - now :
		       round->settings->hook_limit_us;
}

/* For how long from now things may be held: until the last instant to freeze, and then as said. */
static uint64_t hold_limit(const struct round *round)
{
	uint64_t now = clock_us();

	return round->event.hold_us +
	       (now < round->prepare_end_us ? round->prepare_end_us - now : 0);
}

/* Returns 0 or a negative errno. */
static int run_freeze_hooks(struct round *round)
{
	struct hook_run run = {
		.phase = "freeze",
		.stop_fds = { round->device, round->signals },
	};
	int err = hooks_find(&round->hooks, round->settings->hook_dir);

	if (err) {
		report_warn(&round->report, "the folder of the hooks cannot be read", true);
		return err;
	}
	while (round->ran < round->hooks.count) {
		run.limit_us = hook_limit(round);
		run.hold_us = hold_limit(round);
		/* Also the one that fails gets its thaw: it may have done a part. */
		hooks_run(&round->hooks, round->ran++, &run);
		report_hook(round, round->ran - 1, &run);
		if (run.outcome == HOOK_STOPPED)
			return -ESTALE;
		if (run.outcome != HOOK_OK)
			return run.outcome == HOOK_TIMEOUT ? -ETIMEDOUT : -ECANCELED;
	}
	return 0;
}

static void run_thaw_hooks(struct round *round)
{
	struct hook_run run = {
		.phase = "thaw",
		.limit_us = round->settings->hook_limit_us,
		.stop_fds = { -1, -1 },
	};

	while (round->ran) {
		hooks_run(&round->hooks, --round->ran, &run);
		report_hook(round, round->ran, &run);
		if (run.outcome != HOOK_OK)
			say("hook %s thaw: %s", round->hooks.names[round->ran], run.said);
	}
}

/* The settings' and then dom0's. Returns 0 or -ENOMEM. */
static int gather_excludes(struct round *round)
{
	const struct stillpoint_agent_event *event = &round->event;
	size_t used = round->settings->exclude_count, i;

	/* Each of dom0's has a NUL. */
	round->excludes = calloc(used + event->excludes_bytes + 1, sizeof(*round->excludes));
	if (!round->excludes)
		return -ENOMEM;
	for (i = 0; i < used; i++)
		round->excludes[i] = round->settings->excludes[i];
	for (i = 0; i < event->excludes_bytes; i += strlen(event->excludes + i) + 1)
		round->excludes[used++] = event->excludes + i;
	return 0;
}

/* Returns 0 or a negative errno. */
static int prepare(struct round *round)
{
	int err = gather_excludes(round);

	if (err)
		return err;
	err = leave_note(round->settings, NOTE_FROZEN);
	if (err) {
		report_no_note(round, err);
		return err;
	}
	err = run_freeze_hooks(round);
	if (err)
		return err;
	if (is_ending(round))
		return -EINTR;
	round->mountinfo = open(MOUNTINFO, O_RDONLY | O_CLOEXEC);
	return round->mountinfo < 0 ? -errno : 0;
}

void round_freeze(struct round *round)
{
	const struct stillpoint_agent_event *event = &round->event;
	int err;

	round->number = event->round;
	round->active = true;
	round->ran = 0;
	round->held_count = 0;
	round->frozen = false;
	round->prepare_end_us = clock_us() + event->prepare_us;
	round->hook_end_us = round->prepare_end_us - event->prepare_us / FREEZE_SHARE;
	report_start(&round->report);
	err = prepare(round);
	if (!err)
		err = hold_all(round);
	if (err == -ENOENT && !round->frozen)
		report_warn(&round->report, "there is no file system that can be frozen", true);
	report_send(&round->report, round->device);
	/* The device is closed next, which says why. */
	if (err && is_ending(round))
		return;
	if (err)
		device_mark(round->device, STILLPOINT_AGENT_FAILED, round->number, -err);
	else
		device_mark(round->device, STILLPOINT_AGENT_FROZEN, round->number, 0);
}

void round_look(struct round *round)
{
	if (!hold_misses_one(round))
		return;
	report_send(&round->report, round->device);
	device_mark(round->device, STILLPOINT_AGENT_FAILED, round->number, EIO);
}

/* How it ended, where dom0 did not. */
static void say_result(__u32 result)
{
	static const char *const reasons[] = {
		[STILLPOINT_QUIESCE_EXPIRED] = "the time for which they were to be frozen passed",
		[STILLPOINT_QUIESCE_DOM0_GONE] = "dom0 gave no sign",
		[STILLPOINT_QUIESCE_BROKEN] = "not all file systems were frozen any more",
		[STILLPOINT_QUIESCE_RESTORED] = "this guest was restored",
		[STILLPOINT_QUIESCE_FAILED] = "they could not be frozen",
		[STILLPOINT_QUIESCE_LATE] = "they were not frozen in time",
		[STILLPOINT_QUIESCE_CANCELLED] = "dom0 wants it no more",
	};

	if (result < sizeof(reasons) / sizeof(reasons[0]) && reasons[result])
		say("file systems were thawed: %s", reasons[result]);
}

/* dom0 may have thawed before the agent saw that the table of mounts changed. */
static void look_back(struct round *round, __u32 result)
{
	bool misses = result == STILLPOINT_QUIESCE_THAWED && hold_misses_one(round);

	if (misses) {
		say("a file system was mounted while all was frozen");
		report_send(&round->report, round->device);
	}
	device_mark(round->device, STILLPOINT_AGENT_LOOKED, round->number, misses ? EIO : 0);
}

void round_thaw(struct round *round, __u32 result)
{
	say_result(result);
	look_back(round, result);
	run_thaw_hooks(round);
	remove_note(round->settings, NOTE_FROZEN);
	report_send(&round->report, round->device);
	device_mark(round->device, STILLPOINT_AGENT_DONE, round->number, 0);
	clean_up(round);
}

static void recover_thaw(struct round *round)
{
	say("an agent before this one ended while file systems were frozen; calling thaw hooks");
	if (!hooks_find(&round->hooks, round->settings->hook_dir))
		round->ran = round->hooks.count;
	report_start(&round->report);
	run_thaw_hooks(round);
	remove_note(round->settings, NOTE_FROZEN);
	clean_up(round);
}

void round_recover(struct round *round)
{
	if (has_note(round->settings, NOTE_FROZEN))
		recover_thaw(round);
	if (has_note(round->settings, NOTE_RESTORED)) {
		say("an agent before this one did not call all hooks of a restored guest");
		round_restored(round);
	}
}

static void run_restored_hooks(struct round *round)
{
	struct hook_run run = {
		.phase = "restored",
		.limit_us = round->settings->hook_limit_us,
		.stop_fds = { -1, round->signals },
	};
	struct hooks hooks;
	size_t i;

	if (hooks_find(&hooks, round->settings->restored_dir))
		say("the folder %s cannot be read", round->settings->restored_dir);
	for (i = 0; i < hooks.count && !is_ending(round); i++) {
		hooks_run(&hooks, i, &run);
		if (run.outcome != HOOK_OK)
			say("hook %s restored: %s", hooks.names[i], hook_detail(round, &run));
	}
	hooks_free(&hooks);
}

void round_restored(struct round *round)
{
	int err = leave_note(round->settings, NOTE_RESTORED);

	say("this guest was restored");
	if (err)
		say("cannot note in %s that hooks are called: %s", round->settings->state_dir,
		    strerror(-err));
	run_restored_hooks(round);
	/* Whoever ends the agent may have ended a hook with it. */
	if (!is_ending(round))
		remove_note(round->settings, NOTE_RESTORED);
}
