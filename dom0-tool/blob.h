/* SPDX-License-Identifier: GPL-2.0 */
/* Bytes whose meaning is the hypervisor's. Owned by whoever holds the blob. */
#ifndef STILLPOINT_BLOB_H
#define STILLPOINT_BLOB_H

#include <stddef.h>
#include <stdlib.h>

struct blob {
	void *data;
	size_t size;
};

static inline void blob_free(struct blob *b)
{
	free(b->data);
	b->data = NULL;
	b->size = 0;
}

#endif /* STILLPOINT_BLOB_H */
