/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A folder that stands under its name only when it is complete and on disk. Until then it is a
 * hidden sibling, which the next folder of that name removes if our process was killed. Only its
 * owner may look in.
 */
#ifndef STILLPOINT_FOLDER_H
#define STILLPOINT_FOLDER_H

#include <limits.h>
#include <stdbool.h>

/**
 * struct folder - one that is being filled
 * @path: as given, for messages
 * @dir: the directory that it is in, open
 * @fd: itself, open
 * @name: last component of @path
 * @temp: what it is called meanwhile, "" if it is not there
 * @full: the same, as an absolute path
 */
struct folder {
	const char *path;
	int dir;
	int fd;
	char name[256];
	char temp[320];
	char full[PATH_MAX];
};

/*
 * Begin a folder for @path, which must stay valid and may not exist. Returns 0, or -1 with an
 * error recorded; folder_close() is due either way.
 */
int folder_begin(struct folder *folder, const char *path);

/*
 * Bring all that is in it to disk and give it its name. Returns 0, or -1 with an error recorded;
 * then it has no name, unless the error says that it stays.
 */
int folder_publish(struct folder *folder);

/* Close; a folder that was not published is removed. */
void folder_close(struct folder *folder);

#endif /* STILLPOINT_FOLDER_H */
