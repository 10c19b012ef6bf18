// SPDX-License-Identifier: GPL-2.0
#include <stddef.h>
#include <string.h>

#include <stillpoint/image.h>

#include "fuzz.h"
#include "image/checksum.h"
#include "image/tmem_state.h"
#include "msg.h"
#include "own_parts.h"
#include "page.h"
#include "parts.h"

/**
 * struct own - an image that is put together again
 * @p: its parts; front is the header and what stands before the sections
 * @header: as it is put
 * @crypt: its key, NULL if it is not encrypted
 * @digest: over what was put so far
 * @index: entries of the sections that were put so far
 * @tmem: what the TMEM sections that were put come to
 * @first_index: offset of the first INDEX; so on
 */
struct own {
	struct parts *p;
	struct parts_out *out;
	struct stillpoint_image_header header;
	struct crypt *crypt;
	XXH3_state_t *digest;
	struct stillpoint_index_entry index[PARTS_MAX];
	size_t nindex;
	struct tmem_state tmem;
	uint64_t first_index;
	uint64_t end;
};

static uint8_t own_secret_bytes[] = "secret";

const struct crypt_secret own_secret = {
	.data = own_secret_bytes,
	.size = sizeof(own_secret_bytes) - 1,
};

bool own_parts_slow(const uint8_t *data, size_t size)
{
	struct stillpoint_image_header h;

	if (size < sizeof(h))
		return false;
	memcpy(&h, data, sizeof(h));
	return h.kdf_log_n > OWN_LOG_N_MAX && h.kdf_log_n <= STILLPOINT_SCRYPT_LOG_N_MAX;
}

static struct crypt *own_key(const struct stillpoint_image_header *h,
			     const struct crypt_secret *secret)
{
	struct crypt *crypt = NULL;

	if (secret && (h->mandatory & STILLPOINT_IMAGE_ENCRYPTED) &&
	    !own_parts_slow((const uint8_t *)h, sizeof(*h)))
		crypt = crypt_new(secret, h);
	msg_error_clear();
	return crypt;
}

/* Where the first section stands, @size if nowhere. */
static size_t own_first(const struct stillpoint_image_header *h, size_t size)
{
	uint64_t at = sizeof(*h);

	if (h->layout == STILLPOINT_LAYOUT_MAPPED) {
		if (h->data > size || h->places > size / PAGE_BYTES)
			return size;
		at = h->data + h->places * PAGE_BYTES;
	}
	return at < size ? at : size;
}

static void own_take(struct parts *p, const uint8_t *data, size_t size,
		     const struct crypt_secret *secret)
{
	struct stillpoint_image_header header;
	struct stillpoint_section h;
	struct part_bytes *body;
	struct crypt *crypt;
	size_t at;

	memcpy(&header, data, sizeof(header));
	crypt = own_key(&header, secret);
	at = own_first(&header, size);
	part_bytes_set(&p->front, data, at);
	while (size - at >= sizeof(h)) {
		memcpy(&h, data + at, sizeof(h));
		if (h.magic != STILLPOINT_SECTION_MAGIC || h.length > size - at - sizeof(h) ||
		    !parts_add(p, &h, data + at + sizeof(h), h.length))
			break;
		body = &p->part[p->n - 1].body;
		if (crypt && !crypt_open(crypt, &h, body->data, body->size))
			body->size -= CRYPT_TAG_BYTES;
		at += sizeof(h) + h.length;
	}
	part_bytes_set(&p->rest, data + at, size - at);
	crypt_free(crypt);
	msg_error_clear();
}

/* Checksums of the places in which there are data. */
static void own_fix_places(struct own *o, struct part_bytes *body, uint64_t first)
{
	struct stillpoint_place place;
	uint64_t at;
	size_t i;

	for (i = 0; i < body->size / sizeof(place); i++) {
		memcpy(&place, body->data + i * sizeof(place), sizeof(place));
		at = o->header.data + (first + i) * PAGE_BYTES;
		if (place.kind != STILLPOINT_PAGE_DATA || at > o->out->size ||
		    o->out->size - at < PAGE_BYTES)
			continue;
		place.checksum = XXH3_64bits(o->out->data + at, PAGE_BYTES);
		memcpy(body->data + i * sizeof(place), &place, sizeof(place));
	}
}

/* Sizes in a frame: of its pages, and of what is stored. */
static void own_fix_frame(struct own *o, struct part_bytes *body)
{
	struct stillpoint_frame f;
	struct stillpoint_run run;
	uint64_t pages = 0, runs;
	uint32_t i;

	if (body->size < sizeof(f))
		return;
	memcpy(&f, body->data, sizeof(f));
	runs = (body->size - sizeof(f)) / sizeof(run);
	if (f.runs > runs)
		f.runs = runs;
	for (i = 0; i < f.runs; i++) {
		memcpy(&run, body->data + sizeof(f) + i * sizeof(run), sizeof(run));
		pages += run.kind == STILLPOINT_PAGE_DATA ? run.count : 0;
	}
	if (parts_keep(o->p))
		f.raw = pages * PAGE_BYTES;
	if (parts_keep(o->p))
		f.stored = body->size - sizeof(f) - f.runs * sizeof(run);
	memcpy(body->data, &f, sizeof(f));
}

/* An entry of the index for a section at the end of what is put so far. */
static void own_note(struct own *o, const struct stillpoint_section *h,
		     const struct part_bytes *body)
{
	struct stillpoint_index_entry *e = &o->index[o->nindex];
	struct stillpoint_frame f = { .runs = 0 };
	struct stillpoint_run run;
	uint32_t i;

	if (h->type != STILLPOINT_SECTION_PAGES && h->type != STILLPOINT_SECTION_P2M)
		return;
	*e = (struct stillpoint_index_entry){
		.offset = o->out->size,
		.type = h->type,
		.number = h->number,
	};
	if (h->type == STILLPOINT_SECTION_PAGES && body->size >= sizeof(f))
		memcpy(&f, body->data, sizeof(f));
	for (i = 0; i < f.runs && sizeof(f) + (i + 1) * sizeof(run) <= body->size; i++) {
		memcpy(&run, body->data + sizeof(f) + i * sizeof(run), sizeof(run));
		if (!i || run.pfn < e->lowest)
			e->lowest = run.pfn;
		if (!i || run.pfn + run.count - 1 > e->highest)
			e->highest = run.pfn + run.count - 1;
	}
	o->nindex++;
}

static void own_fix_end(struct own *o, uint32_t number, struct part_bytes *body)
{
	struct stillpoint_end end;

	if (body->size != sizeof(end))
		return;
	memcpy(&end, body->data, sizeof(end));
	if (parts_keep(o->p))
		end.sections = (uint64_t)number + 1;
	if (parts_likely(o->p, 4))
		end.pages = UINT64_MAX;
	checksum_digest(o->digest, end.digest);
	memcpy(body->data, &end, sizeof(end));
}

/* As many records as there are bytes for; the last is cut off if it is not whole. */
static void own_fix_records(const struct stillpoint_section *h, struct part_bytes *body)
{
	struct stillpoint_tmem_records records = { .count = 0 };
	size_t at = sizeof(records), size;
	struct stillpoint_tmem_page page;

	for (; body->size >= at; at += size, records.count++) {
		size = sizeof(struct stillpoint_tmem_handle);
		if (h->type == STILLPOINT_SECTION_TMEM_PAGES) {
			if (body->size - at < sizeof(page))
				break;
			memcpy(&page, body->data + at, sizeof(page));
			size = sizeof(page) + page.stored;
		}
		if (body->size - at < size)
			break;
	}
	if (body->size < at || !records.count)
		return;
	body->size = at;
	memcpy(body->data, &records, sizeof(records));
}

/* The final counts are those of what was put. */
static void own_fix_pools(struct own *o, struct part_bytes *body)
{
	struct stillpoint_tmem_pools head;
	struct stillpoint_tmem_pool pool;
	struct tmem_sum sum;
	uint32_t i, j;

	if (body->size < sizeof(head))
		return;
	memcpy(&head, body->data, sizeof(head));
	head.count = (body->size - sizeof(head)) / sizeof(pool);
	body->size = sizeof(head) + head.count * sizeof(pool);
	if (head.flags & STILLPOINT_TMEM_POOLS_FINAL) {
		tmem_state_sum(&o->tmem, &sum);
		head.persistent = sum.persistent;
		head.ephemeral = sum.ephemeral;
		head.bytes = sum.bytes;
	}
	memcpy(body->data, &head, sizeof(head));
	for (i = 0; i < head.count; i++) {
		memcpy(&pool, body->data + sizeof(head) + i * sizeof(pool), sizeof(pool));
		pool.pages = 0;
		for (j = 0; j < o->tmem.head.count; j++)
			if (head.flags & STILLPOINT_TMEM_POOLS_FINAL &&
			    o->tmem.pools[j].told.id == pool.id)
				pool.pages = o->tmem.pools[j].pages;
		memcpy(body->data + sizeof(head) + i * sizeof(pool), &pool, sizeof(pool));
	}
}

static void own_fix_tmem(struct own *o, const struct stillpoint_section *h, struct part_bytes *body)
{
	struct image_tmem part = { .type = h->type, .mandatory = true };

	if (h->type == STILLPOINT_SECTION_TMEM_POOLS)
		own_fix_pools(o, body);
	else
		own_fix_records(h, body);
	part.body = body->data;
	part.size = body->size;
	tmem_state_take(&o->tmem, &part, 0);
	msg_error_clear();
}

/* What a body says of the rest of the image. */
static void own_fix_body(struct own *o, const struct stillpoint_section *h, struct part_bytes *body,
			 uint64_t *places)
{
	switch (h->type) {
	case STILLPOINT_SECTION_PAGES:
		own_fix_frame(o, body);
		break;
	case STILLPOINT_SECTION_PLACES:
		own_fix_places(o, body, *places);
		*places += body->size / sizeof(struct stillpoint_place);
		break;
	case STILLPOINT_SECTION_INDEX:
		if (!o->first_index)
			o->first_index = o->out->size;
		part_bytes_set(body, o->index, o->nindex * sizeof(o->index[0]));
		o->nindex = 0;
		break;
	case STILLPOINT_SECTION_TMEM_POOLS:
	case STILLPOINT_SECTION_TMEM_PAGES:
	case STILLPOINT_SECTION_TMEM_INVALIDATE:
		own_fix_tmem(o, h, body);
		break;
	case STILLPOINT_SECTION_END:
		own_fix_end(o, h->number, body);
		break;
	}
}

static void own_section_sum(const struct own *o, struct stillpoint_section *h)
{
	const size_t fields = offsetof(struct stillpoint_section, checksum);
	uint8_t data[sizeof(o->header.id) + offsetof(struct stillpoint_section, checksum)];

	memcpy(data, o->header.id, sizeof(o->header.id));
	memcpy(data + sizeof(o->header.id), h, fields);
	checksum_64(data, sizeof(data), h->checksum);
}

static void own_seal(struct own *o, struct stillpoint_section *h, struct part_bytes *body)
{
	h->length = body->size;
	if (o->crypt) {
		h->length += CRYPT_TAG_BYTES;
		fuzz_check(!crypt_seal(o->crypt, h, body->data, body->size));
		body->size += CRYPT_TAG_BYTES;
	}
	checksum_128(body->data, body->size, h->body);
}

static void own_put_section(struct own *o, uint32_t number, uint64_t *places)
{
	struct part_bytes *body = &o->p->part[number].body;
	struct stillpoint_section h;

	memcpy(&h, o->p->part[number].head, sizeof(h));
	if (parts_keep(o->p))
		h.magic = STILLPOINT_SECTION_MAGIC;
	if (parts_keep(o->p))
		h.number = number;
	if (parts_keep(o->p))
		own_fix_body(o, &h, body, places);
	own_note(o, &h, body);
	if (h.type == STILLPOINT_SECTION_END)
		o->end = o->out->size;
	if (parts_keep(o->p))
		own_seal(o, &h, body);
	if (parts_keep(o->p))
		own_section_sum(o, &h);
	if (h.type != STILLPOINT_SECTION_END)
		XXH3_128bits_update(o->digest, &h, sizeof(h));
	parts_out(o->out, &h, sizeof(h));
	parts_out(o->out, body->data, body->size);
}

static void own_put_front(struct own *o)
{
	struct part_bytes *front = &o->p->front;
	struct stillpoint_image_header *h = &o->header;

	if (front->size < sizeof(*h))
		part_bytes_set(front, h, sizeof(*h));
	memcpy(h, front->data, sizeof(*h));
	if (own_parts_slow(front->data, front->size))
		h->kdf_log_n = 1;
	if (parts_keep(o->p))
		checksum_128(h, offsetof(struct stillpoint_image_header, checksum), h->checksum);
	parts_out(o->out, h, sizeof(*h));
	parts_out(o->out, front->data + sizeof(*h), front->size - sizeof(*h));
	XXH3_128bits_update(o->digest, h, sizeof(*h));
}

static void own_put_footer(struct own *o)
{
	const size_t fields = offsetof(struct stillpoint_footer, checksum);
	uint8_t data[sizeof(o->header.id) + offsetof(struct stillpoint_footer, checksum)];
	struct stillpoint_footer footer;

	if (o->p->rest.size == sizeof(footer) && parts_keep(o->p)) {
		memcpy(&footer, o->p->rest.data, sizeof(footer));
		if (parts_likely(o->p, 16)) {
			footer.sections = o->p->front.size;
			footer.end = o->end;
			footer.index = o->first_index ? o->first_index : o->end;
		}
		if (parts_keep(o->p))
			footer.length = o->out->size + sizeof(footer);
		memcpy(data, o->header.id, sizeof(o->header.id));
		memcpy(data + sizeof(o->header.id), &footer, fields);
		checksum_128(data, sizeof(data), footer.checksum);
		part_bytes_set(&o->p->rest, &footer, sizeof(footer));
	}
	parts_out(o->out, o->p->rest.data, o->p->rest.size);
}

/* Put it together. Returns its size, 0 if there is no room. */
static size_t own_put(struct parts *p, const struct crypt_secret *secret, uint8_t *data,
		      size_t room)
{
	struct parts_out out = { .data = data, .room = room };
	struct own o = { .p = p, .out = &out, .digest = XXH3_createState() };
	uint64_t places = 0;
	uint32_t i;

	fuzz_check(o.digest);
	XXH3_128bits_reset(o.digest);
	fuzz_check(!tmem_state_init(&o.tmem, "the input is wrong"));
	own_put_front(&o);
	o.crypt = own_key(&o.header, secret);
	for (i = 0; i < p->n; i++)
		own_put_section(&o, i, &places);
	own_put_footer(&o);
	tmem_state_free(&o.tmem);
	crypt_free(o.crypt);
	XXH3_freeState(o.digest);
	return out.full ? 0 : out.size;
}

size_t own_parts_mutate(uint8_t *data, size_t size, size_t room, const struct crypt_secret *secret,
			unsigned int seed)
{
	struct parts p;

	if (size < sizeof(struct stillpoint_image_header))
		return 0;
	parts_init(&p, sizeof(struct stillpoint_section), seed);
	own_take(&p, data, size, secret);
	do
		parts_mutate(&p);
	while (!parts_random(&p, 3));
	size = own_put(&p, secret, data, room);
	parts_free(&p);
	return size;
}

size_t own_parts_encrypt(uint8_t *data, size_t size, size_t room, const struct crypt_secret *secret)
{
	struct stillpoint_image_header h;
	struct parts p;

	fuzz_check(size >= sizeof(h));
	parts_init(&p, sizeof(struct stillpoint_section), 0);
	p.exact = true;
	own_take(&p, data, size, NULL);
	memcpy(&h, p.front.data, sizeof(h));
	h.mandatory |= STILLPOINT_IMAGE_ENCRYPTED;
	h.kdf = 1;
	h.kdf_log_n = 1;
	h.kdf_r = 1;
	h.kdf_p = 1;
	memset(h.salt, 0x5a, sizeof(h.salt));
	memcpy(p.front.data, &h, sizeof(h));
	size = own_put(&p, secret, data, room);
	parts_free(&p);
	return size;
}
