/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The packed layout of <stillpoint/image.h>: frames of compressed pages, written from
 * front to back, so that a pipe will do.
 */
#ifndef STILLPOINT_PACKED_WRITER_H
#define STILLPOINT_PACKED_WRITER_H

#include "image.h"

/*
 * Memory: about two MiB for each of the frames under way, of which there are two for
 * each thread and two; one MiB for each thread; a byte for each pfn, and 4 more if it is
 * readable; 32 bytes for each frame of the image; and @out's. Returns NULL with an error
 * recorded.
 */
struct image *packed_writer_new(struct output *out, const struct image_options *opts);

/* An upper bound of the image's bytes without its configuration and vCPUs. */
uint64_t packed_writer_bytes(uint64_t pages, uint64_t pfns, uint64_t vcpus);

#endif /* STILLPOINT_PACKED_WRITER_H */
