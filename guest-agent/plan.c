// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

static const char *const network_types[] = {
	"9p",  "afs",  "beegfs",   "ceph", "cifs",  "coda",   "lustre", "ncpfs",
	"nfs", "nfs4", "orangefs", "smb3", "smbfs", "vboxsf", NULL,
};

/* They have disks of their own, though the kernel mounts them without naming one. */
static const char *const disk_types[] = { "ubifs", "zfs", NULL };

/**
 * struct order - how the entries depend on each other
 * @plan: of which the entries are
 * @from: the entry that is looked at
 * @before: @before[a * count + b]: entry a is to be frozen before entry b
 */
struct order {
	const struct plan *plan;
	size_t from;
	bool *before;
};

static bool is_one_of(const char *word, const char *const *list)
{
	for (; list && *list; list++) {
		if (!strcmp(word, *list))
			return true;
	}
	return false;
}

/* True if @type is on a line "nodev\tTYPE" of @pseudo. */
static bool is_pseudo(const char *pseudo, const char *type)
{
	static const char mark[] = "nodev\t";
	size_t length = strlen(type);

	for (; pseudo && *pseudo; pseudo += strcspn(pseudo, "\n"), pseudo += *pseudo == '\n') {
		const char *name = pseudo + sizeof(mark) - 1;

		if (strncmp(pseudo, mark, sizeof(mark) - 1) || strncmp(name, type, length))
			continue;
		if (name[length] == '\n' || !name[length])
			return true;
	}
	return false;
}

/* A path means the same with slashes behind it. */
static bool is_path(const char *path, const char *point)
{
	size_t length = strlen(point);

	if (strncmp(path, point, length))
		return false;
	return !path[length + strspn(path + length, "/")];
}

static bool is_one_of_paths(const char *point, const char *const *list)
{
	for (; list && *list; list++) {
		if (is_path(*list, point))
			return true;
	}
	return false;
}

/* Wherever it is mounted. */
static bool is_excluded(const struct mounts *mounts, const struct mount *mount,
			const char *const *excludes)
{
	size_t i;

	if (is_one_of(mount->type, excludes))
		return true;
	for (i = 0; i < mounts->count; i++) {
		if (mount_is_same_fs(&mounts->all[i], mount) &&
		    is_one_of_paths(mounts->all[i].point, excludes))
			return true;
	}
	return false;
}

static bool is_network(const char *type)
{
	return is_one_of(type, network_types);
}

static bool is_userspace(const char *type)
{
	return !strcmp(type, "fuseblk") || !strcmp(type, "fuse") || !strncmp(type, "fuse.", 5) ||
	       !strcmp(type, "virtiofs");
}

static enum plan_class classify(const struct mounts *mounts, const struct mount *mount,
				const struct plan_rules *rules)
{
	if (is_network(mount->type))
		return PLAN_NETWORK;
	if (is_userspace(mount->type))
		return PLAN_USERSPACE;
	if (is_pseudo(rules->pseudo, mount->type) && !is_one_of(mount->type, disk_types))
		return PLAN_PSEUDO;
	if (is_excluded(mounts, mount, rules->excludes))
		return PLAN_EXCLUDED;
	return PLAN_FREEZE;
}

/* Whether @path is @point or below it. */
static bool is_under(const char *path, const char *point)
{
	size_t length = strlen(point);

	return !strncmp(path, point, length) && (path[length] == '/' || !path[length]);
}

static bool is_on(const struct mounts *mounts, const struct mount *mount, const struct mount *on)
{
	if (mount == on)
		return false;
	/* Only one mount is not in the table but has others on it: that of a changed root. */
	return on ? mount->parent == on->id : !mounts_by_id(mounts, mount->parent);
}

/*
 * Where a walk along @path leaves the mount @on: at what is mounted there nearest to the root.
 * A walk begins at the root itself, whatever is mounted over that.
 */
static const struct mount *next_on_way(const struct mounts *mounts, const struct mount *on,
				       const char *path)
{
	const struct mount *next = NULL;
	size_t i;

	for (i = 0; i < mounts->count; i++) {
		const struct mount *mount = &mounts->all[i];

		if (!strcmp(mount->point, "/") || !is_on(mounts, mount, on) ||
		    !is_under(path, mount->point))
			continue;
		if (!next || strlen(mount->point) < strlen(next->point))
			next = mount;
	}
	return next;
}

/* The root, NULL if it is a folder of a mount that is not in the table. */
static const struct mount *find_root(const struct mounts *mounts)
{
	size_t i;

	for (i = 0; i < mounts->count; i++) {
		const struct mount *mount = &mounts->all[i];

		if (!strcmp(mount->point, "/") &&
		    (mount->parent == mount->id || !mounts_by_id(mounts, mount->parent)))
			return mount;
	}
	return NULL;
}

const struct mount *plan_walk(const struct mounts *mounts, const char *path, bool *remote)
{
	const struct mount *on = find_root(mounts), *next;
	size_t steps;

	*remote = false;
	/* A table that changed as it was read may have a circle. */
	for (steps = 0; steps < mounts->count; steps++) {
		next = next_on_way(mounts, on, path);
		if (!next)
			break;
		on = next;
		if (is_network(on->type) || is_userspace(on->type))
			*remote = true;
	}
	return on;
}

bool plan_has_path(const struct plan *plan, const char *path)
{
	size_t i;

	for (i = 0; i < plan->mounts->count; i++) {
		if (is_path(path, plan->mounts->all[i].point))
			return true;
	}
	return false;
}

const struct plan_entry *plan_find(const struct plan *plan, const struct mount *mount)
{
	size_t i;

	for (i = 0; i < plan->count; i++) {
		if (mount_is_same_fs(plan->all[i].mount, mount))
			return &plan->all[i];
	}
	return NULL;
}

/* Each file system where it was mounted first. */
static void collect(struct plan *plan, const struct plan_rules *rules)
{
	const struct mounts *mounts = plan->mounts;
	size_t i;

	for (i = 0; i < mounts->count; i++) {
		const struct mount *mount = &mounts->all[i];

		if (plan_find(plan, mount))
			continue;
		plan->all[plan->count].mount = mount;
		plan->all[plan->count].class = classify(mounts, mount, rules);
		plan->freeze += plan->all[plan->count].class == PLAN_FREEZE;
		plan->count++;
	}
}

static void note_backing(void *to, const struct mount *backing)
{
	struct order *order = to;
	const struct plan_entry *entry = plan_find(order->plan, backing);

	if (entry)
		order->before[order->from * order->plan->count +
			      (size_t)(entry - order->plan->all)] = true;
}

static void note_all(struct order *order, const struct plan_rules *rules)
{
	const struct plan *plan = order->plan;

	for (order->from = 0; order->from < plan->count; order->from++) {
		if (rules->backing && plan->all[order->from].class == PLAN_FREEZE)
			rules->backing(plan->mounts, plan->all[order->from].mount, note_backing,
				       order);
	}
}

/* Nothing that is still to come must be before entry @i. */
static bool is_free(const struct order *order, const bool *placed, size_t i)
{
	size_t count = order->plan->count, other;

	for (other = 0; other < count; other++) {
		if (other != i && !placed[other] && order->before[other * count + i])
			return false;
	}
	return true;
}

/* The next one to be frozen: the last mounted that is free, or the last of a circle. */
static size_t choose(const struct order *order, const bool *placed)
{
	size_t count = order->plan->count, i, fallback = count;

	for (i = count; i--;) {
		if (placed[i] || order->plan->all[i].class != PLAN_FREEZE)
			continue;
		if (is_free(order, placed, i))
			return i;
		if (fallback == count)
			fallback = i;
	}
	return fallback;
}

static void sort(const struct order *order, bool *placed, struct plan_entry *to)
{
	const struct plan *plan = order->plan;
	size_t used = 0, i;

	while (used < plan->freeze) {
		i = choose(order, placed);
		placed[i] = true;
		to[used++] = plan->all[i];
	}
	for (i = 0; i < plan->count; i++) {
		if (!placed[i])
			to[used++] = plan->all[i];
	}
}

int plan_make(struct plan *plan, const struct mounts *mounts, const struct plan_rules *rules)
{
	size_t room = mounts->count + 1;
	struct plan_entry *sorted = calloc(room, sizeof(*sorted));
	bool *placed = calloc(room, sizeof(*placed));
	struct order order = { .plan = plan, .before = NULL };
	int err = -ENOMEM;

	*plan = (struct plan){ .mounts = mounts, .all = calloc(room, sizeof(*plan->all)) };
	if (!sorted || !placed || !plan->all)
		goto out;
	collect(plan, rules);
	order.before = calloc(plan->count + 1, plan->count + 1);
	if (!order.before)
		goto out;
	note_all(&order, rules);
	sort(&order, placed, sorted);
	free(plan->all);
	plan->all = sorted;
	sorted = NULL;
	err = 0;
out:
	free(order.before);
	free(placed);
	free(sorted);
	return err;
}

void plan_free(struct plan *plan)
{
	free(plan->all);
	*plan = (struct plan){ 0 };
}
