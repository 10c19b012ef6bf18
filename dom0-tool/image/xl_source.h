/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading an image in xl's layout. One that Stillpoint wrote must match its trailer,
 * so that any change of any bit is found; one of `xl save` has no digest and is
 * checked for its structure. Of an HVM guest's the structure is checked, and it is
 * passed on to nobody.
 */
#ifndef STILLPOINT_XL_SOURCE_H
#define STILLPOINT_XL_SOURCE_H

#include "source.h"

/* Returns NULL with an error recorded. */
struct source *xl_source_new(void);

/* Offset of the byte behind xl's header and optional data, once it was pumped. */
uint64_t xl_source_stream(const struct source *src);

#endif /* STILLPOINT_XL_SOURCE_H */
