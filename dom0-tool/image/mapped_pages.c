// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* SEEK_DATA */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "mapped_pages.h"
#include "msg.h"
#include "page.h"
#include "signals.h"

/* So many pages that nobody wants are read between others, for larger requests. */
#define PAGES_GAP 8

/*
 * What was passed on is flushed, and its memory used again, when it is a quarter of the
 * queue. There is room for another request then if nothing else is under way.
 */
#define PAGES_HELD_BYTES (IOQUEUE_RING / 4)
#define PAGES_HELD_REQUESTS (IOQUEUE_REQUESTS / 4)

/**
 * struct pages_pass - one way through the places
 * @tables: of page tables, which comes second; else of all other pages
 * @ahead: the next pfn to be read
 * @next: the next pfn to be passed on
 * @extent: what was found last of the bytes that the file system keeps: none between
 *	the place that was asked for and @extent, then all up to @hole
 * @held: bytes of the queue that were passed on and not flushed
 * @requests: the same, in requests
 */
struct pages_pass {
	const struct mapped_pages *p;
	struct ioqueue *queue;
	bool tables;
	uint64_t ahead;
	uint64_t next;
	uint64_t extent;
	uint64_t hole;
	uint64_t held;
	unsigned int requests;
};

static uint32_t place_type(const struct stillpoint_place *place)
{
	return (uint32_t)place->type << XEN_DOMCTL_PFINFO_LTAB_SHIFT;
}

bool mapped_place_check(const struct stillpoint_place *place)
{
	static const uint8_t zeroes[sizeof(place->reserved)];

	if (place->type > 15 || !page_type_known(place_type(place)) ||
	    memcmp(place->reserved, zeroes, sizeof(zeroes)))
		return false;
	switch (place->kind) {
	case STILLPOINT_PAGE_DATA:
		return page_type_has_data(place_type(place));
	case STILLPOINT_PAGE_NONE:
		return !page_type_has_data(place_type(place)) && !place->checksum;
	case STILLPOINT_PAGE_ZERO:
	case STILLPOINT_PAGE_FREE:
		return !place->type && !place->checksum;
	default:
		return false;
	}
}

static uint64_t pages_offset(const struct pages_pass *pass, uint64_t pfn)
{
	return pass->p->data + pfn * PAGE_BYTES;
}

/* Where a file system does not tell, all is kept. */
static void pages_find_extent(struct pages_pass *pass, uint64_t offset)
{
	off_t at = lseek(pass->p->fd, offset, SEEK_DATA);

	pass->extent = 0;
	pass->hole = UINT64_MAX;
	if (at < 0) {
		if (errno == ENXIO)
			pass->extent = UINT64_MAX;
		return;
	}
	pass->extent = at;
	at = lseek(pass->p->fd, at, SEEK_HOLE);
	if (at >= 0)
		pass->hole = at;
}

/* True if the file may have other bytes than zeroes there. */
static bool pages_kept(struct pages_pass *pass, uint64_t pfn)
{
	uint64_t offset = pages_offset(pass, pfn);

	if (offset >= pass->hole)
		pages_find_extent(pass, offset);
	return pass->extent < offset + PAGE_BYTES;
}

static bool pages_wanted(struct pages_pass *pass, uint64_t pfn)
{
	const struct stillpoint_place *place = &pass->p->places[pfn];

	if (place->kind == STILLPOINT_PAGE_DATA)
		return !page_type_level(place_type(place)) == !pass->tables;
	return !pass->tables && pages_kept(pass, pfn);
}

/* The end of a request that begins with @first, which is wanted. */
static uint64_t pages_request_end(struct pages_pass *pass, uint64_t first)
{
	uint64_t pfn, end = first + 1;

	for (pfn = end; pfn < pass->p->n && pfn - first < IOQUEUE_BYTES / PAGE_BYTES; pfn++) {
		if (pages_wanted(pass, pfn))
			end = pfn + 1;
		else if (pfn - end >= PAGES_GAP)
			break;
	}
	return end;
}

static int pages_read_ahead(struct pages_pass *pass)
{
	struct ioqueue_request *req;
	uint64_t end;

	while (pass->ahead < pass->p->n && !ioqueue_full(pass->queue)) {
		if (!pages_wanted(pass, pass->ahead)) {
			pass->ahead++;
			continue;
		}
		req = ioqueue_room(pass->queue);
		if (!req)
			return -1;
		end = pages_request_end(pass, pass->ahead);
		req->offset = pages_offset(pass, pass->ahead);
		req->size = (end - pass->ahead) * PAGE_BYTES;
		pass->ahead = end;
		if (ioqueue_start(pass->queue, req))
			return -1;
	}
	return 0;
}

static int pages_bad(const struct pages_pass *pass, uint64_t pfn, const char *what)
{
	return msg_error("the image is damaged: page %#llx at offset %llu %s",
			 (unsigned long long)pfn, (unsigned long long)pages_offset(pass, pfn),
			 what);
}

/* @data is what the file has for @pfn, NULL if it was not read. */
static int pages_pass_on(struct pages_pass *pass, uint64_t pfn, const uint8_t *data)
{
	const struct stillpoint_place *place = &pass->p->places[pfn];
	struct image *to = pass->p->to;
	struct image_page page = {
		.pfn = pfn,
		.type = place_type(place),
		.kind = place->kind,
	};

	if (place->kind == STILLPOINT_PAGE_DATA) {
		if (!page_type_level(page.type) != !pass->tables)
			return 0;
		if (XXH3_64bits(data, PAGE_BYTES) != place->checksum)
			return pages_bad(pass, pfn, "does not match its checksum");
		page.data = data;
	} else {
		if (pass->tables)
			return 0;
		if (data && (data[0] || memcmp(data, data + 1, PAGE_BYTES - 1)))
			return pages_bad(pass, pfn, "has data and should have none");
	}
	return to ? to->ops->page(to, &page) : 0;
}

static int pages_flush(struct pages_pass *pass)
{
	struct image *to = pass->p->to;

	pass->held = 0;
	pass->requests = 0;
	if (to && to->ops->flush(to))
		return -1;
	ioqueue_retire(pass->queue);
	return 0;
}

/* All pages before @end that were not read. */
static int pages_without_data(struct pages_pass *pass, uint64_t end)
{
	for (; pass->next < end; pass->next++)
		if (pages_pass_on(pass, pass->next, NULL))
			return -1;
	return 0;
}

static int pages_take(struct pages_pass *pass, struct mapped_pages *p)
{
	struct ioqueue_request *req = ioqueue_next(pass->queue);
	size_t at;

	if (!req || pages_without_data(pass, (req->offset - p->data) / PAGE_BYTES))
		return -1;
	for (at = 0; at < req->size; at += PAGE_BYTES)
		if (pages_pass_on(pass, pass->next++, req->data + at))
			return -1;
	p->done += req->size;
	if (p->progress)
		p->progress(p->done < p->total ? p->done : p->total, p->total);
	pass->held += req->size;
	pass->requests++;
	if (pass->held >= PAGES_HELD_BYTES || pass->requests >= PAGES_HELD_REQUESTS)
		return pages_flush(pass);
	return 0;
}

static int pages_pass(struct mapped_pages *p, struct ioqueue *queue, bool tables)
{
	struct pages_pass pass = { .p = p, .queue = queue, .tables = tables };

	for (;;) {
		if (signals_check() || pages_read_ahead(&pass))
			return -1;
		if (!ioqueue_has_next(queue))
			break;
		if (pages_take(&pass, p))
			return -1;
	}
	if (pages_without_data(&pass, p->n))
		return -1;
	return pages_flush(&pass);
}

int mapped_pages_read(struct mapped_pages *p)
{
	struct ioqueue *queue = ioqueue_new(p->fd, NULL, false, p->io);
	int ret;

	if (!queue)
		return -1;
	ret = pages_pass(p, queue, false) || pages_pass(p, queue, true);
	ioqueue_free(queue);
	return ret ? -1 : 0;
}
