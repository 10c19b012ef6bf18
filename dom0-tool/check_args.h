/* SPDX-License-Identifier: GPL-2.0 */
/* The command line of commands that check an image and tell what they found. */
#ifndef STILLPOINT_CHECK_ARGS_H
#define STILLPOINT_CHECK_ARGS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct check_args - what was given
 * @path: of the image; NULL with @help
 * @key_file: NULL for none
 */
struct check_args {
	const char *path;
	const char *key_file;
	uint64_t threads;
	bool json;
	bool help;
};

/* Returns 0, or CMD_USAGE after a message. */
int check_args_parse(struct check_args *args, int argc, char **argv);

#endif /* STILLPOINT_CHECK_ARGS_H */
