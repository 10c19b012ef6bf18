// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backing.h"
#include "clock.h"
#include "device.h"
#include "hold.h"
#include "slurp.h"
#include "text.h"

#define MOUNTINFO "/proc/self/mountinfo"
#define FILESYSTEMS "/proc/filesystems"

/* How often something may be mounted while the rest is frozen. */
#define PASSES_MAX 8

/**
 * struct view - the file systems that there are
 * @pseudo: text of FILESYSTEMS
 * @mounts: the table
 * @plan: made from it
 */
struct view {
	char *pseudo;
	struct mounts mounts;
	struct plan plan;
};

static void view_free(struct view *view)
{
	plan_free(&view->plan);
	mounts_free(&view->mounts);
	free(view->pseudo);
}

/* Returns 0 or a negative errno; view_free() always follows. */
static int view_get(struct view *view, const char *const *excludes)
{
	struct plan_rules rules = { .excludes = excludes, .backing = backing_find };
	int err;

	*view = (struct view){ 0 };
	err = slurp(FILESYSTEMS, &view->pseudo);
	if (err)
		return err;
	err = mounts_read(&view->mounts, MOUNTINFO);
	if (err)
		return err;
	rules.pseudo = view->pseudo;
	return plan_make(&view->plan, &view->mounts, &rules);
}

static const char *why_not(int err)
{
	switch (err) {
	case -EBUSY:
		return "somebody else has frozen it; thaw it with fsfreeze -u, or exclude it";
	case -EXDEV:
	case -ENOENT:
		return "another mount hides it; unmount that, or exclude it";
	case -EREMOTE:
		return "it is mounted below a network file system or FUSE; move it, or exclude it";
	case -ENOSPC:
		return "there are too many file systems";
	default:
		return strerror(-err);
	}
}

static void report_fs(struct round *round, const struct mount *mount, const char *outcome,
		      uint64_t us, const char *detail)
{
	const struct report_line line = {
		.kind = "fs",
		.outcome = outcome,
		.what = mount->type,
		.name = mount->point,
		.us = us,
		.detail = detail,
		.important = !strcmp(outcome, "failed"),
	};

	report_add(&round->report, &line);
}

static bool is_held(const struct round *round, const struct mount *mount)
{
	size_t i;

	for (i = 0; i < round->held_count; i++) {
		if (round->held[i].dev_major == mount->dev_major &&
		    round->held[i].dev_minor == mount->dev_minor)
			return true;
	}
	return false;
}

static void note_held(struct round *round, const struct mount *mount)
{
	if (round->held_count == STILLPOINT_HOLD_LIMIT)
		return;
	round->held[round->held_count].dev_major = mount->dev_major;
	round->held[round->held_count].dev_minor = mount->dev_minor;
	round->held_count++;
}

/*
 * Open the mount's own file or folder. A path that leads to or through a file system that waits
 * for others is not even tried: the hooks are in effect, and a dead server never answers.
 * Returns a descriptor or a negative errno: -EXDEV if another mount hides it, -EREMOTE if such a
 * file system is on the way.
 */
static int open_point(const struct mounts *mounts, const struct mount *mount, int flags)
{
	bool remote;
	int fd;

	if (plan_walk(mounts, mount->point, &remote) != mount)
		return -EXDEV;
	if (remote)
		return -EREMOTE;
	fd = open(mount->point, flags | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* By whichever of its mounts can be reached. */
static int hold_anywhere(const struct round *round, const struct mounts *mounts,
			 const struct mount *mount)
{
	int err = -ENOENT, fd;
	size_t i;

	for (i = 0; i < mounts->count; i++) {
		if (!mount_is_same_fs(&mounts->all[i], mount))
			continue;
		fd = open_point(mounts, &mounts->all[i], O_PATH);
		if (fd == -EREMOTE)
			err = fd;
		if (fd < 0)
			continue;
		err = device_hold(round->device, round->number, fd, mount);
		close(fd);
		if (err != -EXDEV)
			break;
	}
	return err;
}

/* Returns 0 also for what need not be held. */
static int hold_one(struct round *round, const struct mounts *mounts, const struct mount *mount)
{
	uint64_t start_us = clock_us(), us;
	int err = hold_anywhere(round, mounts, mount);

	us = clock_us() - start_us;
	switch (err) {
	case 0:
	case -EALREADY:
		note_held(round, mount);
		round->frozen = true;
		report_fs(round, mount, mount->read_only ? "read-only" : "frozen", us, NULL);
		return 0;
	case -EOPNOTSUPP:
		report_fs(round, mount, "unsupported", us,
			  mount->read_only ? "it is read-only" :
					     "this type of file system cannot be frozen");
		/* It is not looked at again. */
		note_held(round, mount);
		return 0;
	default:
		return err;
	}
}

/* On the first pass, one that cannot be reached may be gone: the next pass will tell. */
static int hold_plan(struct round *round, const struct view *view, bool first)
{
	size_t i;
	int err;

	for (i = 0; i < view->plan.freeze; i++) {
		const struct mount *mount = view->plan.all[i].mount;

		if (is_held(round, mount))
			continue;
		err = hold_one(round, &view->mounts, mount);
		if (!err || (first && (err == -ENOENT || err == -EXDEV)))
			continue;
		if (err != -ESTALE)
			report_fs(round, mount, "failed", 0, why_not(err));
		return err;
	}
	return 0;
}

static bool is_complete(const struct round *round, const struct view *view)
{
	size_t i;

	for (i = 0; i < view->plan.freeze; i++) {
		if (!is_held(round, view->plan.all[i].mount))
			return false;
	}
	return true;
}

static void report_others(struct round *round, const struct plan *plan)
{
	static const char *const outcomes[] = {
		[PLAN_EXCLUDED] = "excluded",
		[PLAN_NETWORK] = "network",
		[PLAN_USERSPACE] = "userspace",
	};
	char detail[64];
	const struct report_line line = {
		.kind = "fs",
		.outcome = "pseudo",
		.what = "-",
		.name = "-",
		.detail = detail,
	};
	unsigned int pseudo = 0;
	size_t i;

	for (i = plan->freeze; i < plan->count; i++) {
		if (plan->all[i].class == PLAN_PSEUDO)
			pseudo++;
		else
			report_fs(round, plan->all[i].mount, outcomes[plan->all[i].class], 0, NULL);
	}
	snprintf(detail, sizeof(detail), "%u without a disk", pseudo);
	report_add(&round->report, &line);
}

/* Who asked dom0 for it believes that it is left alone, but it is a folder of another. */
static void report_unused(struct round *round, const struct plan *plan)
{
	const char *const *path = round->excludes + round->settings->exclude_count;
	char detail[STILLPOINT_EXCLUDES_BYTES + 64];

	for (; *path; path++) {
		if (**path != '/' || plan_has_path(plan, *path))
			continue;
		snprintf(detail, sizeof(detail), "nothing to exclude is mounted at '%s'", *path);
		report_warn(&round->report, detail, false);
	}
}

static void write_out_one(const struct mounts *mounts, const struct mount *mount)
{
	int fd = -1;
	size_t i;

	for (i = 0; fd < 0 && i < mounts->count; i++) {
		if (mount_is_same_fs(&mounts->all[i], mount))
			fd = open_point(mounts, &mounts->all[i], O_RDONLY | O_DIRECTORY);
	}
	if (fd < 0)
		return;
	syncfs(fd);
	close(fd);
}

/* What is written before anything is frozen keeps nobody waiting. */
static void write_out(const struct plan *plan)
{
	size_t i;

	for (i = 0; i < plan->freeze; i++)
		write_out_one(plan->mounts, plan->all[i].mount);
}

/* One look at the table. Returns 0, 1 if another is needed, or a negative errno. */
static int hold_pass(struct round *round, bool first)
{
	struct view view;
	int err = view_get(&view, round->excludes);

	if (err)
		goto out;
	if (first) {
		report_others(round, &view.plan);
		report_unused(round, &view.plan);
		write_out(&view.plan);
	} else if (is_complete(round, &view)) {
		goto out;
	}
	err = hold_plan(round, &view, first);
	if (!err)
		err = 1;
out:
	view_free(&view);
	return err;
}

int hold_all(struct round *round)
{
	int pass, again = 1;

	for (pass = 0; again == 1 && pass < PASSES_MAX; pass++)
		again = hold_pass(round, !pass);
	if (again == 1)
		return -EAGAIN;
	if (!again && !round->frozen)
		return -ENOENT;
	return again;
}

static void report_unknown(struct round *round)
{
	const struct report_line line = {
		.kind = "fs",
		.outcome = "failed",
		.what = "-",
		.name = "-",
		.detail = "the table of mounts could not be read while all was frozen",
		.important = true,
	};

	report_add(&round->report, &line);
}

bool hold_misses_one(struct round *round)
{
	bool misses = false;
	struct view view;
	size_t i;

	if (view_get(&view, round->excludes)) {
		report_unknown(round);
		misses = true;
	}
	for (i = 0; !misses && i < view.plan.freeze; i++) {
		const struct mount *mount = view.plan.all[i].mount;

		misses = !mount->read_only && !is_held(round, mount);
		if (misses)
			report_fs(round, mount, "failed", 0, "it was mounted while all was frozen");
	}
	view_free(&view);
	return misses;
}

int hold_list(const struct settings *settings)
{
	static const char *const words[] = {
		[PLAN_FREEZE] = "freeze",   [PLAN_EXCLUDED] = "excluded",
		[PLAN_NETWORK] = "network", [PLAN_USERSPACE] = "userspace",
		[PLAN_PSEUDO] = "pseudo",
	};
	struct view view;
	int err = view_get(&view, settings->excludes);
	char point[1024];
	size_t i;

	for (i = 0; !err && i < view.plan.count; i++) {
		text_escape(point, sizeof(point), view.plan.all[i].mount->point);
		printf("%s\t%s\t%s\n", words[view.plan.all[i].class], view.plan.all[i].mount->type,
		       point);
	}
	view_free(&view);
	return err;
}
