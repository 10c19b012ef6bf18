/* SPDX-License-Identifier: GPL-2.0 */
/* Reading images that are in memory, as files and as pipes. */
#ifndef STILLPOINT_PUMP_H
#define STILLPOINT_PUMP_H

#include <stddef.h>
#include <stdint.h>

#include "image/source.h"

/* How the tests read unless they say otherwise; @secret and so on may be changed. */
struct source_options pump_options(const struct crypt_secret *secret);

/* A file of these bytes without a name. close() it. */
int pump_file(const void *bytes, size_t size);

/* Read all of @fd into @to, which may be NULL. @info, unless NULL, has no config. 0 or -1. */
int pump_fd(int fd, const struct source_options *opts, struct image *to, struct source_info *info);

/* The same with bytes in memory: as a file, and through a pipe. */
int pump_bytes(const void *bytes, size_t size, const struct source_options *opts, struct image *to,
	       struct source_info *info);
int pump_pipe(const void *bytes, size_t size, const struct source_options *opts, struct image *to,
	      struct source_info *info);

#endif /* STILLPOINT_PUMP_H */
