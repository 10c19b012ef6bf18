/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checking an image in xl's layout wholly before anything is done with it. One
 * that Stillpoint wrote must also match its trailer, so that any change of any bit
 * is found; one of `xl save` has no digest and is checked for its structure.
 */
#ifndef STILLPOINT_CHECK_H
#define STILLPOINT_CHECK_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct image_info - a checked image
 * @marked: Stillpoint wrote it, and its digest matches
 * @hvm: of an HVM guest
 * @config: its JSON configuration, NULL if it has none in that form; free() it
 * @mandatory_flags: of xl's header
 * @stream: offset of the byte behind xl's header and optional data
 * @pages: pages with data
 */
struct image_info {
	bool marked;
	bool hvm;
	char *config;
	uint32_t mandatory_flags;
	uint64_t stream;
	uint64_t pages;
};

/*
 * Check the regular file @fd. Returns 0, or -1 with an error recorded that tells
 * apart what is no image, what is cut short and what is damaged, with offsets.
 */
int image_check(int fd, struct image_info *info);

#endif /* STILLPOINT_CHECK_H */
