// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include <stillpoint/trailer.h>

#include "image/checksum.h"
#include "image/xl_format.h"
#include "parts.h"
#include "xl_parts.h"

/* What stands between xl's optional data and the first record of libxc's. */
#define XL_STREAM_BYTES                                               \
	(sizeof(struct libxl_header) + sizeof(struct record_header) + \
	 sizeof(struct libxc_image_header) + sizeof(struct libxc_domain_header))

/* Everything up to the first record. Returns its size, 0 if there is none. */
static size_t xl_front(const uint8_t *data, size_t size)
{
	struct xl_header h;

	if (size < sizeof(h) + XL_STREAM_BYTES)
		return 0;
	memcpy(&h, data, sizeof(h));
	if (h.optional_length > size - sizeof(h) - XL_STREAM_BYTES)
		return 0;
	return sizeof(h) + h.optional_length + XL_STREAM_BYTES;
}

/* The records, END among them; the first with a length that cannot be is rest. */
static void xl_take(struct parts *p, const uint8_t *data, size_t size, size_t at)
{
	struct record_header h = { .type = UINT32_MAX };
	uint64_t padded;

	while (h.type != LIBXC_END && size - at >= sizeof(h)) {
		memcpy(&h, data + at, sizeof(h));
		padded = ((uint64_t)h.length + RECORD_ALIGN - 1) & ~(uint64_t)(RECORD_ALIGN - 1);
		if (padded > size - at - sizeof(h) ||
		    !parts_add(p, &h, data + at + sizeof(h), h.length))
			break;
		at += sizeof(h) + padded;
	}
	part_bytes_set(&p->rest, data + at, size - at);
}

/* The lengths of what stands in front. */
static void xl_fix_front(struct parts *p)
{
	const size_t mark = sizeof(struct stillpoint_image_mark);
	struct xl_header h;
	uint32_t config;

	if (p->front.size < sizeof(h) + sizeof(config) + XL_STREAM_BYTES)
		return;
	memcpy(&h, p->front.data, sizeof(h));
	h.optional_length = p->front.size - sizeof(h) - XL_STREAM_BYTES;
	memcpy(p->front.data, &h, sizeof(h));
	config = h.optional_length - sizeof(config);
	if (config > mark && parts_random(p, 4))
		config -= mark;
	if (parts_keep(p))
		memcpy(p->front.data + sizeof(h), &config, sizeof(config));
}

/* The trailer, if there is one: it says how much stands before it, and its digest. */
static void xl_fix_trailer(struct parts_out *out)
{
	struct stillpoint_image_trailer t;

	if (out->size < sizeof(t))
		return;
	memcpy(&t, out->data + out->size - sizeof(t), sizeof(t));
	if (t.magic != STILLPOINT_TRAILER_MAGIC)
		return;
	t.length = out->size - sizeof(t);
	checksum_128(out->data, t.length, t.digest);
	memcpy(out->data + t.length, &t, sizeof(t));
}

static void xl_put(struct parts *p, struct parts_out *out)
{
	static const uint8_t zeroes[RECORD_ALIGN];
	struct record_header h;
	size_t i;

	if (parts_keep(p))
		xl_fix_front(p);
	parts_out(out, p->front.data, p->front.size);
	for (i = 0; i < p->n; i++) {
		memcpy(&h, p->part[i].head, sizeof(h));
		if (parts_keep(p))
			h.length = p->part[i].body.size;
		parts_out(out, &h, sizeof(h));
		parts_out(out, p->part[i].body.data, p->part[i].body.size);
		parts_out(out, zeroes, -p->part[i].body.size % RECORD_ALIGN);
	}
	parts_out(out, p->rest.data, p->rest.size);
	if (parts_keep(p))
		xl_fix_trailer(out);
}

size_t xl_parts_mutate(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
	struct parts_out out = { .data = data, .room = room };
	size_t front = xl_front(data, size);
	struct parts p;

	if (!front)
		return 0;
	parts_init(&p, sizeof(struct record_header), seed);
	part_bytes_set(&p.front, data, front);
	xl_take(&p, data, size, front);
	do
		parts_mutate(&p);
	while (!parts_random(&p, 3));
	xl_put(&p, &out);
	parts_free(&p);
	return out.full ? 0 : out.size;
}
