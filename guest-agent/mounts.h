/* SPDX-License-Identifier: GPL-2.0 */
/* The table of mounts, from /proc/self/mountinfo (see proc(5)). */
#ifndef AGENT_MOUNTS_H
#define AGENT_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct mount - one line
 * @id: of the mount
 * @parent: id of the mount that it is mounted on, which need not be in the table
 * @dev_major: of the file system
 * @dev_minor: of the file system
 * @point: where it is mounted
 * @type: of the file system
 * @source: what is mounted, a device or any word
 * @read_only: the file system is, not only this mount of it
 */
struct mount {
	unsigned int id;
	unsigned int parent;
	unsigned int dev_major;
	unsigned int dev_minor;
	char *point;
	char *type;
	char *source;
	bool read_only;
};

/**
 * struct mounts - a table, in the order of mounting
 * @text: what the strings of @all lie in
 * @all: the mounts
 * @count: of them
 */
struct mounts {
	char *text;
	struct mount *all;
	size_t count;
};

/*
 * Parse @text, which is taken over and must be free()able, also on an error. Returns 0,
 * -EINVAL for a line that is none, or -ENOMEM. mounts_free() always follows.
 */
int mounts_parse(struct mounts *mounts, char *text);

/* Read and parse @path. Returns 0 or a negative errno. mounts_free() always follows. */
int mounts_read(struct mounts *mounts, const char *path);

void mounts_free(struct mounts *mounts);

/* The mount with @id, NULL if there is none. */
const struct mount *mounts_by_id(const struct mounts *mounts, unsigned int id);

bool mount_is_same_fs(const struct mount *a, const struct mount *b);

#endif /* AGENT_MOUNTS_H */
