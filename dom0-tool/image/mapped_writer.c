// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "mapped_writer.h"
#include "msg.h"
#include "page.h"
#include "section.h"
#include "signals.h"
#include "tmem_spool.h"

#define BATCH_PAGES (IOQUEUE_BYTES / PAGE_BYTES)

/* PLATFORM's policies have some KiB; with this the rest fits into MAPPED_REST. */
#define MAPPED_PLATFORM_MAX (512u << 10)

/* Header, PLATFORM, TSC, SHARED_INFO, END, footer, and the headers of the sections. */
#define MAPPED_REST (1u << 20)

/* What a pfn has that never came. */
#define MAPPED_NO_TYPE (XEN_DOMCTL_PFINFO_XTAB >> XEN_DOMCTL_PFINFO_LTAB_SHIFT)

_Static_assert(sizeof(struct stillpoint_place) == 16, "place");

/**
 * struct mapped_writer - the writer
 * @places: what the places shall have; see mapped_stale()
 * @nplaces: their number: the highest pfn and one more
 * @pfns_max: of which there may be as many, 0 for any number
 * @batch: request for consecutive pages, which has not started; NULL if there is none
 * @first: the first pfn of the batch
 * @n: number of its pages
 * @offset: where the next section goes
 * @tmem: which stands behind the places, and so waits for them
 */
struct mapped_writer {
	struct image img;
	struct ioqueue *queue;
	struct sections sections;
	struct section_body config;
	struct section_body platform;
	struct section_body p2m;
	struct stillpoint_place *places;
	uint64_t nplaces;
	uint64_t pfns_max;
	struct ioqueue_request *batch;
	uint64_t first;
	uint64_t n;
	uint64_t offset;
	struct tmem_spool tmem;
};

static struct mapped_writer *mapped_of(struct image *img)
{
	return (struct mapped_writer *)img;
}

static uint64_t mapped_place(uint64_t pfn)
{
	return MAPPED_DATA + pfn * PAGE_BYTES;
}

static int mapped_head(struct image *img, const struct image_head *head)
{
	struct mapped_writer *m = mapped_of(img);

	if (body_config(&m->config, head->config) || body_platform(&m->platform, head))
		return -1;
	if (m->platform.size > MAPPED_PLATFORM_MAX)
		return msg_error("the CPU policies have %zu bytes, at most %u are allowed",
				 m->platform.size, MAPPED_PLATFORM_MAX);
	return 0;
}

/* Have places for @n pfns, and a file in which they are holes. */
static int mapped_grow(struct mapped_writer *m, uint64_t n)
{
	struct stillpoint_place *places;
	uint64_t pfn;

	if (m->pfns_max && n > m->pfns_max)
		return msg_error(
			"the guest has grown to %llu pfns, the image was given room for %llu; try again",
			(unsigned long long)n, (unsigned long long)m->pfns_max);
	if (n <= m->nplaces)
		return 0;
	places = realloc(m->places, n * sizeof(*places));
	if (!places)
		return msg_error("out of memory for the places of %llu pages",
				 (unsigned long long)n);
	m->places = places;
	for (pfn = m->nplaces; pfn < n; pfn++)
		places[pfn] = (struct stillpoint_place){ .type = MAPPED_NO_TYPE };
	m->nplaces = n;
	if (ftruncate(m->img.out->fd, mapped_place(n)))
		return msg_error("cannot make '%s' %llu bytes long: %s", m->img.out->path,
				 (unsigned long long)mapped_place(n), strerror(errno));
	return 0;
}

static int mapped_p2m(struct image *img, const struct image_p2m *p2m)
{
	struct mapped_writer *m = mapped_of(img);

	section_body_free(&m->p2m);
	if (body_p2m(&m->p2m, p2m))
		return -1;
	return mapped_grow(m, p2m->max_pfn + 1);
}

/*
 * True if the file has bytes of an older page there, where none belong. They are removed in
 * the end, many at a time: a hole costs more than a write. Zero in the file, as reserved.
 */
static uint8_t *mapped_stale(struct stillpoint_place *place)
{
	return &place->reserved[0];
}

static int mapped_end_batch(struct mapped_writer *m)
{
	struct ioqueue_request *req = m->batch;

	if (!req)
		return 0;
	m->batch = NULL;
	req->offset = mapped_place(m->first);
	req->size = m->n * PAGE_BYTES;
	return ioqueue_start(m->queue, req);
}

/* Write @data to the place of @pfn, sooner or later; *copy becomes the bytes that are. */
static int mapped_write(struct mapped_writer *m, uint64_t pfn, const void *data,
			const uint8_t **copy)
{
	uint8_t *to;

	if (m->batch && (pfn != m->first + m->n || m->n == BATCH_PAGES) && mapped_end_batch(m))
		return -1;
	if (!m->batch) {
		m->batch = ioqueue_room(m->queue);
		if (!m->batch)
			return -1;
		m->first = pfn;
		m->n = 0;
	}
	to = m->batch->data + m->n * PAGE_BYTES;
	memcpy(to, data, PAGE_BYTES);
	*copy = to;
	m->n++;
	return 0;
}

/* Types but for plain memory's have no kinds but one. */
static int mapped_check(const struct mapped_writer *m, const struct image_page *page)
{
	bool none = page->kind == STILLPOINT_PAGE_NONE;

	if (page->pfn >= m->nplaces)
		return msg_error("page %#llx is outside of the guest's %llu pfns",
				 (unsigned long long)page->pfn, (unsigned long long)m->nplaces);
	if (!page_type_known(page->type) || page_type_has_data(page->type) == none ||
	    (page_type_number(page->type) &&
	     (page->kind == STILLPOINT_PAGE_ZERO || page->kind == STILLPOINT_PAGE_FREE)))
		return msg_error("page %#llx of type %#x cannot be of kind %d",
				 (unsigned long long)page->pfn, page->type, page->kind);
	return 0;
}

static int mapped_page(struct image *img, const struct image_page *page)
{
	struct mapped_writer *m = mapped_of(img);
	struct stillpoint_place place = {
		.kind = page->kind,
		.type = page_type_number(page->type),
	}, *old;
	const uint8_t *copy;

	if (mapped_check(m, page))
		return -1;
	old = &m->places[page->pfn];
	if (place.kind == STILLPOINT_PAGE_DATA && !place.type && page_is_zero(page->data))
		place.kind = STILLPOINT_PAGE_ZERO;
	if (place.kind == STILLPOINT_PAGE_DATA) {
		if (mapped_write(m, page->pfn, page->data, &copy))
			return -1;
		place.checksum = XXH3_64bits(copy, PAGE_BYTES);
	} else {
		*mapped_stale(&place) = old->kind == STILLPOINT_PAGE_DATA || *mapped_stale(old);
	}
	*old = place;
	return 0;
}

static int mapped_tmem(struct image *img, const struct image_tmem *part)
{
	return tmem_spool_add(&mapped_of(img)->tmem, img->out, part);
}

/* Nothing of the caller's is in use: all data were copied. */
static int mapped_flush(struct image *img)
{
	return mapped_of(img)->queue->failed ? -1 : 0;
}

static int mapped_read(struct image *img, uint64_t pfn, void *data)
{
	struct mapped_writer *m = mapped_of(img);
	ssize_t n;

	if (pfn >= m->nplaces || m->places[pfn].kind != STILLPOINT_PAGE_DATA) {
		memset(data, 0, PAGE_BYTES);
		return 0;
	}
	if (mapped_end_batch(m) || ioqueue_drain(m->queue))
		return -1;
	do
		n = pread(img->out->fd, data, PAGE_BYTES, mapped_place(pfn));
	while (n < 0 && errno == EINTR);
	if (n != PAGE_BYTES)
		return msg_error("cannot read '%s' back: %s", img->out->path,
				 n < 0 ? strerror(errno) : "it is too short");
	return 0;
}

static int mapped_put(struct mapped_writer *m, const void *data, size_t size, uint64_t offset)
{
	const uint8_t *p = data;
	ssize_t n;

	while (size) {
		n = pwrite(m->img.out->fd, p, size, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return msg_error("cannot write '%s' at offset %llu: %s", m->img.out->path,
					 (unsigned long long)offset,
					 n ? strerror(errno) : "nothing written");
		p += n;
		offset += n;
		size -= n;
	}
	return 0;
}

static int mapped_append(struct mapped_writer *m, const void *data, size_t size)
{
	if (mapped_put(m, data, size, m->offset))
		return -1;
	m->offset += size;
	return 0;
}

/* Nothing is encrypted, so that the body is not changed. */
static int mapped_flagged(struct mapped_writer *m, uint32_t type, uint32_t flags, void *body,
			  size_t size)
{
	struct stillpoint_section h;

	if (sections_add(&m->sections, type, flags, body, size, &h) ||
	    mapped_append(m, &h, sizeof(h)))
		return -1;
	return mapped_append(m, body, size);
}

static int mapped_section(struct mapped_writer *m, uint32_t type, void *body, size_t size)
{
	return mapped_flagged(m, type, STILLPOINT_SECTION_MANDATORY, body, size);
}

static int mapped_body(struct mapped_writer *m, uint32_t type, const struct section_body *body)
{
	return mapped_section(m, type, body->data, body->size);
}

/* The end of the pages from @pfn on that have no data; *stale: some of them were stale. */
static uint64_t mapped_empty_end(struct mapped_writer *m, uint64_t pfn, bool *stale)
{
	*stale = false;
	for (; pfn < m->nplaces && m->places[pfn].kind != STILLPOINT_PAGE_DATA; pfn++) {
		*stale |= *mapped_stale(&m->places[pfn]);
		*mapped_stale(&m->places[pfn]) = 0;
	}
	return pfn;
}

/* Make holes of what is stale. */
static int mapped_clear(struct mapped_writer *m)
{
	uint64_t pfn, end;
	bool stale;

	for (pfn = 0; pfn < m->nplaces; pfn = end + 1) {
		if (signals_check())
			return -1;
		end = mapped_empty_end(m, pfn, &stale);
		if (stale && ioqueue_clear(m->queue, mapped_place(pfn), (end - pfn) * PAGE_BYTES))
			return -1;
	}
	return 0;
}

static int mapped_sections_before(struct mapped_writer *m)
{
	uint64_t pfn, n;

	if (mapped_body(m, STILLPOINT_SECTION_CONFIG, &m->config) ||
	    mapped_body(m, STILLPOINT_SECTION_PLATFORM, &m->platform) ||
	    mapped_body(m, STILLPOINT_SECTION_P2M, &m->p2m))
		return -1;
	for (pfn = 0; pfn < m->nplaces; pfn += n) {
		n = m->nplaces - pfn;
		if (n > MAPPED_SECTION_PLACES)
			n = MAPPED_SECTION_PLACES;
		if (mapped_section(m, STILLPOINT_SECTION_PLACES, m->places + pfn,
				   n * sizeof(*m->places)))
			return -1;
	}
	return 0;
}

static int mapped_sections_tmem(struct mapped_writer *m)
{
	struct image_tmem part;
	int ret;

	while ((ret = tmem_spool_next(&m->tmem, &part)) > 0) {
		ret = signals_check() ||
		      mapped_flagged(m, part.type,
				     part.mandatory ? STILLPOINT_SECTION_MANDATORY : 0,
				     (void *)part.body, part.size);
		free((void *)part.body);
		if (ret)
			return -1;
	}
	return ret;
}

static int mapped_sections_behind(struct mapped_writer *m, const struct image_tail *tail)
{
	struct section_body body = { .data = NULL };
	size_t i;
	int ret;

	ret = body_tsc(&body, &tail->tsc) || mapped_body(m, STILLPOINT_SECTION_TSC, &body);
	section_body_free(&body);
	if (ret)
		return -1;
	ret = body_shared_info(&body, tail->shared_info) ||
	      mapped_body(m, STILLPOINT_SECTION_SHARED_INFO, &body);
	section_body_free(&body);
	for (i = 0; i < tail->nvcpus && !ret; i++) {
		ret = body_vcpu(&body, &tail->vcpus[i]) ||
		      mapped_body(m, STILLPOINT_SECTION_VCPU, &body);
		section_body_free(&body);
	}
	return ret ? -1 : 0;
}

static uint64_t mapped_pages(const struct mapped_writer *m)
{
	uint64_t pfn, n = 0;

	for (pfn = 0; pfn < m->nplaces; pfn++)
		n += m->places[pfn].kind != STILLPOINT_PAGE_NONE;
	return n;
}

static int mapped_end(struct mapped_writer *m)
{
	struct stillpoint_footer footer = {
		.sections = mapped_place(m->nplaces),
		.index = m->offset,
		.end = m->offset,
	};
	struct stillpoint_end end;

	sections_end(&m->sections, mapped_pages(m), &end);
	if (mapped_section(m, STILLPOINT_SECTION_END, &end, sizeof(end)))
		return -1;
	footer.length = m->offset + sizeof(footer);
	sections_footer(&m->sections, &footer);
	return mapped_append(m, &footer, sizeof(footer));
}

static int mapped_tail(struct image *img, const struct image_tail *tail)
{
	struct mapped_writer *m = mapped_of(img);
	struct stillpoint_image_header *header = &m->sections.header;

	if (mapped_end_batch(m) || mapped_clear(m) || ioqueue_drain(m->queue))
		return -1;
	header->places = m->nplaces;
	header->data = MAPPED_DATA;
	m->offset = mapped_place(m->nplaces);
	if (sections_seal_header(&m->sections) || mapped_sections_before(m) ||
	    mapped_sections_tmem(m) || mapped_sections_behind(m, tail) || mapped_end(m))
		return -1;
	/* The header comes last: what has none is no image. */
	if (mapped_put(m, header, sizeof(*header), 0))
		return -1;
	img->out->length = m->offset;
	return 0;
}

static void mapped_free(struct image *img)
{
	struct mapped_writer *m = mapped_of(img);

	ioqueue_free(m->queue);
	tmem_spool_free(&m->tmem);
	sections_free(&m->sections);
	section_body_free(&m->config);
	section_body_free(&m->platform);
	section_body_free(&m->p2m);
	free(m->places);
	free(m);
}

static const struct image_ops mapped_ops = {
	.head = mapped_head,
	.p2m = mapped_p2m,
	.page = mapped_page,
	.tmem = mapped_tmem,
	.flush = mapped_flush,
	.read = mapped_read,
	.tail = mapped_tail,
	.free = mapped_free,
};

static int mapped_options_check(const struct output *out, const struct image_options *opts)
{
	if (opts->secret)
		return msg_error(
			"only the packed layout can be encrypted; use --layout packed with --key-file");
	if (out->stream)
		return msg_error(
			"the mapped layout needs a file; use --layout packed for standard output");
	return 0;
}

struct image *mapped_writer_new(struct output *out, const struct image_options *opts,
				const struct ioqueue_options *io)
{
	struct mapped_writer *m;

	if (mapped_options_check(out, opts))
		return NULL;
	m = calloc(1, sizeof(*m));
	if (!m) {
		msg_error("out of memory for the image");
		return NULL;
	}
	m->img.ops = &mapped_ops;
	m->img.out = out;
	m->pfns_max = opts->pfns_max;
	tmem_spool_init(&m->tmem);
	m->queue = ioqueue_new(out->fd, out->path, true, io);
	if (!m->queue || sections_create(&m->sections, STILLPOINT_LAYOUT_MAPPED, NULL)) {
		mapped_free(&m->img);
		return NULL;
	}
	return &m->img;
}

uint64_t mapped_writer_bytes(const struct image_options *opts, uint64_t pfns, uint64_t vcpus,
			     uint64_t config)
{
	uint64_t n = opts->pfns_max > pfns ? opts->pfns_max : pfns;

	/* A page and its place; a frame of the p2m for each 512, twice the room it takes. */
	return MAPPED_DATA + n * (PAGE_BYTES + sizeof(struct stillpoint_place)) +
	       (n / ENTRIES_PER_PAGE + 1) * 16 +
	       (n / MAPPED_SECTION_PLACES + 1) * sizeof(struct stillpoint_section) +
	       vcpus * (IMAGE_VCPU_BYTES + sizeof(struct stillpoint_section)) + config +
	       MAPPED_REST;
}
