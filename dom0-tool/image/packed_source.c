// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "packed_pages.h"
#include "packed_source.h"
#include "reader.h"
#include "tmem_state.h"

/* Bytes between two reports of progress. */
#define PACKED_PROGRESS (16u << 20)

/* The order that sections come in. */
enum packed_stage {
	STAGE_HEAD,
	STAGE_PAGES,
	STAGE_STATE,
	STAGE_INDEX,
	STAGE_END,
	STAGE_TMEM,
	STAGE_ANY,
	STAGE_NEVER,
};

/**
 * struct packed_source - the source
 * @stage: of the section that came last
 * @at_index: offset of the first INDEX, or of END if there is none
 * @at_end: offset of END
 * @reported: offset of the last report of progress
 * @early: the last TMEM_POOLS before the head was complete; it owns the body, or has none
 * @belongs: a side file said what it belongs to
 */
struct packed_source {
	struct source src;
	struct reader r;
	struct sections sections;
	struct section_state state;
	struct packed_index index;
	struct packed_pages pages;
	struct image *to;
	enum packed_stage stage;
	uint64_t at_index;
	uint64_t at_end;
	uint64_t reported;
	struct tmem_state tmem;
	struct image_tmem early;
	bool belongs;
};

static int packed_bad(const char *what, uint32_t type, uint64_t offset)
{
	return msg_error("the image is damaged: %s in %s at offset %llu", what, section_name(type),
			 (unsigned long long)offset);
}

static void packed_progress(struct packed_source *p, uint64_t step)
{
	const struct source_options *opts = &p->src.opts;

	if (!opts->progress || p->r.offset - p->reported < step)
		return;
	p->reported = p->r.offset;
	opts->progress(p->r.offset, p->r.size == READER_SIZE_UNKNOWN ? 0 : p->r.size);
}

static int packed_open(struct packed_source *p)
{
	struct stillpoint_image_header header;

	if (reader_open(&p->r, p->src.fd))
		return -1;
	reader_drop_digest(&p->r);
	reader_push(&p->r, p->src.peeked, p->src.npeeked);
	if (reader_read(&p->r, &header, sizeof(header), "the header"))
		return -1;
	p->src.info.encrypted = header.mandatory & STILLPOINT_IMAGE_ENCRYPTED;
	/* The file may have become another since it was recognised. */
	if (source_check_encrypted(&p->src) ||
	    sections_open(&p->sections, &header, p->src.opts.secret))
		return -1;
	if (header.layout != STILLPOINT_LAYOUT_PACKED)
		return msg_error("the image is damaged: it is not of the packed layout");
	p->src.info.side = header.mandatory & STILLPOINT_IMAGE_SIDE;
	if (p->src.info.side && !p->src.opts.side)
		return msg_error(
			"this is a side file, which has the tmem pools of an image and no memory; name it with --tmem-file, and the image");
	if (!p->src.info.side && p->src.opts.only_side)
		return msg_error("this is no side file of tmem pools");
	if (tmem_state_init(&p->tmem, "the image is damaged"))
		return -1;
	p->src.info.tmem = &p->tmem;
	memcpy(p->src.info.id, header.id, sizeof(header.id));
	p->pages.sections = &p->sections;
	p->pages.index = &p->index;
	p->pages.info = &p->src.info;
	p->pages.to = p->to;
	return packed_pages_init(&p->pages, p->src.opts.threads);
}

static enum packed_stage packed_stage_of(uint32_t type)
{
	switch (type) {
	case STILLPOINT_SECTION_CONFIG:
	case STILLPOINT_SECTION_PLATFORM:
		return STAGE_HEAD;
	case STILLPOINT_SECTION_P2M:
	case STILLPOINT_SECTION_PAGES:
		return STAGE_PAGES;
	case STILLPOINT_SECTION_TSC:
	case STILLPOINT_SECTION_SHARED_INFO:
	case STILLPOINT_SECTION_VCPU:
		return STAGE_STATE;
	case STILLPOINT_SECTION_TMEM_POOLS:
	case STILLPOINT_SECTION_TMEM_PAGES:
	case STILLPOINT_SECTION_TMEM_INVALIDATE:
	case STILLPOINT_SECTION_TMEM_IMAGE:
		return STAGE_TMEM;
	case STILLPOINT_SECTION_INDEX:
		return STAGE_INDEX;
	case STILLPOINT_SECTION_END:
		return STAGE_END;
	default:
		return section_known(type) ? STAGE_NEVER : STAGE_ANY;
	}
}

/* The head is complete when the first P2M comes, before which there are no pages. */
static int packed_check_head(struct packed_source *p, uint64_t offset)
{
	struct source_info *info = &p->src.info;

	if (!p->state.has_config || !p->state.has_platform)
		return msg_error(
			"the image is damaged: CONFIG or PLATFORM is missing before offset %llu",
			(unsigned long long)offset);
	info->config = p->state.config;
	info->xen_major = p->state.head.xen_major;
	info->xen_minor = p->state.head.xen_minor;
	return 0;
}

static int packed_give_head(struct packed_source *p, uint64_t offset)
{
	const struct source_options *opts = &p->src.opts;
	int ret;

	if (packed_check_head(p, offset))
		return -1;
	if (p->tmem.any && opts->tmem && opts->tmem(opts->data, &p->tmem))
		return -1;
	if (opts->config && opts->config(opts->data, p->src.info.config))
		return -1;
	ret = p->to ? p->to->ops->head(p->to, &p->state.head) : 0;
	if (!ret && p->to && p->early.body)
		ret = image_tmem(p->to, &p->early);
	free((void *)p->early.body);
	p->early.body = NULL;
	return ret;
}

/* Whether a section of @type, tmem's, may come now. */
static bool packed_tmem_fits(const struct packed_source *p, uint32_t type)
{
	if (p->src.info.side)
		return !p->belongs && p->stage == STAGE_HEAD;
	return type != STILLPOINT_SECTION_TMEM_IMAGE && p->stage <= STAGE_STATE;
}

static int packed_enter_stage(struct packed_source *p, uint32_t type, uint64_t offset)
{
	enum packed_stage stage = packed_stage_of(type), before = p->stage;

	if (stage == STAGE_ANY)
		return 0;
	if (stage == STAGE_TMEM && packed_tmem_fits(p, type)) {
		if (p->stage > STAGE_HEAD || p->src.info.side ||
		    type == STILLPOINT_SECTION_TMEM_POOLS)
			return 0;
		/* It is behind the head, as pages are. */
		stage = STAGE_PAGES;
	}
	if (stage > STAGE_END || stage < p->stage || (p->src.info.side && stage != STAGE_END))
		return msg_error("the image is damaged: %s at offset %llu is out of order",
				 section_name(type), (unsigned long long)offset);
	p->stage = stage;
	if (p->src.info.side)
		return 0;
	return before == STAGE_HEAD && stage != STAGE_HEAD ? packed_give_head(p, offset) : 0;
}

static int packed_take_frame(struct packed_source *p, const struct stillpoint_section *h,
			     uint64_t offset)
{
	const size_t tag = p->sections.crypt ? CRYPT_TAG_BYTES : 0;
	struct packed_slot *slot;

	if (!p->state.has_p2m)
		return packed_bad("pages before any P2M", h->type, offset);
	if (h->length > frame_body_max(p->sections.header.frame_bytes) + tag)
		return packed_bad("an impossible length", h->type, offset);
	slot = packed_pages_get(&p->pages, h->length);
	if (!slot || reader_read(&p->r, slot->body.data, h->length, "PAGES"))
		return -1;
	slot->h = *h;
	slot->offset = offset;
	packed_pages_put(&p->pages, slot);
	return 0;
}

static int packed_take_p2m(struct packed_source *p, const struct stillpoint_section *h,
			   uint64_t offset)
{
	const struct stillpoint_index_entry entry = {
		.offset = offset,
		.type = h->type,
		.number = h->number,
	};

	if (packed_index_add(&p->index, &entry) ||
	    packed_pages_grow(&p->pages, p->state.p2m.max_pfn + 1))
		return -1;
	p->src.info.pfns = p->state.p2m.max_pfn + 1;
	return p->to ? p->to->ops->p2m(p->to, &p->state.p2m) : 0;
}

static int packed_take_index(struct packed_source *p, const void *body, size_t size,
			     uint64_t offset)
{
	if (!p->at_index)
		p->at_index = offset;
	return packed_index_check(&p->index, body, size, offset);
}

static int packed_take_end(struct packed_source *p, const void *body, size_t size, uint64_t offset)
{
	struct source_info *info = &p->src.info;
	struct stillpoint_end end;
	uint64_t pages;

	if (size != sizeof(end))
		return packed_bad("a wrong size", STILLPOINT_SECTION_END, offset);
	memcpy(&end, body, sizeof(end));
	if (packed_index_check_end(&p->index) || sections_check_end(&p->sections, &end))
		return -1;
	packed_pages_count(&p->pages, info->pages);
	pages = info->pages[STILLPOINT_PAGE_DATA] + info->pages[STILLPOINT_PAGE_ZERO] +
		info->pages[STILLPOINT_PAGE_FREE];
	if (end.pages != UINT64_MAX && end.pages != pages)
		return msg_error("the image is damaged: it has %llu pages, its END says %llu",
				 (unsigned long long)pages, (unsigned long long)end.pages);
	if (!p->at_index)
		p->at_index = offset;
	p->at_end = offset;
	info->digest = true;
	info->sections = end.sections;
	memcpy(info->tally, p->sections.tally, sizeof(info->tally));
	return 0;
}

/* Keep the body until the head is complete. */
static int packed_keep_early(struct packed_source *p, const struct image_tmem *part)
{
	void *body = malloc(part->size);

	if (!body)
		return msg_error("out of memory for the image's tmem pools");
	memcpy(body, part->body, part->size);
	free((void *)p->early.body);
	p->early = *part;
	p->early.body = body;
	return 0;
}

static int packed_take_tmem(struct packed_source *p, const struct stillpoint_section *h,
			    const void *body, size_t size, uint64_t offset)
{
	const struct image_tmem part = {
		.type = h->type,
		.mandatory = h->flags & STILLPOINT_SECTION_MANDATORY,
		.body = body,
		.size = size,
	};

	if (tmem_state_take(&p->tmem, &part, offset))
		return -1;
	if (p->stage == STAGE_HEAD && !p->src.info.side)
		return packed_keep_early(p, &part);
	return p->to ? image_tmem(p->to, &part) : 0;
}

/* What a side file belongs to. */
static int packed_take_belongs(struct packed_source *p, const void *body, size_t size,
			       uint64_t offset)
{
	struct stillpoint_tmem_image *xl = &p->src.info.xl;

	if (size != sizeof(*xl))
		return packed_bad("a wrong size", STILLPOINT_SECTION_TMEM_IMAGE, offset);
	memcpy(xl, body, sizeof(*xl));
	p->belongs = true;
	return 0;
}

/* The checked and decrypted body of a section that is not PAGES. */
static int packed_take_body(struct packed_source *p, const struct stillpoint_section *h,
			    const void *body, size_t size, uint64_t offset)
{
	if (h->type == STILLPOINT_SECTION_INDEX)
		return packed_take_index(p, body, size, offset);
	if (h->type == STILLPOINT_SECTION_END)
		return packed_take_end(p, body, size, offset);
	if (h->type == STILLPOINT_SECTION_TMEM_IMAGE)
		return packed_take_belongs(p, body, size, offset);
	if (tmem_section(h->type))
		return packed_take_tmem(p, h, body, size, offset);
	/* 1 is for an unknown one, without which the image can be read. */
	if (section_state_take(&p->state, h->type, body, size, offset) < 0)
		return -1;
	return h->type == STILLPOINT_SECTION_P2M ? packed_take_p2m(p, h, offset) : 0;
}

static int packed_read_body(struct packed_source *p, const struct stillpoint_section *h,
			    uint64_t offset)
{
	size_t size;
	void *body;
	int ret;

	if (packed_pages_drain(&p->pages) ||
	    reader_read_new(&p->r, &body, h->length, section_name(h->type)))
		return -1;
	ret = section_open(&p->sections, h, offset, body, &size);
	if (!ret)
		ret = packed_take_body(p, h, body, size, offset);
	free(body);
	return ret;
}

static int packed_read_sections(struct packed_source *p)
{
	struct stillpoint_section h;
	uint64_t offset;

	do {
		offset = p->r.offset;
		if (reader_read(&p->r, &h, sizeof(h), "a section") ||
		    sections_next(&p->sections, &h, offset) ||
		    packed_enter_stage(p, h.type, offset))
			return -1;
		if (h.type == STILLPOINT_SECTION_PAGES ? packed_take_frame(p, &h, offset) :
							 packed_read_body(p, &h, offset))
			return -1;
		packed_progress(p, PACKED_PROGRESS);
	} while (h.type != STILLPOINT_SECTION_END);
	return 0;
}

static int packed_read_footer(struct packed_source *p)
{
	struct stillpoint_footer footer;
	bool end;

	if (reader_read(&p->r, &footer, sizeof(footer), "the footer") || reader_at_end(&p->r, &end))
		return -1;
	if (!end)
		return msg_error("the image is damaged: bytes follow its end at offset %llu",
				 (unsigned long long)p->r.offset);
	if (sections_check_footer(&p->sections, &footer, p->r.offset))
		return -1;
	if (footer.sections != sizeof(p->sections.header) || footer.index != p->at_index ||
	    footer.end != p->at_end)
		return msg_error("the image is damaged: its footer has wrong offsets");
	p->src.info.bytes = p->r.offset;
	p->src.info.vcpus = p->state.nvcpus;
	return 0;
}

/* What a restore does with the pages in the end: it fills in the p2m. */
static int packed_check_p2m(const struct packed_source *p)
{
	const struct image_p2m *p2m = &p->state.p2m;
	size_t i;

	for (i = 0; i < p2m->nframes; i++)
		if (!packed_pages_plain(&p->pages, p2m->frames[i]))
			return msg_error(
				"the image is damaged: frame %zu of the p2m, pfn %#llx, is not plain memory",
				i, (unsigned long long)p2m->frames[i]);
	return 0;
}

/* Nothing is missing, now that all was read. */
static int packed_check_whole(const struct packed_source *p)
{
	if (tmem_state_complete(&p->tmem))
		return -1;
	if (!p->src.info.side)
		return section_state_complete(&p->state) || packed_check_p2m(p) ? -1 : 0;
	if (!p->belongs)
		return msg_error("the image is damaged: a side file has no TMEM_IMAGE");
	return 0;
}

static int packed_pump(struct source *src, struct image *to)
{
	struct packed_source *p = (struct packed_source *)src;
	struct image_tail tail;

	p->to = to;
	if (packed_open(p) || packed_read_sections(p) || packed_read_footer(p) ||
	    packed_check_whole(p)) {
		/* So that no thread records an error after the one that is reported. */
		workers_stop(&p->pages.workers);
		return -1;
	}
	packed_progress(p, 0);
	if (src->info.side)
		return 0;
	section_state_tail(&p->state, &tail);
	return to ? to->ops->tail(to, &tail) : 0;
}

static void packed_free(struct source *src)
{
	struct packed_source *p = (struct packed_source *)src;

	packed_pages_free(&p->pages);
	packed_index_free(&p->index);
	section_state_free(&p->state);
	tmem_state_free(&p->tmem);
	free((void *)p->early.body);
	sections_free(&p->sections);
	reader_close(&p->r);
	free(p);
}

static const struct source_ops packed_source_ops = {
	.pump = packed_pump,
	.free = packed_free,
};

struct source *packed_source_new(void)
{
	struct packed_source *p = calloc(1, sizeof(*p));

	if (!p) {
		msg_error("out of memory to read the image");
		return NULL;
	}
	p->src.ops = &packed_source_ops;
	p->src.info.layout = IMAGE_PACKED;
	return &p->src;
}
