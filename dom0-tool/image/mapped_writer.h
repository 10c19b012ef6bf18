/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mapped layout: each page at a place of its own, written there again if it comes
 * again, so that the file has a size that is known beforehand. Memory: 16 bytes for each
 * pfn, and what an ioqueue has.
 */
#ifndef STILLPOINT_MAPPED_WRITER_H
#define STILLPOINT_MAPPED_WRITER_H

#include "image.h"
#include "ioqueue.h"

/* Offset of the first place. */
#define MAPPED_DATA 4096u

/* Places in one PLACES section: 1 MiB of them. */
#define MAPPED_SECTION_PLACES 65536u

/*
 * @io is a test's, or NULL. The output must be a file, of which this writes all. Returns
 * NULL with an error recorded.
 */
struct image *mapped_writer_new(struct output *out, const struct image_options *opts,
				const struct ioqueue_options *io);

/* What no image is larger than, see image_bytes(). */
uint64_t mapped_writer_bytes(const struct image_options *opts, uint64_t pfns, uint64_t vcpus,
			     uint64_t config);

#endif /* STILLPOINT_MAPPED_WRITER_H */
