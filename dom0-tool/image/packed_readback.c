// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "msg.h"
#include "packed_readback.h"
#include "page.h"

int packed_readback_init(struct packed_readback *rb, uint32_t frame_bytes)
{
	static const struct codec_choice any = { .codec = STILLPOINT_CODEC_NONE };

	rb->body = malloc(frame_body_max(frame_bytes) + CRYPT_TAG_BYTES);
	rb->room = malloc(frame_bytes);
	rb->codec = codec_new(&any);
	if (!rb->body || !rb->room || !rb->codec)
		return msg_error("out of memory to read the image back");
	return 0;
}

void packed_readback_free(struct packed_readback *rb)
{
	free(rb->where);
	free(rb->body);
	free(rb->room);
	codec_free(rb->codec);
	memset(rb, 0, sizeof(*rb));
}

int packed_readback_grow(struct packed_readback *rb, uint64_t pfns)
{
	uint32_t *where;

	where = realloc(rb->where, pfns * sizeof(*where));
	if (!where)
		return msg_error("out of memory for the places of %llu pages",
				 (unsigned long long)pfns);
	memset(where + rb->pfns, 0, (pfns - rb->pfns) * sizeof(*where));
	rb->where = where;
	rb->pfns = pfns;
	return 0;
}

static int readback_bytes(const struct output *out, void *data, size_t size, uint64_t offset)
{
	ssize_t n = pread(out->fd, data, size, offset);

	if (n == (ssize_t)size)
		return 0;
	return msg_error("cannot read '%s' back: %s", out->path,
			 n < 0 ? strerror(errno) : "it is too short");
}

static int readback_frame(struct packed_readback *rb, const struct sections *s,
			  const struct output *out, const struct stillpoint_index_entry *entry)
{
	const uint32_t frame_bytes = s->header.frame_bytes;
	struct stillpoint_section h;
	size_t size;

	if (readback_bytes(out, &h, sizeof(h), entry->offset) ||
	    section_check(s, &h, entry->offset))
		return -1;
	if (h.number != entry->number || h.length > frame_body_max(frame_bytes) + CRYPT_TAG_BYTES)
		return msg_error("'%s' was changed while it was written", out->path);
	if (readback_bytes(out, rb->body, h.length, entry->offset + sizeof(h)) ||
	    section_open(s, &h, entry->offset, rb->body, &size) ||
	    frame_parse(&rb->frame, rb->body, size, frame_bytes, rb->pfns, entry->offset))
		return -1;
	rb->pages = frame_unpack(&rb->frame, rb->codec, rb->room);
	return rb->pages ? 0 : -1;
}

/* Where the bytes of @pfn are; NULL if it is not in the frame. */
static const uint8_t *readback_find(const struct packed_readback *rb, uint64_t pfn)
{
	static const uint8_t zeroes[PAGE_BYTES];
	const struct stillpoint_run *run = rb->frame.runs;
	const uint8_t *page = rb->pages;
	uint32_t i;

	for (i = 0; i < rb->frame.head.runs; i++, run++) {
		if (pfn - run->pfn < run->count)
			return run->kind == STILLPOINT_PAGE_DATA ?
				       page + (pfn - run->pfn) * PAGE_BYTES :
				       zeroes;
		if (run->kind == STILLPOINT_PAGE_DATA)
			page += (size_t)run->count * PAGE_BYTES;
	}
	return NULL;
}

int packed_readback_page(struct packed_readback *rb, const struct sections *sections,
			 const struct packed_index *index, const struct output *out, uint64_t pfn,
			 void *data)
{
	const uint32_t where = rb->where[pfn];
	const uint8_t *page;

	if (where != rb->cached) {
		rb->cached = 0;
		if (readback_frame(rb, sections, out, &index->entries[where - 1]))
			return -1;
		rb->cached = where;
	}
	page = readback_find(rb, pfn);
	if (!page)
		return msg_error("'%s' was changed while it was written", out->path);
	memcpy(data, page, PAGE_BYTES);
	return 0;
}
