// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "packed_index.h"

_Static_assert(sizeof(struct stillpoint_index_entry) == 32, "index entry");

int packed_index_add(struct packed_index *index, const struct stillpoint_index_entry *entry)
{
	struct stillpoint_index_entry *entries;
	size_t room = index->room ? 2 * index->room : 256;

	if (index->n == index->room) {
		entries = realloc(index->entries, room * sizeof(*entries));
		if (!entries)
			return msg_error("out of memory for an index of %zu entries", room);
		index->entries = entries;
		index->room = room;
	}
	index->entries[index->n++] = *entry;
	return 0;
}

int packed_index_check(struct packed_index *index, const void *body, size_t size, uint64_t offset)
{
	size_t n = size / sizeof(*index->entries);

	if (!n || size % sizeof(*index->entries) || n > index->n - index->checked)
		return msg_error("the image is damaged: a wrong size in INDEX at offset %llu",
				 (unsigned long long)offset);
	if (memcmp(index->entries + index->checked, body, size))
		return msg_error(
			"the image is damaged: INDEX at offset %llu does not tell what is in the image",
			(unsigned long long)offset);
	index->checked += n;
	return 0;
}

int packed_index_check_end(const struct packed_index *index)
{
	if (index->checked == index->n)
		return 0;
	return msg_error("the image is damaged: its INDEX tells of %zu sections, there are %zu",
			 index->checked, index->n);
}

void packed_index_free(struct packed_index *index)
{
	free(index->entries);
	memset(index, 0, sizeof(*index));
}
