// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stillpoint/trailer.h>

#include "msg.h"
#include "page.h"
#include "xl_format.h"
#include "xl_writer.h"

#define put(out, object) output_append(out, &(object), sizeof(object))

/**
 * struct xl_writer - the writer
 * @side: there is a side file
 * @readable: @placed is kept
 * @placed: offset of the newest bytes of each pfn that was written, 0 for zeroes
 * @room: pfns that @placed has room for
 * @identity: of a complete image
 * @n: pages in the batch that becomes the next PAGE_DATA record
 */
struct xl_writer {
	struct image img;
	bool side;
	bool readable;
	uint64_t *placed;
	uint64_t room;
	struct stillpoint_tmem_image identity;
	unsigned int n;
	struct image_page batch[PAGE_DATA_MAX];
};

static struct xl_writer *xl_of(struct image *img)
{
	return (struct xl_writer *)img;
}

static int xl_envelope(struct output *out, const char *config, bool side)
{
	struct stillpoint_image_mark mark = {
		.magic = STILLPOINT_MARK_MAGIC,
		.version = STILLPOINT_TRAILER_VERSION,
		.flags = side ? STILLPOINT_MARK_SIDE : 0,
	};
	uint32_t length = strlen(config) + 1;
	struct xl_header header = {
		.byteorder = XL_BYTEORDER,
		.mandatory_flags = XL_FLAG_JSON | XL_FLAG_STREAMV2,
		.optional_length = sizeof(length) + length + sizeof(mark),
	};

	memcpy(header.magic, XL_MAGIC, XL_MAGIC_SIZE);
	if (image_check_config(config) || put(out, header) || put(out, length) ||
	    output_append(out, config, length))
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

	if (xl_envelope(out, head->config, xl_of(img)->side) || xl_stream_headers(out, head))
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

static int xl_place(struct xl_writer *xl, const struct image_page *page)
{
	uint64_t room = xl->room ? xl->room : 1024, *placed;

	if (!xl->readable)
		return 0;
	if (page->pfn >= xl->room) {
		while (room <= page->pfn)
			room *= 2;
		placed = realloc(xl->placed, room * sizeof(*placed));
		if (!placed)
			return msg_error("out of memory for the places of %llu pages",
					 (unsigned long long)room);
		memset(placed + xl->room, 0, (room - xl->room) * sizeof(*placed));
		xl->placed = placed;
		xl->room = room;
	}
	xl->placed[page->pfn] = page->kind == STILLPOINT_PAGE_DATA ? xl->img.out->length : 0;
	return 0;
}

static int xl_flush(struct image *img)
{
	static const uint8_t zeroes[PAGE_BYTES];
	struct xl_writer *xl = xl_of(img);
	struct libxc_page_data pages = { .count = xl->n };
	struct record_header header = { .type = LIBXC_PAGE_DATA };
	const struct image_page *page;
	uint64_t pfns[PAGE_DATA_MAX];
	unsigned int i, data = 0;

	if (!xl->n)
		return 0;
	for (i = 0; i < xl->n; i++) {
		page = &xl->batch[i];
		pfns[i] = page->pfn | (uint64_t)page->type << PAGE_DATA_TYPE_SHIFT;
		data += page->kind != STILLPOINT_PAGE_NONE;
	}
	header.length = sizeof(pages) + xl->n * sizeof(pfns[0]) + (size_t)data * PAGE_BYTES;
	if (put(img->out, header) || put(img->out, pages) ||
	    output_append(img->out, pfns, xl->n * sizeof(pfns[0])))
		return -1;
	for (i = 0; i < xl->n; i++) {
		page = &xl->batch[i];
		if (page->kind == STILLPOINT_PAGE_NONE)
			continue;
		if (xl_place(xl, page) ||
		    output_append(img->out,
				  page->kind == STILLPOINT_PAGE_DATA ? page->data : zeroes,
				  PAGE_BYTES))
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
	struct xl_writer *xl = xl_of(img);

	xl->batch[xl->n++] = *page;
	return xl->n == PAGE_DATA_MAX ? xl_flush(img) : 0;
}

static int xl_read(struct image *img, uint64_t pfn, void *data)
{
	struct xl_writer *xl = xl_of(img);
	ssize_t n;

	if (xl_flush(img) || output_flush(img->out))
		return -1;
	if (pfn >= xl->room || !xl->placed[pfn]) {
		memset(data, 0, PAGE_BYTES);
		return 0;
	}
	n = pread(img->out->fd, data, PAGE_BYTES, xl->placed[pfn]);
	if (n != PAGE_BYTES)
		return msg_error("cannot read '%s' back: %s", img->out->path,
				 n < 0 ? strerror(errno) : "it is too short");
	return 0;
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

/* What may be lost is left out; a guest makes empty pools by itself. */
static int xl_tmem(struct image *img, const struct image_tmem *part)
{
	(void)img;
	if (part->type != STILLPOINT_SECTION_TMEM_PAGES || !part->mandatory)
		return 0;
	return msg_error(
		"xl's layout has no place for the pages that the guest keeps in tmem; use --layout packed or mapped, or give a file for them with --tmem-file");
}

static int xl_trailer(struct xl_writer *xl)
{
	struct output *out = xl->img.out;
	struct stillpoint_image_trailer trailer = {
		.magic = STILLPOINT_TRAILER_MAGIC,
		.version = STILLPOINT_TRAILER_VERSION,
		.algorithm = STILLPOINT_DIGEST_XXH3_128,
		.length = out->length,
	};

	if (output_digest(out, trailer.digest))
		return -1;
	xl->identity.length = trailer.length;
	memcpy(xl->identity.digest, trailer.digest, sizeof(trailer.digest));
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
	return xl_trailer(xl_of(img));
}

static void xl_free(struct image *img)
{
	struct xl_writer *xl = xl_of(img);

	free(xl->placed);
	free(xl);
}

static const struct image_ops xl_ops = {
	.head = xl_head,
	.p2m = xl_p2m,
	.page = xl_page,
	.tmem = xl_tmem,
	.flush = xl_flush,
	.read = xl_read,
	.tail = xl_tail,
	.free = xl_free,
};

struct image *xl_writer_new(struct output *out, const struct image_options *opts)
{
	struct xl_writer *xl = calloc(1, sizeof(*xl));

	if (!xl) {
		msg_error("out of memory for the image");
		return NULL;
	}
	if (output_want_digest(out)) {
		free(xl);
		return NULL;
	}
	xl->img.ops = &xl_ops;
	xl->img.out = out;
	xl->side = opts->side;
	xl->readable = opts->readable;
	return &xl->img;
}

const struct stillpoint_tmem_image *xl_writer_identity(struct image *img)
{
	return &xl_of(img)->identity;
}

uint64_t xl_writer_bytes(uint64_t pages, uint64_t pfns)
{
	/* A u64 for each pfn, two for each p2m frame, headers, and 1 MiB for the rest. */
	return pages * PAGE_BYTES + pfns * 8 + (pfns / 512 + 1) * 16 +
	       (pfns / PAGE_DATA_MAX + 2) * 32 + (1u << 20);
}
