/* SPDX-License-Identifier: GPL-2.0 */
/* Options of commands that write an image: its layout, compression and key. */
#ifndef STILLPOINT_IMAGE_ARGS_H
#define STILLPOINT_IMAGE_ARGS_H

#include "image/image.h"

/**
 * struct image_args - what was given
 * @layout: NULL for the command's default; so on
 */
struct image_args {
	const char *layout;
	const char *compress;
	const char *key_file;
};

/*
 * Fill in the layout and compression of @opts. @path is where the image goes, @key_option
 * the name of the option that @key_file came with. Returns 0, or CMD_USAGE after a message.
 */
int image_args_parse(const struct image_args *args, enum image_layout layout, const char *path,
		     const char *key_option, struct image_options *opts);

/*
 * Read the key file, if there is one, into @secret, and let @opts point to it.
 * crypt_free_secret() is due. 0 or -1, recorded.
 */
int image_args_read_key(const struct image_args *args, struct crypt_secret *secret,
			struct image_options *opts);

#endif /* STILLPOINT_IMAGE_ARGS_H */
