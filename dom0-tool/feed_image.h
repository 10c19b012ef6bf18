/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An image of any layout, from a file or a pipe, through a pipe in xl's layout. It is
 * checked while it is read; the end of xl's stream is only written when all of it was right,
 * so that of a damaged image no domain comes to run.
 */
#ifndef STILLPOINT_FEED_IMAGE_H
#define STILLPOINT_FEED_IMAGE_H

#include <stdbool.h>

#include "feed.h"
#include "image/source.h"
#include "pool_import.h"

/**
 * struct feed_image - a process that reads an image and writes it into a pipe
 * @feed: the pipe
 * @talk: a socket to the process
 */
struct feed_image {
	struct feed feed;
	int talk;
};

/**
 * struct feed_image_result - what was in the image
 * @pages: that a restore makes
 * @tmem_pages: pages in tmem pools
 * @token: of the pools in the store, which wait to be bound; 0 if there are none
 * @digest: it has one
 */
struct feed_image_result {
	uint64_t pages;
	uint64_t tmem_pages;
	uint64_t token;
	bool digest;
};

/*
 * Begin to read the image @fd. Only secret, must_decrypt and threads of @opts are looked at.
 * Its tmem pools go to @imp, which nobody else uses meanwhile; NULL refuses them. Returns 0,
 * or -1 with an error recorded and nothing left to stop.
 */
int feed_image_start(struct feed_image *f, int fd, const struct source_options *opts,
		     struct pool_import *imp);

/*
 * Wait for the configuration, which stands in front: *config, free() it. It goes no
 * further until feed_image_go(). 0, or -1 with the error recorded that was found in the
 * image.
 */
int feed_image_config(struct feed_image *f, char **config);

/* Have all written, with the configuration @config, or its own if NULL. 0 or -1, recorded. */
int feed_image_go(struct feed_image *f, const char *config);

/*
 * The reader of the pipe is done, and did its work or @failed. Returns 0 with *res
 * filled in; 1 if it failed, and not for want of a right image; -1 if the image was not
 * right, with the error recorded in place of any that there was.
 */
int feed_image_end(struct feed_image *f, bool failed, struct feed_image_result *res);

/* End the process, whether or not all was read. */
void feed_image_stop(struct feed_image *f);

#endif /* STILLPOINT_FEED_IMAGE_H */
