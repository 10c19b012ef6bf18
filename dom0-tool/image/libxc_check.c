// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "libxc_check.h"
#include "msg.h"
#include "page.h"
#include "xl_format.h"

/* sizeof(vcpu_guest_context_x86_32_t), for a stream of a 32-bit guest. */
#define CHECK_VCPU_32_SIZE 2800u

/* Largest extended vCPU context (xg_sr_restore_x86_pv.c, handle_x86_pv_vcpu_blob). */
#define CHECK_EXTENDED_MAX 128u

/**
 * struct libxc_state - what was seen so far
 * @at: offset of the record being read
 * @width: bytes of a guest word, 0 before X86_PV_INFO
 * @max_pfn: highest pfn so far allowed
 * @types: last type of each pfn, see check_type(); 0 where it did not come
 * @p2m: pfn of each frame of the p2m, as described last
 */
struct libxc_state {
	struct reader *r;
	struct image_info *info;
	uint64_t at;
	unsigned int version;
	unsigned int width;
	uint64_t max_pfn;
	uint8_t *types;
	uint64_t *p2m;
	bool static_end;
	bool frames;
	bool shared_info;
	bool vcpu0;
};

/* A type as @types has it. */
static uint8_t check_type(uint32_t type)
{
	return 0x80 | page_type_number(type);
}

static int libxc_bad(const struct libxc_state *s, const char *what)
{
	return msg_error("the image is damaged: %s in the record at offset %llu", what,
			 (unsigned long long)s->at);
}

static int libxc_headers(struct libxc_state *s)
{
	struct libxc_image_header image;
	struct libxc_domain_header domain;

	s->at = s->r->offset;
	if (reader_read(s->r, &image, sizeof(image), "libxc's image header") ||
	    reader_read(s->r, &domain, sizeof(domain), "libxc's domain header"))
		return -1;
	s->version = be32toh(image.version);
	if (image.marker != LIBXC_MARKER || be32toh(image.id) != LIBXC_ID || s->version < 2 ||
	    s->version > LIBXC_VERSION || (be16toh(image.options) & LIBXC_OPTION_BIG_ENDIAN))
		return msg_error("the image is damaged: no libxc stream at offset %llu",
				 (unsigned long long)s->at);
	if ((domain.type != LIBXC_TYPE_X86_PV && domain.type != LIBXC_TYPE_X86_HVM) ||
	    domain.page_shift != PAGE_BITS)
		return msg_error("the image is damaged: unknown domain header at offset %llu",
				 (unsigned long long)s->at);
	s->info->hvm = domain.type == LIBXC_TYPE_X86_HVM;
	return 0;
}

static int libxc_pv_info(struct libxc_state *s, uint64_t length)
{
	struct libxc_x86_pv_info info;

	if (s->width || length < sizeof(info))
		return libxc_bad(s, "a second or too short X86_PV_INFO");
	if (reader_read(s->r, &info, sizeof(info), "X86_PV_INFO"))
		return -1;
	if (!(info.guest_width == 8 && info.pt_levels == 4) &&
	    !(info.guest_width == 4 && info.pt_levels == 3))
		return libxc_bad(s, "an impossible guest width");
	s->width = info.guest_width;
	return reader_skip(s->r, length - sizeof(info), "X86_PV_INFO");
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

static int libxc_allow_pfns(struct libxc_state *s, uint64_t max_pfn)
{
	uint64_t per_frame = PAGE_BYTES / s->width;
	uint64_t have = s->types ? s->max_pfn + 1 : 0;
	uint8_t *types;
	uint64_t *p2m;

	if (have > max_pfn)
		return 0;
	types = libxc_extend(s->types, have, max_pfn + 1, sizeof(*types));
	if (types)
		s->types = types;
	p2m = libxc_extend(s->p2m, have ? s->max_pfn / per_frame + 1 : 0, max_pfn / per_frame + 1,
			   sizeof(*p2m));
	if (p2m)
		s->p2m = p2m;
	if (!types || !p2m)
		return msg_error("out of memory to check an image of %llu pages",
				 (unsigned long long)max_pfn + 1);
	s->max_pfn = max_pfn;
	return 0;
}

static int libxc_p2m_frames(struct libxc_state *s, uint64_t length)
{
	struct libxc_x86_pv_p2m_frames h;
	uint64_t per_frame, i, end;

	if (!s->width || length < sizeof(h))
		return libxc_bad(s, "an early or too short X86_PV_P2M_FRAMES");
	if (reader_read(s->r, &h, sizeof(h), "X86_PV_P2M_FRAMES"))
		return -1;
	per_frame = PAGE_BYTES / s->width;
	if (h.start_pfn > h.end_pfn)
		return libxc_bad(s, "a negative range of X86_PV_P2M_FRAMES");
	i = h.start_pfn / per_frame;
	end = h.end_pfn / per_frame + 1;
	if (length != sizeof(h) + (end - i) * sizeof(*s->p2m))
		return libxc_bad(s, "a wrong size of X86_PV_P2M_FRAMES");
	if (libxc_allow_pfns(s, h.end_pfn))
		return -1;
	for (; i < end; i++) {
		if (reader_read(s->r, &s->p2m[i], sizeof(*s->p2m), "X86_PV_P2M_FRAMES"))
			return -1;
		if (s->p2m[i] > s->max_pfn)
			return libxc_bad(s, "a frame outside of the guest");
	}
	s->frames = true;
	return 0;
}

static int libxc_page_pfns(struct libxc_state *s, uint32_t count, uint64_t *data)
{
	uint64_t entry;
	uint32_t type;

	/* A page may come again; the last one counts. */
	for (*data = 0; count; count--) {
		if (reader_read(s->r, &entry, sizeof(entry), "PAGE_DATA"))
			return -1;
		type = entry >> PAGE_DATA_TYPE_SHIFT & XEN_DOMCTL_PFINFO_LTAB_MASK;
		if (!page_type_known(type))
			return libxc_bad(s, "a page of unknown type");
		if (!s->info->hvm && (entry & PAGE_DATA_PFN_MASK) > s->max_pfn)
			return libxc_bad(s, "a page outside of the guest");
		if (!s->info->hvm)
			s->types[entry & PAGE_DATA_PFN_MASK] = check_type(type);
		*data += page_type_has_data(type);
	}
	return 0;
}

static int libxc_page_data(struct libxc_state *s, uint64_t length)
{
	struct libxc_page_data h;
	uint64_t data, left;

	if ((s->version >= 3 && !s->static_end) || (!s->info->hvm && !s->frames))
		return libxc_bad(s, "an early PAGE_DATA");
	if (length < sizeof(h))
		return libxc_bad(s, "a too short PAGE_DATA");
	if (reader_read(s->r, &h, sizeof(h), "PAGE_DATA"))
		return -1;
	left = length - sizeof(h);
	if (!h.count || left / sizeof(uint64_t) < h.count)
		return libxc_bad(s, "an impossible number of pages");
	if (libxc_page_pfns(s, h.count, &data))
		return -1;
	left -= h.count * sizeof(uint64_t);
	if (left != data * PAGE_BYTES)
		return libxc_bad(s, "a wrong size of PAGE_DATA");
	if (s->info->hvm)
		s->info->pages += data;
	return reader_skip(s->r, left, "PAGE_DATA");
}

static bool libxc_vcpu_size_ok(const struct libxc_state *s, uint32_t type, uint64_t size)
{
	switch (type) {
	case LIBXC_X86_PV_VCPU_BASIC:
		return size == (s->width == 8 ? sizeof(vcpu_guest_context_t) : CHECK_VCPU_32_SIZE);
	case LIBXC_X86_PV_VCPU_EXTENDED:
		return size <= CHECK_EXTENDED_MAX;
	case LIBXC_X86_PV_VCPU_XSAVE:
		return size >= 16;
	default:
		return size % sizeof(xen_domctl_vcpu_msr_t) == 0;
	}
}

static int libxc_vcpu(struct libxc_state *s, uint32_t type, uint64_t length)
{
	struct libxc_x86_pv_vcpu h;

	if (!s->width || length < sizeof(h))
		return libxc_bad(s, "an early or too short vCPU");
	if (reader_read(s->r, &h, sizeof(h), "a vCPU"))
		return -1;
	length -= sizeof(h);
	/* libxc takes empty ones, which old savers wrote. */
	if (length && !libxc_vcpu_size_ok(s, type, length))
		return libxc_bad(s, "a wrong size of a vCPU");
	if (type == LIBXC_X86_PV_VCPU_BASIC && !h.vcpu_id && length)
		s->vcpu0 = true;
	return reader_skip(s->r, length, "a vCPU");
}

static int libxc_static_end(struct libxc_state *s, uint64_t length)
{
	if (s->static_end)
		return libxc_bad(s, "a second STATIC_DATA_END");
	s->static_end = true;
	return reader_skip(s->r, length, "STATIC_DATA_END");
}

static int libxc_sized(struct libxc_state *s, uint64_t length, uint64_t want, const char *what)
{
	if (length != want)
		return libxc_bad(s, "a wrong size");
	return reader_skip(s->r, length, what);
}

static int libxc_policy(struct libxc_state *s, uint64_t length, size_t entry)
{
	if (!length || length % entry)
		return libxc_bad(s, "a wrong size of a CPU policy");
	return reader_skip(s->r, length, "a CPU policy");
}

static int libxc_hvm_record(struct libxc_state *s, uint32_t type, uint64_t length)
{
	if (!s->info->hvm || (type == LIBXC_HVM_PARAMS && length < 8))
		return libxc_bad(s, "a record for another kind of guest or too short");
	return reader_skip(s->r, length, "HVM state");
}

static int libxc_body(struct libxc_state *s, uint32_t type, uint64_t length)
{
	switch (type) {
	case LIBXC_PAGE_DATA:
		return libxc_page_data(s, length);
	case LIBXC_X86_PV_INFO:
		return libxc_pv_info(s, length);
	case LIBXC_X86_PV_P2M_FRAMES:
		return libxc_p2m_frames(s, length);
	case LIBXC_X86_PV_VCPU_BASIC:
	case LIBXC_X86_PV_VCPU_EXTENDED:
	case LIBXC_X86_PV_VCPU_XSAVE:
	case LIBXC_X86_PV_VCPU_MSRS:
		return libxc_vcpu(s, type, length);
	case LIBXC_SHARED_INFO:
		s->shared_info = true;
		return libxc_sized(s, length, PAGE_BYTES, "SHARED_INFO");
	case LIBXC_X86_TSC_INFO:
		return libxc_sized(s, length, sizeof(struct libxc_x86_tsc_info), "TSC_INFO");
	case LIBXC_STATIC_DATA_END:
		return libxc_static_end(s, length);
	case LIBXC_X86_CPUID_POLICY:
		return libxc_policy(s, length, sizeof(xen_cpuid_leaf_t));
	case LIBXC_X86_MSR_POLICY:
		return libxc_policy(s, length, sizeof(xen_msr_entry_t));
	case LIBXC_HVM_CONTEXT:
	case LIBXC_HVM_PARAMS:
		return libxc_hvm_record(s, type, length);
	default:
		if (type & RECORD_OPTIONAL)
			return reader_skip(s->r, length, "an optional record");
		return libxc_bad(s, "an unknown type");
	}
}

/* What a restore does with the pages in the end: it fills in the p2m. */
static int libxc_pages(struct libxc_state *s)
{
	uint64_t per_frame = PAGE_BYTES / s->width, i;

	for (i = 0; i <= s->max_pfn / per_frame; i++)
		if (s->types[s->p2m[i]] != check_type(XEN_DOMCTL_PFINFO_NOTAB))
			return libxc_bad(s, "a frame of the p2m that is not plain memory, found");
	for (i = 0; i <= s->max_pfn; i++)
		s->info->pages +=
			s->types[i] &&
			page_type_has_data((uint32_t)s->types[i] << XEN_DOMCTL_PFINFO_LTAB_SHIFT);
	return 0;
}

static int libxc_end(struct libxc_state *s)
{
	if (s->version >= 3 && !s->static_end)
		return libxc_bad(s, "no STATIC_DATA_END before the end");
	if (!s->info->hvm && (!s->width || !s->frames || !s->shared_info || !s->vcpu0))
		return libxc_bad(s, "the end before the p2m, shared info or vCPU 0");
	return s->info->hvm ? 0 : libxc_pages(s);
}

static int libxc_records(struct libxc_state *s)
{
	struct record_header h;

	for (;;) {
		s->at = s->r->offset;
		if (reader_read(s->r, &h, sizeof(h), "a libxc record"))
			return -1;
		if (h.length > RECORD_LENGTH_MAX)
			return libxc_bad(s, "an impossible length");
		if (h.type == LIBXC_END)
			return h.length ? libxc_bad(s, "an END with a body") : libxc_end(s);
		if (libxc_body(s, h.type, h.length) ||
		    reader_skip(s->r, -h.length % RECORD_ALIGN, "padding"))
			return -1;
	}
}

int libxc_check(struct reader *r, struct image_info *info)
{
	struct libxc_state s = { .r = r, .info = info };
	int ret;

	ret = libxc_headers(&s) || libxc_records(&s) ? -1 : 0;
	free(s.types);
	free(s.p2m);
	return ret;
}
