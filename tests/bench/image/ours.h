/* SPDX-License-Identifier: GPL-2.0 */
/* The tool's own save and load, without Xen: a machine of tests/unit/domain_file.h. */
#ifndef STILLPOINT_BENCH_OURS_H
#define STILLPOINT_BENCH_OURS_H

#include "image/image.h"
#include "usage.h"

/* Layout and compression: "xl", "mapped", or "packed" with ":" and a codec behind it. 0 or -1. */
int ours_parse(const char *text, struct image_options *image);

/*
 * Save the guest in the file @memory to @path with save_run(): all pages while it
 * runs, what changed at its park. 0 or -1, recorded.
 */
int ours_save(const char *memory, const struct image_options *image, const char *path,
	      struct usage *usage);

/* Read @path into the file @memory, which is new. 0 or -1, recorded. */
int ours_load(const char *path, const char *memory, struct usage *usage);

#endif /* STILLPOINT_BENCH_OURS_H */
