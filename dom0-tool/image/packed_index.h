/* SPDX-License-Identifier: GPL-2.0 */
/* The index of a packed image: 32 bytes for each PAGES and P2M section. */
#ifndef STILLPOINT_PACKED_INDEX_H
#define STILLPOINT_PACKED_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include <stillpoint/image.h>

/* Entries in an INDEX section: 2 MiB. */
#define PACKED_INDEX_ENTRIES 65536u

/**
 * struct packed_index - the entries so far, in order
 * @n: their number
 * @checked: how many of them were compared to an INDEX section
 */
struct packed_index {
	struct stillpoint_index_entry *entries;
	size_t n;
	size_t room;
	size_t checked;
};

/* Returns 0 or -1, recorded. */
int packed_index_add(struct packed_index *index, const struct stillpoint_index_entry *entry);

/* Compare the body of an INDEX section to what comes next. Returns 0 or -1, recorded. */
int packed_index_check(struct packed_index *index, const void *body, size_t size, uint64_t offset);

/* There is no further INDEX. Returns 0 or -1, recorded. */
int packed_index_check_end(const struct packed_index *index);

void packed_index_free(struct packed_index *index);

#endif /* STILLPOINT_PACKED_INDEX_H */
