/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parts of tmem pools that have to wait until the rest of an image is written. They are
 * in a file without a name, beside the image, not in memory.
 */
#ifndef STILLPOINT_TMEM_SPOOL_H
#define STILLPOINT_TMEM_SPOOL_H

#include <stdint.h>

#include <xxhash.h>

#include "image.h"

/**
 * struct tmem_spool - the parts so far
 * @fd: of the file; -1 until there is a part
 * @size: of the file
 * @at: of the part that is read next
 * @written: over all bytes that were written; NULL until there is a part
 * @read: the same over those that were read
 */
struct tmem_spool {
	int fd;
	uint64_t size;
	uint64_t at;
	XXH3_state_t *written;
	XXH3_state_t *read;
};

void tmem_spool_init(struct tmem_spool *spool);

void tmem_spool_free(struct tmem_spool *spool);

/* Add a copy of @part. @out tells where the image is. 0 or -1, recorded. */
int tmem_spool_add(struct tmem_spool *spool, const struct output *out,
		   const struct image_tmem *part);

/*
 * The next part, from the first on; part->body is the caller's to free(). Returns 1,
 * 0 if there is none, or -1 with an error recorded. Only 0 says that the parts are those that
 * were added.
 */
int tmem_spool_next(struct tmem_spool *spool, struct image_tmem *part);

#endif /* STILLPOINT_TMEM_SPOOL_H */
