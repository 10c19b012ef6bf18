// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "tmem_writer.h"

#define TMEM_WRITER_BLAME "what the tmem store sent is wrong"

int tmem_writer_init(struct tmem_writer *w, const struct stillpoint_tmem_pools *head)
{
	memset(w, 0, sizeof(*w));
	w->head = *head;
	w->head.count = 0;
	if (tmem_state_init(&w->state, TMEM_WRITER_BLAME))
		return -1;
	w->body = malloc(TMEM_WRITER_BYTES);
	return w->body ? 0 : msg_error("out of memory for tmem pools");
}

void tmem_writer_free(struct tmem_writer *w)
{
	tmem_state_free(&w->state);
	free(w->body);
	memset(w, 0, sizeof(*w));
}

static bool writer_persistent(const struct tmem_writer *w)
{
	unsigned int i;

	for (i = 0; i < w->head.count; i++)
		if (w->pools[i].flags & STILLPOINT_TMEM_POOL_PERSISTENT)
			return true;
	return false;
}

static int writer_give(struct tmem_writer *w, uint32_t type, const void *body, size_t size)
{
	const struct image_tmem part = {
		.type = type,
		.mandatory = writer_persistent(w),
		.body = body,
		.size = size,
	};

	if (tmem_state_take(&w->state, &part, w->img->out ? w->img->out->length : 0))
		return -1;
	return image_tmem(w->img, &part);
}

static int writer_give_pools(struct tmem_writer *w)
{
	uint8_t body[sizeof(w->head) + sizeof(w->pools)];
	size_t bytes = w->head.count * sizeof(*w->pools);

	memcpy(body, &w->head, sizeof(w->head));
	memcpy(body + sizeof(w->head), w->pools, bytes);
	w->changed = false;
	return writer_give(w, STILLPOINT_SECTION_TMEM_POOLS, body, sizeof(w->head) + bytes);
}

int tmem_writer_tell_pools(struct tmem_writer *w)
{
	return w->changed ? writer_give_pools(w) : 0;
}

/* Write the section that is being made. */
static int writer_flush(struct tmem_writer *w)
{
	const struct stillpoint_tmem_records h = { .count = w->count };
	uint32_t type = w->type;

	if (tmem_writer_tell_pools(w))
		return -1;
	if (!type)
		return 0;
	memcpy(w->body, &h, sizeof(h));
	w->type = 0;
	return writer_give(w, type, w->body, w->size);
}

/* Add a record of @size bytes and @more behind it to a section of @type. */
static int writer_add(struct tmem_writer *w, uint32_t type, const void *record, size_t size,
		      const void *data, size_t more)
{
	if ((w->type != type || w->size + size + more > TMEM_WRITER_BYTES) && writer_flush(w))
		return -1;
	if (!w->type) {
		w->type = type;
		w->count = 0;
		w->size = sizeof(struct stillpoint_tmem_records);
	}
	memcpy(w->body + w->size, record, size);
	if (more)
		memcpy(w->body + w->size + size, data, more);
	w->size += size + more;
	w->count++;
	return 0;
}

int tmem_writer_page(struct tmem_writer *w, const struct stillpoint_tmem_page *page,
		     const void *data)
{
	if (page->stored > STILLPOINT_IMAGE_PAGE_BYTES)
		return msg_error(TMEM_WRITER_BLAME ": a page of %u bytes", page->stored);
	return writer_add(w, STILLPOINT_SECTION_TMEM_PAGES, page, sizeof(*page), data,
			  page->stored);
}

int tmem_writer_invalidate(struct tmem_writer *w, const struct stillpoint_tmem_handle *handle)
{
	return writer_add(w, STILLPOINT_SECTION_TMEM_INVALIDATE, handle, sizeof(*handle), NULL, 0);
}

/* Where the pool @id is, or belongs. */
static unsigned int writer_find(const struct tmem_writer *w, uint32_t id)
{
	unsigned int i = 0;

	while (i < w->head.count && w->pools[i].id < id)
		i++;
	return i;
}

int tmem_writer_pool(struct tmem_writer *w, const struct stillpoint_tmem_pool *pool)
{
	unsigned int at = writer_find(w, pool->id);

	/* What was gathered belongs to the pools as they are without it. */
	if (w->type && writer_flush(w))
		return -1;
	if (at < w->head.count && w->pools[at].id == pool->id && tmem_writer_pool_gone(w, pool->id))
		return -1;
	if (w->head.count == STILLPOINT_TMEM_POOLS_MAX)
		return msg_error(TMEM_WRITER_BLAME ": more than %u pools",
				 STILLPOINT_TMEM_POOLS_MAX);
	memmove(w->pools + at + 1, w->pools + at, (w->head.count - at) * sizeof(*w->pools));
	w->pools[at] = *pool;
	w->pools[at].pages = 0;
	w->head.count++;
	w->changed = true;
	return 0;
}

int tmem_writer_pool_gone(struct tmem_writer *w, uint32_t id)
{
	unsigned int at = writer_find(w, id);

	if (at == w->head.count || w->pools[at].id != id)
		return msg_error(TMEM_WRITER_BLAME ": it destroys pool %u, which is none", id);
	if (writer_flush(w))
		return -1;
	w->head.count--;
	memmove(w->pools + at, w->pools + at + 1, (w->head.count - at) * sizeof(*w->pools));
	/* At once: the next pool of that id is another. */
	return writer_give_pools(w);
}

int tmem_writer_end(struct tmem_writer *w)
{
	struct tmem_sum sum;
	unsigned int i;

	if (writer_flush(w))
		return -1;
	if (!w->state.any)
		return 0;
	tmem_state_sum(&w->state, &sum);
	for (i = 0; i < w->head.count; i++)
		w->pools[i].pages = w->state.pools[i].pages;
	w->head.flags |= STILLPOINT_TMEM_POOLS_FINAL;
	w->head.persistent = sum.persistent;
	w->head.ephemeral = sum.ephemeral;
	w->head.bytes = sum.bytes;
	return writer_give_pools(w);
}
