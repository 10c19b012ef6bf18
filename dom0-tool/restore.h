/* SPDX-License-Identifier: GPL-2.0 */
/* Restoring a domain: image -> check -> xl. */
#ifndef STILLPOINT_RESTORE_H
#define STILLPOINT_RESTORE_H

#include <stdbool.h>
#include <stdint.h>

#include "feed_image.h"
#include "input.h"
#include "pool_import.h"
#include "xen.h"

/**
 * struct restore_disk - where a disk is, whatever the configuration says
 * @format: "raw" or "qcow2"
 */
struct restore_disk {
	const char *vdev;
	const char *path;
	const char *format;
};

/**
 * struct restore - what is asked for, and what becomes of it
 * @path: of the image; "-" is standard input
 * @name: to give to the domain, NULL for the image's; so on
 * @xlcfg: a file in xl's format that takes the place of the configuration
 * @disks: where disks are of which the configuration may say something else
 * @ndisks: of these
 * @image: the image's own configuration; NULL if it has none
 * @config: configuration to feed xl, NULL to let it read the image's own
 * @domain: name that the domain will have
 * @tmem_path: of the side file, NULL for none
 * @import: the image's tmem pools, if it has any
 * @feed: passes the image on; its talk is -1 if xl reads the image itself
 * @found: what was in the image
 * @left: xl may have left a domain behind that is not wanted
 */
struct restore {
	const char *path;
	const char *name;
	const char *xlcfg;
	const char *key_file;
	const char *tmem_path;
	uint64_t threads;
	bool paused;
	bool verbose;
	const struct restore_disk *disks;
	size_t ndisks;
	struct input in;
	char *image;
	char *config;
	char *domain;
	struct pool_import import;
	struct feed_image feed;
	struct feed_image_result found;
	bool left;
	struct xen xen;
};

/* Prepare, with nothing asked for. restore_free() is due. */
void restore_init(struct restore *r);

/*
 * Restore as asked for; *domid becomes the new domain. It does not run unless all of the
 * image was right. 0 or -1, recorded.
 */
int restore_run(struct restore *r, uint32_t *domid);

/*
 * Read all of the image and see if it could be restored as asked for, if no domain has the name
 * *domain. free() that, which may be NULL after a failure. Nothing is made. 0 or -1, recorded.
 */
int restore_try(const struct restore *r, char **domain);

void restore_free(struct restore *r);

#endif /* STILLPOINT_RESTORE_H */
