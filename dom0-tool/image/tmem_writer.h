/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tmem pools on their way into an image: pages and invalidates are gathered into sections,
 * and looked at as a reader of the image will, so that none is made that would be refused.
 */
#ifndef STILLPOINT_TMEM_WRITER_H
#define STILLPOINT_TMEM_WRITER_H

#include "image.h"
#include "tmem_state.h"

/* Bytes of a section that is written, but for what does not fit into any less. */
#define TMEM_WRITER_BYTES (1u << 20)

/**
 * struct tmem_writer - the pools so far
 * @img: where they go; only looked at when something is written
 * @state: what was written
 * @head: of the next TMEM_POOLS
 * @pools: those that there are, in ascending order of ids; head.count of them
 * @changed: the image was not told of them
 * @type: of the section that is being made, 0 if there is none
 * @count: records in it
 * @body: @size bytes of it
 */
struct tmem_writer {
	struct image *img;
	struct tmem_state state;
	struct stillpoint_tmem_pools head;
	struct stillpoint_tmem_pool pools[STILLPOINT_TMEM_POOLS_MAX];
	bool changed;
	uint32_t type;
	uint32_t count;
	uint8_t *body;
	size_t size;
};

/*
 * Begin. @head has flags, codecs, weight, quota and what is expected; the rest of it is
 * filled in. 0 or -1, recorded. tmem_writer_free() is due in both cases.
 */
int tmem_writer_init(struct tmem_writer *w, const struct stillpoint_tmem_pools *head);

void tmem_writer_free(struct tmem_writer *w);

/* All below return 0, or -1 with an error recorded. */

/* There is a pool; @pool->pages is not looked at. */
int tmem_writer_pool(struct tmem_writer *w, const struct stillpoint_tmem_pool *pool);

/* The pool @id is gone, with its pages. */
int tmem_writer_pool_gone(struct tmem_writer *w, uint32_t id);

/* The handle of @page holds @page->stored bytes at @data from here on. */
int tmem_writer_page(struct tmem_writer *w, const struct stillpoint_tmem_page *page,
		     const void *data);

/* It holds nothing. */
int tmem_writer_invalidate(struct tmem_writer *w, const struct stillpoint_tmem_handle *handle);

/* Tell the image of the pools, unless it knows; what is gathered may wait. */
int tmem_writer_tell_pools(struct tmem_writer *w);

/* Nothing comes any more: write all, and the final TMEM_POOLS, unless there was nothing ever. */
int tmem_writer_end(struct tmem_writer *w);

#endif /* STILLPOINT_TMEM_WRITER_H */
