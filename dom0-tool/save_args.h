/* SPDX-License-Identifier: GPL-2.0 */
/* The command line of save. */
#ifndef STILLPOINT_SAVE_ARGS_H
#define STILLPOINT_SAVE_ARGS_H

#include "image_args.h"
#include "save.h"

/**
 * struct save_args - the command line
 * @freeze: what --quiesce asks for
 * @hook: what --disk-hook asks for
 * @print_size: only tell how large the image can become
 */
struct save_args {
	struct save_options opts;
	struct image_args image;
	struct freeze_options freeze;
	struct disk_hook hook;
	const char *domain;
	bool print_size;
	bool json;
	bool verbose;
	bool help;
};

/* Returns 0, or CMD_USAGE after a message. */
int save_args_parse(struct save_args *args, int argc, char **argv);

/* What --help shows. */
extern const char save_help[];

#endif /* STILLPOINT_SAVE_ARGS_H */
