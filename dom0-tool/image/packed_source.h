/* SPDX-License-Identifier: GPL-2.0 */
/* Reading the packed layout of <stillpoint/image.h>, from a file or a pipe. */
#ifndef STILLPOINT_PACKED_SOURCE_H
#define STILLPOINT_PACKED_SOURCE_H

#include "source.h"

/*
 * A source whose fd, seekable, opts, peeked and npeeked the caller fills in. Memory:
 * header.frame_bytes, and as much again if it is compressed, for each frame under way,
 * of which there are 8 and two for each thread; a byte for each pfn; 32 bytes for each
 * frame. NULL with an error recorded.
 */
struct source *packed_source_new(void);

#endif /* STILLPOINT_PACKED_SOURCE_H */
