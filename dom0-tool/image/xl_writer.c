// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <string.h>

#include <stillpoint/trailer.h>

#include "xl_writer.h"
#include "msg.h"
#include "page.h"
#include "xl_format.h"

#define put(out, object) output_append(out, &(object), sizeof(object))

static int xl_envelope(struct output *out, const char *config)
{
	struct stillpoint_image_mark mark = {
		.magic = STILLPOINT_MARK_MAGIC,
		.version = STILLPOINT_TRAILER_VERSION,
	};
	uint32_t length = strlen(config) + 1;
	struct xl_header header = {
		.byteorder = XL_BYTEORDER,
		.mandatory_flags = XL_FLAG_JSON | XL_FLAG_STREAMV2,
		.optional_length = sizeof(length) + length + sizeof(mark),
	};

	memcpy(header.magic, XL_MAGIC, XL_MAGIC_SIZE);
	if (put(out, header) || put(out, length) || output_append(out, config, length))
		return -1;
	return put(out, mark);
}

/* The body comes in two parts, as libxc's records have a small header of their own. */
static int xl_record(struct output *out, uint32_t type, const void *part1, size_t size1,
		     const void *part2, size_t size2)
{
	static const uint8_t zeroes[RECORD_ALIGN];
	struct record_header header = { .type = type, .length = size1 + size2 };

	if (size1 + size2 > RECORD_LENGTH_MAX)
		return msg_error("record %#x would have %zu bytes, at most %u are allowed", type,
				 size1 + size2, RECORD_LENGTH_MAX);
	if (put(out, header) || output_append(out, part1, size1) ||
	    output_append(out, part2, size2))
		return -1;
	return output_append(out, zeroes, -(size1 + size2) % RECORD_ALIGN);
}

static int xl_empty_record(struct output *out, uint32_t type)
{
	return xl_record(out, type, NULL, 0, NULL, 0);
}

static int xl_stream_headers(struct output *out, const struct image_head *head)
{
	struct libxl_header libxl = {
		.ident = htobe64(LIBXL_IDENT),
		.version = htobe32(LIBXL_VERSION),
	};
	struct libxc_image_header image = {
		.marker = LIBXC_MARKER,
		.id = htobe32(LIBXC_ID),
		.version = htobe32(LIBXC_VERSION),
	};
	struct libxc_domain_header domain = {
		.type = LIBXC_TYPE_X86_PV,
		.page_shift = PAGE_BITS,
		.xen_major = head->xen_major,
		.xen_minor = head->xen_minor,
	};

	if (put(out, libxl) || xl_empty_record(out, LIBXL_LIBXC_CONTEXT))
		return -1;
	return put(out, image) || put(out, domain) ? -1 : 0;
}

static int xl_head(struct image *img, const struct image_head *head)
{
	struct libxc_x86_pv_info info = { .guest_width = 8, .pt_levels = 4 };
	struct output *out = img->out;

	if (xl_envelope(out, head->config) || xl_stream_headers(out, head))
		return -1;
	if (xl_record(out, LIBXC_X86_PV_INFO, &info, sizeof(info), NULL, 0))
		return -1;
	if (head->cpuid.size &&
	    xl_record(out, LIBXC_X86_CPUID_POLICY, head->cpuid.data, head->cpuid.size, NULL, 0))
		return -1;
	if (head->msrs.size &&
	    xl_record(out, LIBXC_X86_MSR_POLICY, head->msrs.data, head->msrs.size, NULL, 0))
		return -1;
	return xl_empty_record(out, LIBXC_STATIC_DATA_END);
}

static int xl_flush(struct image *img)
{
	struct image_xl *xl = (struct image_xl *)img;
	struct libxc_page_data pages = { .count = xl->n };
	struct record_header header = { .type = LIBXC_PAGE_DATA };
	uint64_t pfns[PAGE_DATA_MAX];
	unsigned int i, data = 0;

	if (!xl->n)
		return 0;
	for (i = 0; i < xl->n; i++) {
		pfns[i] = xl->batch[i].pfn | (uint64_t)xl->batch[i].type << PAGE_DATA_TYPE_SHIFT;
		data += page_type_has_data(xl->batch[i].type);
	}
	header.length = sizeof(pages) + xl->n * sizeof(pfns[0]) + (size_t)data * PAGE_BYTES;
	if (put(img->out, header) || put(img->out, pages) ||
	    output_append(img->out, pfns, xl->n * sizeof(pfns[0])))
		return -1;
	for (i = 0; i < xl->n; i++) {
		if (!page_type_has_data(xl->batch[i].type))
			continue;
		if (img->placed)
			img->placed[xl->batch[i].pfn] = img->out->length;
		if (output_append(img->out, xl->batch[i].data, PAGE_BYTES))
			return -1;
	}
	xl->n = 0;
	return 0;
}

static int xl_p2m(struct image *img, const struct image_p2m *p2m)
{
	struct libxc_x86_pv_p2m_frames frames = { .end_pfn = p2m->max_pfn };

	if (xl_flush(img))
		return -1;
	return xl_record(img->out, LIBXC_X86_PV_P2M_FRAMES, &frames, sizeof(frames), p2m->frames,
			 p2m->nframes * sizeof(*p2m->frames));
}

static int xl_page(struct image *img, const struct image_page *page)
{
	struct image_xl *xl = (struct image_xl *)img;

	xl->batch[xl->n++] = *page;
	return xl->n == PAGE_DATA_MAX ? xl_flush(img) : 0;
}

static int xl_vcpu_record(struct output *out, uint32_t type, uint32_t id, const void *data,
			  size_t size)
{
	struct libxc_x86_pv_vcpu header = { .vcpu_id = id };

	return size ? xl_record(out, type, &header, sizeof(header), data, size) : 0;
}

static int xl_vcpu(struct output *out, const struct vcpu_state *vcpu)
{
	if (xl_vcpu_record(out, LIBXC_X86_PV_VCPU_BASIC, vcpu->id, &vcpu->basic,
			   sizeof(vcpu->basic)) ||
	    xl_vcpu_record(out, LIBXC_X86_PV_VCPU_EXTENDED, vcpu->id, vcpu->extended.data,
			   vcpu->extended.size) ||
	    xl_vcpu_record(out, LIBXC_X86_PV_VCPU_XSAVE, vcpu->id, vcpu->xsave.data,
			   vcpu->xsave.size))
		return -1;
	return xl_vcpu_record(out, LIBXC_X86_PV_VCPU_MSRS, vcpu->id, vcpu->msrs.data,
			      vcpu->msrs.size);
}

static int xl_trailer(struct output *out)
{
	struct stillpoint_image_trailer trailer = {
		.magic = STILLPOINT_TRAILER_MAGIC,
		.version = STILLPOINT_TRAILER_VERSION,
		.algorithm = STILLPOINT_DIGEST_XXH3_128,
		.length = out->length,
	};

	if (output_digest(out, trailer.digest))
		return -1;
	return put(out, trailer);
}

static int xl_tail(struct image *img, const struct image_tail *tail)
{
	struct libxc_x86_tsc_info tsc = {
		.mode = tail->tsc.mode,
		.khz = tail->tsc.khz,
		.nsec = tail->tsc.nsec,
		.incarnation = tail->tsc.incarnation,
	};
	struct output *out = img->out;
	size_t i;

	if (xl_flush(img))
		return -1;
	if (xl_record(out, LIBXC_X86_TSC_INFO, &tsc, sizeof(tsc), NULL, 0) ||
	    xl_record(out, LIBXC_SHARED_INFO, tail->shared_info, PAGE_BYTES, NULL, 0))
		return -1;
	for (i = 0; i < tail->nvcpus; i++)
		if (xl_vcpu(out, &tail->vcpus[i]))
			return -1;
	if (xl_empty_record(out, LIBXC_END) || xl_empty_record(out, LIBXL_END))
		return -1;
	return xl_trailer(out);
}

static const struct image_ops xl_ops = {
	.head = xl_head,
	.p2m = xl_p2m,
	.page = xl_page,
	.flush = xl_flush,
	.tail = xl_tail,
};

void image_xl_init(struct image_xl *xl, struct output *out)
{
	xl->img.ops = &xl_ops;
	xl->img.out = out;
	xl->img.placed = NULL;
	xl->n = 0;
}

uint64_t image_xl_bytes(uint64_t pages, uint64_t max_pfn)
{
	/* A u64 for each pfn, two for each p2m frame, headers, and 1 MiB for the rest. */
	return pages * PAGE_BYTES + (max_pfn + 1) * 8 + (max_pfn / 512 + 1) * 16 +
	       (max_pfn / PAGE_DATA_MAX + 2) * 32 + (1u << 20);
}
