// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "msg.h"
#include "packed_frames.h"
#include "packed_readback.h"
#include "packed_writer.h"
#include "page.h"

/* A pfn that came, in @kinds. */
#define PACKED_SEEN 0x80

/**
 * struct packed_writer - the writer
 * @kinds: PACKED_SEEN and the newest kind of each pfn, or 0; ZERO may be DATA here
 * @pfns: of @kinds
 * @given: pages that came, repeats among them
 * @at_index: offset of the first INDEX section
 */
struct packed_writer {
	struct image img;
	struct sections sections;
	struct packed_index index;
	struct packed_frames frames;
	bool readable;
	struct packed_readback readback;
	uint8_t *kinds;
	uint64_t pfns;
	uint64_t given;
	uint64_t at_index;
};

static struct packed_writer *packed_of(struct image *img)
{
	return (struct packed_writer *)img;
}

/* As packed_section(), with these flags. */
static int packed_flagged(struct packed_writer *w, uint32_t type, uint32_t flags, int ret,
			  struct section_body *body)
{
	struct stillpoint_section h = { .length = 0 };

	if (!ret)
		ret = sections_add(&w->sections, type, flags, body->data, body->size, &h);
	if (!ret)
		ret = output_append(w->img.out, &h, sizeof(h));
	if (!ret)
		ret = output_append(w->img.out, body->data, h.length);
	section_body_free(body);
	return ret;
}

/* Write a section with this body, which is freed. @ret is of who made the body. */
static int packed_section(struct packed_writer *w, uint32_t type, int ret,
			  struct section_body *body)
{
	return packed_flagged(w, type, STILLPOINT_SECTION_MANDATORY, ret, body);
}

static int packed_head(struct image *img, const struct image_head *head)
{
	struct packed_writer *w = packed_of(img);
	struct section_body body;

	if (sections_seal_header(&w->sections) ||
	    output_append(img->out, &w->sections.header, sizeof(w->sections.header)))
		return -1;
	if (packed_section(w, STILLPOINT_SECTION_CONFIG, body_config(&body, head->config), &body))
		return -1;
	return packed_section(w, STILLPOINT_SECTION_PLATFORM, body_platform(&body, head), &body);
}

static int packed_grow(struct packed_writer *w, uint64_t pfns)
{
	uint8_t *kinds;

	if (pfns < w->pfns)
		return msg_error("the p2m became smaller: %llu pfns after %llu",
				 (unsigned long long)pfns, (unsigned long long)w->pfns);
	kinds = realloc(w->kinds, pfns);
	if (!kinds)
		return msg_error("out of memory for the kinds of %llu pages",
				 (unsigned long long)pfns);
	memset(kinds + w->pfns, 0, pfns - w->pfns);
	w->kinds = kinds;
	w->pfns = pfns;
	return w->readable ? packed_readback_grow(&w->readback, pfns) : 0;
}

static int packed_p2m(struct image *img, const struct image_p2m *p2m)
{
	struct packed_writer *w = packed_of(img);
	struct stillpoint_index_entry entry = {
		.type = STILLPOINT_SECTION_P2M,
	};
	struct section_body body;

	if (packed_frames_drain(&w->frames))
		return -1;
	entry.offset = img->out->length;
	entry.number = w->sections.next;
	if (packed_section(w, STILLPOINT_SECTION_P2M, body_p2m(&body, p2m), &body) ||
	    packed_index_add(&w->index, &entry))
		return -1;
	return packed_grow(w, p2m->max_pfn + 1);
}

/* What has them more often could not be read. */
static int packed_give(struct packed_writer *w)
{
	if (++w->given > STILLPOINT_PAGE_TIMES_MAX * w->pfns)
		return msg_error("pages come again too often: %llu of %llu pfns",
				 (unsigned long long)w->given, (unsigned long long)w->pfns);
	return 0;
}

static int packed_bad_page(uint64_t pfn, unsigned int kind, unsigned int type)
{
	return msg_error("page %#llx of kind %u and type %u is not one of the guest's",
			 (unsigned long long)pfn, kind, type);
}

static int packed_page(struct image *img, const struct image_page *page)
{
	static const uint8_t zeroes[PAGE_BYTES];
	struct packed_writer *w = packed_of(img);
	const unsigned int type = page_type_number(page->type);
	const void *data = page->data;
	unsigned int kind = page->kind;

	/* A page table is written as it is, even if it is empty. */
	if (kind == STILLPOINT_PAGE_DATA && !type && page_is_zero(data))
		kind = STILLPOINT_PAGE_ZERO;
	if ((kind == STILLPOINT_PAGE_ZERO || kind == STILLPOINT_PAGE_FREE) && type) {
		kind = STILLPOINT_PAGE_DATA;
		data = zeroes;
	}
	if (page->pfn >= w->pfns || !frame_kind_fits(kind, type))
		return packed_bad_page(page->pfn, kind, type);
	if (packed_give(w) || packed_frames_add(&w->frames, page->pfn, kind, type, data))
		return -1;
	w->kinds[page->pfn] = PACKED_SEEN | kind;
	if (w->readable)
		w->readback.where[page->pfn] =
			kind == STILLPOINT_PAGE_DATA ? packed_frames_entry(&w->frames) + 1 : 0;
	return 0;
}

static int packed_tmem(struct image *img, const struct image_tmem *part)
{
	struct packed_writer *w = packed_of(img);
	struct section_body body;

	if (packed_frames_drain(&w->frames))
		return -1;
	return packed_flagged(w, part->type, part->mandatory ? STILLPOINT_SECTION_MANDATORY : 0,
			      body_bytes(&body, part->body, part->size), &body);
}

static int packed_copy_page(struct packed_writer *w, uint64_t pfn, const uint8_t *src)
{
	if (pfn >= w->pfns)
		return packed_bad_page(pfn, STILLPOINT_PAGE_DATA, 0);
	if (packed_give(w) || packed_frames_borrow(&w->frames, pfn, src))
		return -1;
	w->kinds[pfn] = PACKED_SEEN | STILLPOINT_PAGE_DATA;
	if (w->readable)
		w->readback.where[pfn] = packed_frames_entry(&w->frames) + 1;
	return 0;
}

static int packed_copy(struct image *img, const uint32_t *pfns, const uint8_t *const *src, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		/* Each that does not would begin a frame. */
		if (i && pfns[i] <= pfns[i - 1])
			return msg_error("page %#x was given after page %#x", pfns[i], pfns[i - 1]);
		if (packed_copy_page(packed_of(img), pfns[i], src[i]))
			return -1;
	}
	return 0;
}

/* What page() was given is copied already. */
static int packed_flush(struct image *img)
{
	packed_frames_settle(&packed_of(img)->frames);
	return 0;
}

static int packed_read(struct image *img, uint64_t pfn, void *data)
{
	struct packed_writer *w = packed_of(img);

	if (!w->readable || pfn >= w->pfns)
		return msg_error("page %#llx cannot be read back", (unsigned long long)pfn);
	if (!w->readback.where[pfn]) {
		memset(data, 0, PAGE_BYTES);
		return 0;
	}
	if (packed_frames_drain(&w->frames) || output_flush(img->out))
		return -1;
	return packed_readback_page(&w->readback, &w->sections, &w->index, img->out, pfn, data);
}

static int packed_vcpus(struct packed_writer *w, const struct image_tail *tail)
{
	struct section_body body;
	size_t i;

	for (i = 0; i < tail->nvcpus; i++)
		if (packed_section(w, STILLPOINT_SECTION_VCPU, body_vcpu(&body, &tail->vcpus[i]),
				   &body))
			return -1;
	return 0;
}

static int packed_write_index(struct packed_writer *w)
{
	struct section_body body;
	size_t i, n;

	w->at_index = w->img.out->length;
	for (i = 0; i < w->index.n; i += n) {
		n = w->index.n - i < PACKED_INDEX_ENTRIES ? w->index.n - i : PACKED_INDEX_ENTRIES;
		if (packed_section(w, STILLPOINT_SECTION_INDEX,
				   body_bytes(&body, w->index.entries + i,
					      n * sizeof(*w->index.entries)),
				   &body))
			return -1;
	}
	return 0;
}

static uint64_t packed_count_pages(const struct packed_writer *w)
{
	uint64_t n = 0, i;

	for (i = 0; i < w->pfns; i++)
		n += w->kinds[i] > (PACKED_SEEN | STILLPOINT_PAGE_NONE);
	return n;
}

static int packed_end(struct packed_writer *w)
{
	struct stillpoint_footer footer = {
		.sections = sizeof(w->sections.header),
		.index = w->at_index,
		.end = w->img.out->length,
	};
	struct stillpoint_end end;
	struct section_body body;

	sections_end(&w->sections, packed_count_pages(w), &end);
	if (packed_section(w, STILLPOINT_SECTION_END, body_bytes(&body, &end, sizeof(end)), &body))
		return -1;
	footer.length = w->img.out->length + sizeof(footer);
	sections_footer(&w->sections, &footer);
	return output_append(w->img.out, &footer, sizeof(footer));
}

static int packed_tail(struct image *img, const struct image_tail *tail)
{
	struct packed_writer *w = packed_of(img);
	struct section_body body;

	if (packed_frames_drain(&w->frames) ||
	    packed_section(w, STILLPOINT_SECTION_TSC, body_tsc(&body, &tail->tsc), &body) ||
	    packed_section(w, STILLPOINT_SECTION_SHARED_INFO,
			   body_shared_info(&body, tail->shared_info), &body))
		return -1;
	return packed_vcpus(w, tail) || packed_write_index(w) || packed_end(w) ? -1 : 0;
}

static void packed_free(struct image *img)
{
	struct packed_writer *w = packed_of(img);

	packed_frames_free(&w->frames);
	packed_readback_free(&w->readback);
	packed_index_free(&w->index);
	sections_free(&w->sections);
	free(w->kinds);
	free(w);
}

static const struct image_ops packed_ops = {
	.head = packed_head,
	.p2m = packed_p2m,
	.page = packed_page,
	.copy = packed_copy,
	.tmem = packed_tmem,
	.flush = packed_flush,
	.read = packed_read,
	.tail = packed_tail,
	.free = packed_free,
};

static int packed_init(struct packed_writer *w, const struct image_options *opts)
{
	struct stillpoint_image_header *h = &w->sections.header;

	if (opts->readable && w->img.out->stream)
		return msg_error("an image that goes to standard output cannot be read back");
	if (sections_create(&w->sections, STILLPOINT_LAYOUT_PACKED, opts->secret))
		return -1;
	output_want_direct(w->img.out);
	h->frame_bytes = PACKED_FRAME_BYTES;
	h->optional = STILLPOINT_IMAGE_FREE_PAGES;
	w->frames.out = w->img.out;
	w->frames.sections = &w->sections;
	w->frames.index = &w->index;
	if (packed_frames_init(&w->frames, opts))
		return -1;
	return opts->readable ? packed_readback_init(&w->readback, h->frame_bytes) : 0;
}

struct image *packed_writer_new(struct output *out, const struct image_options *opts)
{
	struct packed_writer *w = calloc(1, sizeof(*w));

	if (!w) {
		msg_error("out of memory for the image");
		return NULL;
	}
	w->img.ops = &packed_ops;
	w->img.out = out;
	w->readable = opts->readable;
	if (!packed_init(w, opts))
		return &w->img;
	packed_free(&w->img);
	return NULL;
}

uint64_t packed_writer_bytes(uint64_t pages, uint64_t pfns, uint64_t vcpus)
{
	/* Two p2ms, a header for each vCPU, and 1 MiB for the rest. */
	return packed_frames_bytes(pages, pfns) + (pfns / ENTRIES_PER_PAGE + 1) * 16 +
	       vcpus * (sizeof(struct stillpoint_section) + CRYPT_TAG_BYTES) + (1u << 20);
}
