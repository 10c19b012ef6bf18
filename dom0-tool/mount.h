/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file systems of a backup as a tree. At the mount point is a small file system of our
 * own, with a folder for each of the guest's, "xvda" or "xvda1"; none of it can be written to.
 */
#ifndef STILLPOINT_MOUNT_H
#define STILLPOINT_MOUNT_H

#include <json-c/json.h>

/*
 * Mount the backup @path at @target, an existing directory. @list, an array, gets an object for
 * each file system. Returns 0, or -1 with an error recorded and nothing mounted.
 */
int mount_backup(const char *path, const char *target, struct json_object *list);

/* Unmount what mount_backup() mounted at @target. Returns 0 or -1, recorded. */
int mount_end(const char *target);

#endif /* STILLPOINT_MOUNT_H */
