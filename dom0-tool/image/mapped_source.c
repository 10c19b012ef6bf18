// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mapped_pages.h"
#include "mapped_source.h"
#include "msg.h"
#include "page.h"
#include "section.h"
#include "signals.h"
#include "tmem_state.h"

/* The order that sections come in. */
enum mapped_stage {
	STAGE_HEAD,
	STAGE_PLACES,
	STAGE_STATE,
	STAGE_END,
	STAGE_ANY,
};

/**
 * struct mapped_source - the source
 * @stage: of the section that came last
 * @size: of the file
 * @offset: of what comes next
 * @places: those that were read
 * @nplaces: their number
 * @end: END's offset
 * @pages: END's number of pages
 * @tmem: what the TMEM sections come to
 * @again: the same, as they are read to be passed on
 * @parts: offsets of these sections
 * @nparts: their number
 */
struct mapped_source {
	struct source src;
	struct ioqueue_options io;
	struct sections sections;
	struct section_state state;
	enum mapped_stage stage;
	uint64_t size;
	uint64_t offset;
	struct stillpoint_place *places;
	uint64_t nplaces;
	uint64_t end;
	uint64_t pages;
	struct tmem_state tmem;
	struct tmem_state again;
	uint64_t *parts;
	size_t nparts;
};

static struct mapped_source *source_of(struct source *src)
{
	return (struct mapped_source *)src;
}

static int source_cut(const struct mapped_source *m, const char *what)
{
	return msg_error(
		"the image is cut short: %s at offset %llu does not end before the file does, at %llu",
		what, (unsigned long long)m->offset, (unsigned long long)m->size);
}

/* Read the next @size bytes. 0 or -1, recorded. */
static int source_read(struct mapped_source *m, void *data, size_t size, const char *what)
{
	uint8_t *p = data;
	ssize_t n;

	if (size > m->size - m->offset)
		return source_cut(m, what);
	while (size) {
		if (signals_check())
			return -1;
		n = pread(m->src.fd, p, size, m->offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return msg_error("cannot read the image at offset %llu: %s",
					 (unsigned long long)m->offset, strerror(errno));
		if (!n)
			return source_cut(m, what);
		p += n;
		m->offset += n;
		size -= n;
	}
	return 0;
}

/* All before @end is zeroes. */
static int source_check_gap(struct mapped_source *m, uint64_t end)
{
	uint8_t data[16384];
	size_t size, i;

	while (m->offset < end) {
		size = end - m->offset < sizeof(data) ? end - m->offset : sizeof(data);
		if (source_read(m, data, size, "what follows the header"))
			return -1;
		for (i = 0; i < size; i++)
			if (data[i])
				return msg_error(
					"the image is damaged: data at offset %llu, where none should be",
					(unsigned long long)(m->offset - size + i));
	}
	return 0;
}

static int source_header(struct mapped_source *m)
{
	struct stillpoint_image_header header;
	struct stat st;

	if (fstat(m->src.fd, &st))
		return msg_error("cannot look at the image: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return msg_error(
			"an image of the mapped layout is read from a file only; name the file");
	m->size = st.st_size;
	if (source_read(m, &header, sizeof(header), "the header") ||
	    sections_open(&m->sections, &header, NULL) || source_check_gap(m, header.data))
		return -1;
	if (header.places > (m->size - m->offset) / PAGE_BYTES)
		return msg_error(
			"the image is cut short: its %llu pages at offset %llu do not end before the file does, at %llu",
			(unsigned long long)header.places, (unsigned long long)m->offset,
			(unsigned long long)m->size);
	m->offset += header.places * PAGE_BYTES;
	return 0;
}

static int source_places(struct mapped_source *m, const void *body, size_t size, uint64_t offset)
{
	size_t n = size / sizeof(*m->places), i;
	struct stillpoint_place *places;

	if (!n || size % sizeof(*m->places) || n > m->sections.header.places - m->nplaces)
		return msg_error("the image is damaged: a wrong size of PLACES at offset %llu",
				 (unsigned long long)offset);
	places = realloc(m->places, (m->nplaces + n) * sizeof(*places));
	if (!places)
		return msg_error("out of memory for the places of %llu pages",
				 (unsigned long long)m->nplaces + n);
	m->places = places;
	places += m->nplaces;
	memcpy(places, body, size);
	for (i = 0; i < n; i++) {
		if (!mapped_place_check(&places[i]))
			return msg_error(
				"the image is damaged: an impossible place of page %#llx in PLACES at offset %llu",
				(unsigned long long)m->nplaces + i, (unsigned long long)offset);
		m->src.info.pages[places[i].kind]++;
	}
	m->nplaces += n;
	return 0;
}

static int source_end(struct mapped_source *m, const void *body, size_t size, uint64_t offset)
{
	struct stillpoint_end end;

	if (size != sizeof(end))
		return msg_error("the image is damaged: a wrong size of END at offset %llu",
				 (unsigned long long)offset);
	memcpy(&end, body, sizeof(end));
	m->end = offset;
	m->pages = end.pages;
	return sections_check_end(&m->sections, &end);
}

/* Pass it on later: what is around it is not known to be right yet. */
static int source_tmem(struct mapped_source *m, const struct stillpoint_section *h,
		       const void *body, size_t size, uint64_t offset)
{
	const struct image_tmem part = {
		.type = h->type,
		.mandatory = h->flags & STILLPOINT_SECTION_MANDATORY,
		.body = body,
		.size = size,
	};
	uint64_t *parts;

	if (tmem_state_take(&m->tmem, &part, offset))
		return -1;
	parts = realloc(m->parts, (m->nparts + 1) * sizeof(*parts));
	if (!parts)
		return msg_error("out of memory for the image's tmem pools");
	m->parts = parts;
	parts[m->nparts++] = offset;
	return 0;
}

/* Those of tmem may stand anywhere before END, as what is unknown may. */
static enum mapped_stage source_stage_of(uint32_t type)
{
	switch (type) {
	case STILLPOINT_SECTION_CONFIG:
	case STILLPOINT_SECTION_PLATFORM:
	case STILLPOINT_SECTION_P2M:
		return STAGE_HEAD;
	case STILLPOINT_SECTION_PLACES:
		return STAGE_PLACES;
	case STILLPOINT_SECTION_TSC:
	case STILLPOINT_SECTION_SHARED_INFO:
	case STILLPOINT_SECTION_VCPU:
		return STAGE_STATE;
	case STILLPOINT_SECTION_END:
		return STAGE_END;
	default:
		return STAGE_ANY;
	}
}

static int source_enter_stage(struct mapped_source *m, uint32_t type, uint64_t offset)
{
	enum mapped_stage stage = source_stage_of(type);

	if (stage == STAGE_ANY)
		return 0;
	if (stage < m->stage)
		return msg_error("the image is damaged: %s at offset %llu is out of order",
				 section_name(type), (unsigned long long)offset);
	m->stage = stage;
	return 0;
}

static int source_take(struct mapped_source *m, const struct stillpoint_section *h,
		       const void *body, size_t size, uint64_t offset)
{
	const uint32_t type = h->type;
	int ret;

	if (type == STILLPOINT_SECTION_PLACES)
		return source_places(m, body, size, offset);
	if (type == STILLPOINT_SECTION_END)
		return source_end(m, body, size, offset);
	if (tmem_section(type))
		return source_tmem(m, h, body, size, offset);
	ret = section_state_take(&m->state, type, body, size, offset);
	if (ret > 0 && section_known(type))
		return msg_error(
			"the image is damaged: %s at offset %llu, which the mapped layout does not have",
			section_name(type), (unsigned long long)offset);
	return ret < 0 ? -1 : 0;
}

/* The next section, of which *type becomes the type. */
static int source_section(struct mapped_source *m, uint32_t *type)
{
	uint64_t offset = m->offset;
	struct stillpoint_section h;
	uint8_t *body;
	size_t size;
	int ret;

	if (source_read(m, &h, sizeof(h), "a section") || sections_next(&m->sections, &h, offset) ||
	    source_enter_stage(m, h.type, offset))
		return -1;
	if (h.length > m->size - m->offset)
		return source_cut(m, section_name(h.type));
	body = malloc(h.length + 1);
	if (!body)
		return msg_error("out of memory for a section of %llu bytes",
				 (unsigned long long)h.length);
	ret = source_read(m, body, h.length, section_name(h.type)) ||
	      section_open(&m->sections, &h, offset, body, &size) ||
	      source_take(m, &h, body, size, offset);
	free(body);
	*type = h.type;
	return ret ? -1 : 0;
}

static int source_footer(struct mapped_source *m, uint64_t sections)
{
	struct stillpoint_footer footer;

	if (source_read(m, &footer, sizeof(footer), "the footer"))
		return -1;
	if (m->offset < m->size)
		return msg_error("the image is damaged: %llu bytes follow its end",
				 (unsigned long long)(m->size - m->offset));
	if (sections_check_footer(&m->sections, &footer, m->size))
		return -1;
	if (footer.sections != sections || footer.index != m->end || footer.end != m->end)
		return msg_error("the image is damaged: its footer has other offsets than it");
	return 0;
}

/* A restore fills in the p2m, which has to have frames for it. */
static int source_check_p2m(const struct mapped_source *m)
{
	const struct image_p2m *p2m = &m->state.p2m;
	const struct stillpoint_place *place;
	size_t i;

	if (p2m->max_pfn + 1 != m->nplaces)
		return msg_error("the image is damaged: it has %llu places for %llu pfns",
				 (unsigned long long)m->nplaces,
				 (unsigned long long)p2m->max_pfn + 1);
	for (i = 0; i < p2m->nframes; i++) {
		place = &m->places[p2m->frames[i]];
		if (place->type || place->kind == STILLPOINT_PAGE_NONE)
			return msg_error(
				"the image is damaged: frame %#llx of the p2m is not plain memory",
				(unsigned long long)p2m->frames[i]);
	}
	return 0;
}

static int source_check_pages(const struct mapped_source *m)
{
	const uint64_t *n = m->src.info.pages;
	uint64_t pages =
		n[STILLPOINT_PAGE_DATA] + n[STILLPOINT_PAGE_ZERO] + n[STILLPOINT_PAGE_FREE];

	if (m->nplaces != m->sections.header.places)
		return msg_error("the image is damaged: PLACES have %llu places of %llu",
				 (unsigned long long)m->nplaces,
				 (unsigned long long)m->sections.header.places);
	if (m->pages != UINT64_MAX && m->pages != pages)
		return msg_error("the image is damaged: it has %llu pages, its END says %llu",
				 (unsigned long long)pages, (unsigned long long)m->pages);
	return 0;
}

static int source_sections(struct mapped_source *m)
{
	uint64_t begin = m->offset;
	uint32_t type = 0;

	while (type != STILLPOINT_SECTION_END)
		if (source_section(m, &type))
			return -1;
	if (source_footer(m, begin) || source_check_pages(m) || section_state_complete(&m->state) ||
	    tmem_state_complete(&m->tmem))
		return -1;
	return source_check_p2m(m);
}

static void source_fill_info(struct mapped_source *m)
{
	struct source_info *info = &m->src.info;

	info->digest = true;
	info->config = m->state.config;
	info->xen_major = m->state.head.xen_major;
	info->xen_minor = m->state.head.xen_minor;
	info->pfns = m->nplaces;
	info->vcpus = m->state.nvcpus;
	info->records = info->pages[STILLPOINT_PAGE_DATA];
	info->raw_bytes = info->records * PAGE_BYTES;
	info->stored_bytes = info->raw_bytes;
	info->bytes = m->size;
	memcpy(info->id, m->sections.header.id, sizeof(info->id));
	info->sections = m->sections.next;
	memcpy(info->tally, m->sections.tally, sizeof(info->tally));
	info->tmem = &m->tmem;
}

static int source_pages(struct mapped_source *m, struct image *to)
{
	const uint64_t begin = m->sections.header.data + m->nplaces * PAGE_BYTES;
	struct mapped_pages pages = {
		.fd = m->src.fd,
		.data = m->sections.header.data,
		.places = m->places,
		.n = m->nplaces,
		.to = to,
		.io = &m->io,
		.progress = m->src.opts.progress,
		.done = m->size - begin,
		.total = m->size - begin + m->src.info.raw_bytes,
	};

	return mapped_pages_read(&pages);
}

/* Read the section at @offset, which was right before, again, and pass it on. */
static int source_give_part(struct mapped_source *m, uint64_t offset, struct image *to)
{
	struct stillpoint_section h;
	struct image_tmem part;
	size_t size = 0;
	void *body;
	int ret;

	m->offset = offset;
	if (source_read(m, &h, sizeof(h), "a section") || section_check(&m->sections, &h, offset))
		return -1;
	if (!tmem_section(h.type))
		return msg_error("the image was changed while it was read");
	body = malloc(h.length + 1);
	if (!body)
		return msg_error("out of memory for a section of %llu bytes",
				 (unsigned long long)h.length);
	ret = source_read(m, body, h.length, section_name(h.type)) ||
	      section_open(&m->sections, &h, offset, body, &size);
	part = (struct image_tmem){
		.type = h.type,
		.mandatory = h.flags & STILLPOINT_SECTION_MANDATORY,
		.body = body,
		.size = size,
	};
	if (!ret)
		ret = tmem_state_take(&m->again, &part, offset) || image_tmem(to, &part);
	free(body);
	return ret ? -1 : 0;
}

/* Whoever gets them relies on their being right, and the file may have changed since. */
static int source_give_parts(struct mapped_source *m, struct image *to)
{
	size_t i;

	if (!m->nparts)
		return 0;
	if (tmem_state_init(&m->again, "the image was changed while it was read"))
		return -1;
	for (i = 0; i < m->nparts; i++)
		if (source_give_part(m, m->parts[i], to))
			return -1;
	return tmem_state_complete(&m->again);
}

/* All before the pages. */
static int source_give_head(struct mapped_source *m, struct image *to)
{
	if (to->ops->head(to, &m->state.head) || source_give_parts(m, to))
		return -1;
	return to->ops->p2m(to, &m->state.p2m);
}

static int mapped_pump(struct source *src, struct image *to)
{
	struct mapped_source *m = source_of(src);
	struct image_tail tail;

	if (tmem_state_init(&m->tmem, "the image is damaged") || source_header(m) ||
	    source_sections(m))
		return -1;
	source_fill_info(m);
	if (m->tmem.any && src->opts.tmem && src->opts.tmem(src->opts.data, &m->tmem))
		return -1;
	if (src->opts.config && src->opts.config(src->opts.data, m->state.config))
		return -1;
	if (to && source_give_head(m, to))
		return -1;
	if (source_pages(m, to))
		return -1;
	if (!to)
		return 0;
	section_state_tail(&m->state, &tail);
	return to->ops->tail(to, &tail);
}

static void mapped_free(struct source *src)
{
	struct mapped_source *m = source_of(src);

	section_state_free(&m->state);
	sections_free(&m->sections);
	tmem_state_free(&m->tmem);
	tmem_state_free(&m->again);
	free(m->parts);
	free(m->places);
	free(m);
}

static const struct source_ops mapped_ops = {
	.pump = mapped_pump,
	.free = mapped_free,
};

struct source *mapped_source_new(const struct ioqueue_options *io)
{
	struct mapped_source *m = calloc(1, sizeof(*m));

	if (!m) {
		msg_error("out of memory to read the image");
		return NULL;
	}
	m->src.ops = &mapped_ops;
	m->src.info.layout = IMAGE_MAPPED;
	if (io)
		m->io = *io;
	return &m->src;
}
