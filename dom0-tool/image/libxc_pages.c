// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "libxc_reader.h"
#include "msg.h"
#include "page.h"
#include "xl_format.h"

/* Frames of the p2m that are passed on: any number, or so many times as many as came. */
#define LIBXC_GIVEN_MIN (UINT64_C(8) << 20)
#define LIBXC_GIVEN_TIMES 64

/* A type as @types has it. */
static uint8_t libxc_type(uint32_t type)
{
	return 0x80 | page_type_number(type);
}

/* A copy of the array @old of @have entries of @size bytes, with zeroes up to @want entries. */
static void *libxc_extend(void *old, uint64_t have, uint64_t want, size_t size)
{
	void *array = calloc(want, size);

	/* calloc() gives memory for nothing where only little of it is used. */
	if (array && have)
		memcpy(array, old, have * size);
	if (array)
		free(old);
	return array;
}

/* Make memory for @pfns, at least twice as many as before: it is copied a few times only. */
static int libxc_make_room(struct libxc_reader *s, uint64_t pfns)
{
	uint64_t per_frame = PAGE_BYTES / s->width;
	uint64_t room = pfns < 2 * s->room ? 2 * s->room : pfns;
	uint8_t *types;
	uint64_t *p2m;

	if (room > STILLPOINT_PFN_LIMIT)
		room = STILLPOINT_PFN_LIMIT;
	types = libxc_extend(s->types, s->room, room, sizeof(*types));
	if (types)
		s->types = types;
	p2m = libxc_extend(s->p2m, s->room ? (s->room - 1) / per_frame + 1 : 0,
			   (room - 1) / per_frame + 1, sizeof(*p2m));
	if (p2m)
		s->p2m = p2m;
	if (!types || !p2m)
		return msg_error("out of memory to check an image of %llu pages",
				 (unsigned long long)pfns);
	s->room = room;
	return 0;
}

static int libxc_allow_pfns(struct libxc_reader *s, uint64_t max_pfn)
{
	if (s->room && s->max_pfn >= max_pfn)
		return 0;
	if (max_pfn >= s->room && libxc_make_room(s, max_pfn + 1))
		return -1;
	s->max_pfn = max_pfn;
	s->src->info.pfns = max_pfn + 1;
	return 0;
}

static int libxc_give_p2m(struct libxc_reader *s)
{
	struct image_p2m p2m = {
		.max_pfn = s->max_pfn,
		.frames = s->p2m,
		.nframes = s->max_pfn / ENTRIES_PER_PAGE + 1,
	};

	if (!s->to)
		return 0;
	if (s->width != sizeof(uint64_t))
		return msg_error("this is the image of a 32-bit guest; it has no other layout");
	return libxc_give_head(s) ? -1 : s->to->ops->p2m(s->to, &p2m);
}

/*
 * The whole p2m is passed on for each record, however small. A guest's p2m does not grow that
 * often.
 */
static bool libxc_grows_too_often(struct libxc_reader *s, uint64_t n)
{
	s->came += n;
	s->given += s->max_pfn / ENTRIES_PER_PAGE + 1;
	return s->given > LIBXC_GIVEN_MIN && s->given / LIBXC_GIVEN_TIMES > s->came;
}

/* Take over @n frames of the p2m, number @first and so on; there is memory only for what came. */
static int libxc_take_frames(struct libxc_reader *s, uint64_t max_pfn, uint64_t first,
			     const uint64_t *frames, uint64_t n)
{
	uint64_t i;

	if (libxc_allow_pfns(s, max_pfn))
		return -1;
	for (i = 0; i < n; i++)
		if (frames[i] > s->max_pfn)
			return libxc_bad(s, "a frame outside of the guest");
	if (libxc_grows_too_often(s, n))
		return libxc_bad(s, "the p2m again and again");
	memcpy(s->p2m + first, frames, n * sizeof(*frames));
	s->frames = true;
	return libxc_give_p2m(s);
}

int libxc_p2m_frames(struct libxc_reader *s, uint64_t length)
{
	struct libxc_x86_pv_p2m_frames h;
	uint64_t per_frame, first, n;
	void *frames;
	int ret;

	if (!s->width || length < sizeof(h))
		return libxc_bad(s, "an early or too short X86_PV_P2M_FRAMES");
	if (reader_read(s->r, &h, sizeof(h), "X86_PV_P2M_FRAMES"))
		return -1;
	per_frame = PAGE_BYTES / s->width;
	if (h.start_pfn > h.end_pfn)
		return libxc_bad(s, "a negative range of X86_PV_P2M_FRAMES");
	first = h.start_pfn / per_frame;
	n = h.end_pfn / per_frame + 1 - first;
	if (length != sizeof(h) + n * sizeof(*s->p2m))
		return libxc_bad(s, "a wrong size of X86_PV_P2M_FRAMES");
	if (first > (s->frames ? s->max_pfn / per_frame + 1 : 0))
		return libxc_bad(s, "a gap before X86_PV_P2M_FRAMES");
	if (reader_read_new(s->r, &frames, n * sizeof(*s->p2m), "X86_PV_P2M_FRAMES"))
		return -1;
	ret = libxc_take_frames(s, h.end_pfn, first, frames, n);
	free(frames);
	return ret;
}

static uint32_t libxc_entry_type(uint64_t entry)
{
	return entry >> PAGE_DATA_TYPE_SHIFT & XEN_DOMCTL_PFINFO_LTAB_MASK;
}

/* Check the @count pfns of a record; *data become pages with data. */
static int libxc_take_pfns(struct libxc_reader *s, const uint64_t *entry, uint32_t count,
			   uint64_t *data)
{
	uint32_t type, i;
	uint64_t pfn;

	/* A page may come again; the last one counts. */
	for (i = 0, *data = 0; i < count; i++) {
		type = libxc_entry_type(entry[i]);
		pfn = entry[i] & PAGE_DATA_PFN_MASK;
		if (!page_type_known(type))
			return libxc_bad(s, "a page of unknown type");
		if (!s->src->info.hvm && pfn > s->max_pfn)
			return libxc_bad(s, "a page outside of the guest");
		if (!s->src->info.hvm)
			s->types[pfn] = libxc_type(type);
		*data += page_type_has_data(type);
	}
	return 0;
}

static int libxc_give_page(struct libxc_reader *s, uint64_t entry, uint8_t *data)
{
	struct image_page page = {
		.pfn = entry & PAGE_DATA_PFN_MASK,
		.type = libxc_entry_type(entry),
	};

	if (page_type_has_data(page.type)) {
		if (reader_read(s->r, data, PAGE_BYTES, "PAGE_DATA"))
			return -1;
		page.kind = STILLPOINT_PAGE_DATA;
		page.data = data;
	}
	return s->to->ops->page(s->to, &page);
}

/* The pages themselves, some at a time. */
static int libxc_give_pages(struct libxc_reader *s, const uint64_t *entry, uint32_t count)
{
	uint32_t i;

	if (!s->pages)
		s->pages = malloc((size_t)PAGE_DATA_MAX * PAGE_BYTES);
	if (!s->pages)
		return msg_error("out of memory for pages");
	for (i = 0; i < count; i++) {
		if (libxc_give_page(s, entry[i],
				    s->pages + (size_t)(i % PAGE_DATA_MAX) * PAGE_BYTES))
			return -1;
		if (i % PAGE_DATA_MAX == PAGE_DATA_MAX - 1 && s->to->ops->flush(s->to))
			return -1;
	}
	return s->to->ops->flush(s->to);
}

static void libxc_count_pages(struct libxc_reader *s, uint64_t data)
{
	struct source_info *info = &s->src->info;

	info->frames++;
	info->records += data;
	info->raw_bytes += data * PAGE_BYTES;
	info->stored_bytes = info->raw_bytes;
	info->codecs = 1u << STILLPOINT_CODEC_NONE;
	if (info->hvm)
		info->pages[STILLPOINT_PAGE_DATA] += data;
	if (s->src->opts.progress)
		s->src->opts.progress(s->r->offset,
				      s->r->size == READER_SIZE_UNKNOWN ? 0 : s->r->size);
}

static int libxc_page_body(struct libxc_reader *s, const uint64_t *entry, uint32_t count,
			   uint64_t left)
{
	uint64_t data;

	if (libxc_take_pfns(s, entry, count, &data))
		return -1;
	if (left != data * PAGE_BYTES)
		return libxc_bad(s, "a wrong size of PAGE_DATA");
	libxc_count_pages(s, data);
	return s->to ? libxc_give_pages(s, entry, count) : reader_skip(s->r, left, "PAGE_DATA");
}

int libxc_page_data(struct libxc_reader *s, uint64_t length)
{
	struct libxc_page_data h;
	void *entries;
	uint64_t left;
	int ret;

	if ((s->version >= 3 && !s->static_end) || (!s->src->info.hvm && !s->frames))
		return libxc_bad(s, "an early PAGE_DATA");
	if (length < sizeof(h))
		return libxc_bad(s, "a too short PAGE_DATA");
	if (reader_read(s->r, &h, sizeof(h), "PAGE_DATA"))
		return -1;
	left = length - sizeof(h);
	if (!h.count || left / sizeof(uint64_t) < h.count)
		return libxc_bad(s, "an impossible number of pages");
	if (reader_read_new(s->r, &entries, h.count * sizeof(uint64_t), "PAGE_DATA"))
		return -1;
	ret = libxc_page_body(s, entries, h.count, left - h.count * sizeof(uint64_t));
	free(entries);
	return ret;
}

/* What a restore does with the pages in the end: it fills in the p2m. */
int libxc_pages_end(struct libxc_reader *s)
{
	uint64_t per_frame = PAGE_BYTES / s->width, i;
	struct source_info *info = &s->src->info;
	uint32_t type;

	for (i = 0; i <= s->max_pfn / per_frame; i++)
		if (s->types[s->p2m[i]] != libxc_type(XEN_DOMCTL_PFINFO_NOTAB))
			return libxc_bad(s, "a frame of the p2m that is not plain memory, found");
	for (i = 0; i <= s->max_pfn; i++) {
		type = (uint32_t)s->types[i] << XEN_DOMCTL_PFINFO_LTAB_SHIFT;
		if (s->types[i])
			info->pages[page_type_has_data(type) ? STILLPOINT_PAGE_DATA :
							       STILLPOINT_PAGE_NONE]++;
	}
	return 0;
}
