/* SPDX-License-Identifier: GPL-2.0 */
/* Which file systems are to be frozen, in which order, and why others are not. */
#ifndef AGENT_PLAN_H
#define AGENT_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "mounts.h"

enum plan_class {
	PLAN_FREEZE,	/* it is to be frozen */
	PLAN_EXCLUDED,	/* somebody does not want it */
	PLAN_NETWORK,	/* its disk is another machine's */
	PLAN_USERSPACE, /* a process serves it, which may wait for one that is frozen */
	PLAN_PSEUDO,	/* it has no disk */
};

/**
 * struct plan_entry - one file system
 * @mount: where it was mounted first
 * @class: what is to be done with it
 */
struct plan_entry {
	const struct mount *mount;
	enum plan_class class;
};

/**
 * struct plan - all file systems, each once
 * @mounts: what it was made from
 * @all: those to be frozen first, in their order; then the others
 * @count: of them
 * @freeze: how many are to be frozen
 */
struct plan {
	const struct mounts *mounts;
	struct plan_entry *all;
	size_t count;
	size_t freeze;
};

/**
 * struct plan_rules - what plan_make() goes by
 * @pseudo: the types of file systems without a block device, as /proc/filesystems has them:
 *	lines "nodev\tTYPE"
 * @excludes: an absolute path is where one is mounted, and may end with slashes; anything
 *	else is a type; NULL at the end
 * @backing: calls @found with @to for each file system that the disk of @mount is a file in
 *	(a loop device); NULL for none
 */
struct plan_rules {
	const char *pseudo;
	const char *const *excludes;
	void (*backing)(const struct mounts *mounts, const struct mount *mount,
			void (*found)(void *to, const struct mount *backing), void *to);
};

/*
 * Make a plan: in reverse order of mounting, but a file system before the one that its disk
 * is a file in. @mounts must stay. Returns 0 or -ENOMEM; plan_free() always follows.
 */
int plan_make(struct plan *plan, const struct mounts *mounts, const struct plan_rules *rules);

void plan_free(struct plan *plan);

/* The entry of @plan for the file system of @mount, NULL if there is none. */
const struct plan_entry *plan_find(const struct plan *plan, const struct mount *mount);

/*
 * The mount in which a walk along @path ends, which is absolute and has no symbolic links;
 * NULL if that is not in the table. *remote: on the way, the root apart, is a file system that
 * waits for another machine or for a process, so that the walk may not end.
 */
const struct mount *plan_walk(const struct mounts *mounts, const char *path, bool *remote);

/* Whether a file system is mounted at @path, which may end with slashes. */
bool plan_has_path(const struct plan *plan, const char *path);

#endif /* AGENT_PLAN_H */
