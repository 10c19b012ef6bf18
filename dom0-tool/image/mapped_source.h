/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading the mapped layout, from a regular file. Memory: 16 bytes for each pfn, and what
 * an ioqueue has. All sections are checked before a page is passed on.
 */
#ifndef STILLPOINT_MAPPED_SOURCE_H
#define STILLPOINT_MAPPED_SOURCE_H

#include "ioqueue.h"
#include "source.h"

/*
 * What source_open() is to complete for a mapped image. @io is a test's, or NULL. NULL with
 * an error recorded.
 */
struct source *mapped_source_new(const struct ioqueue_options *io);

#endif /* STILLPOINT_MAPPED_SOURCE_H */
