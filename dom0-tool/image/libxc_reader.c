// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "libxc_reader.h"
#include "msg.h"
#include "page.h"
#include "signals.h"
#include "xl_format.h"

/* Bytes of a CPU policy that another layout takes; Xen's have about a hundred leaves. */
#define LIBXC_POLICY_MAX (1u << 20)

int libxc_bad(const struct libxc_reader *s, const char *what)
{
	return msg_error("the image is damaged: %s in the record at offset %llu", what,
			 (unsigned long long)s->at);
}

static int libxc_headers(struct libxc_reader *s)
{
	struct source_info *info = &s->src->info;
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
	info->hvm = domain.type == LIBXC_TYPE_X86_HVM;
	info->xen_major = domain.xen_major;
	info->xen_minor = domain.xen_minor;
	if (s->to && info->hvm)
		return msg_error(
			"this is the image of an HVM guest; it has no other layout, and is restored from its file only");
	return 0;
}

static int libxc_pv_info(struct libxc_reader *s, uint64_t length)
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

static int libxc_static_end(struct libxc_reader *s, uint64_t length)
{
	if (s->static_end)
		return libxc_bad(s, "a second STATIC_DATA_END");
	s->static_end = true;
	return reader_skip(s->r, length, "STATIC_DATA_END");
}

static int libxc_policy(struct libxc_reader *s, struct blob *policy, uint64_t length, size_t entry)
{
	if (!length || length % entry)
		return libxc_bad(s, "a wrong size of a CPU policy");
	if (!s->to)
		return reader_skip(s->r, length, "a CPU policy");
	if (s->head || length > LIBXC_POLICY_MAX)
		return libxc_bad(s, "a late or too long CPU policy");
	blob_free(policy);
	if (reader_read_new(s->r, &policy->data, length, "a CPU policy"))
		return -1;
	policy->size = length;
	return 0;
}

int libxc_give_head(struct libxc_reader *s)
{
	struct image_head head = {
		.config = s->src->info.config,
		.xen_major = s->src->info.xen_major,
		.xen_minor = s->src->info.xen_minor,
		.cpuid = s->cpuid,
		.msrs = s->msrs,
	};

	if (s->head)
		return 0;
	s->head = true;
	if (!head.config)
		return msg_error(
			"the image has no configuration in it, which every other layout needs");
	return s->to->ops->head(s->to, &head);
}

static int libxc_shared_info(struct libxc_reader *s, uint64_t length)
{
	if (length != sizeof(s->shared_info))
		return libxc_bad(s, "a wrong size");
	s->has_shared_info = true;
	return reader_read(s->r, s->shared_info, length, "SHARED_INFO");
}

static int libxc_tsc(struct libxc_reader *s, uint64_t length)
{
	struct libxc_x86_tsc_info tsc;

	if (length != sizeof(tsc))
		return libxc_bad(s, "a wrong size");
	if (reader_read(s->r, &tsc, sizeof(tsc), "TSC_INFO"))
		return -1;
	if (tsc.mode > IMAGE_TSC_MODE_MAX)
		return libxc_bad(s, "an unknown mode of time");
	s->tsc = (struct tsc_state){
		.mode = tsc.mode,
		.khz = tsc.khz,
		.nsec = tsc.nsec,
		.incarnation = tsc.incarnation,
	};
	s->has_tsc = true;
	return 0;
}

static int libxc_hvm_record(struct libxc_reader *s, uint32_t type, uint64_t length)
{
	if (!s->src->info.hvm || (type == LIBXC_HVM_PARAMS && length < 8))
		return libxc_bad(s, "a record for another kind of guest or too short");
	return reader_skip(s->r, length, "HVM state");
}

static int libxc_body(struct libxc_reader *s, uint32_t type, uint64_t length)
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
		return libxc_shared_info(s, length);
	case LIBXC_X86_TSC_INFO:
		return libxc_tsc(s, length);
	case LIBXC_STATIC_DATA_END:
		return libxc_static_end(s, length);
	case LIBXC_X86_CPUID_POLICY:
		return libxc_policy(s, &s->cpuid, length, sizeof(xen_cpuid_leaf_t));
	case LIBXC_X86_MSR_POLICY:
		return libxc_policy(s, &s->msrs, length, sizeof(xen_msr_entry_t));
	case LIBXC_HVM_CONTEXT:
	case LIBXC_HVM_PARAMS:
		return libxc_hvm_record(s, type, length);
	default:
		if (type & RECORD_OPTIONAL)
			return reader_skip(s->r, length, "an optional record");
		return libxc_bad(s, "an unknown type");
	}
}

static int libxc_end(struct libxc_reader *s)
{
	unsigned int i;

	if (s->version >= 3 && !s->static_end)
		return libxc_bad(s, "no STATIC_DATA_END before the end");
	if (s->src->info.hvm)
		return 0;
	if (!s->width || !s->frames || !s->has_shared_info || !(s->basic[0] & 1))
		return libxc_bad(s, "the end before the p2m, shared info or vCPU 0");
	for (i = 0; i < LIBXC_VCPUS_MAX / 64; i++)
		s->src->info.vcpus += __builtin_popcountll(s->basic[i]);
	return libxc_pages_end(s);
}

int libxc_read(struct libxc_reader *s)
{
	struct record_header h;

	if (libxc_headers(s))
		return -1;
	for (;;) {
		s->at = s->r->offset;
		if (signals_check() || reader_read(s->r, &h, sizeof(h), "a libxc record"))
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

void libxc_reader_free(struct libxc_reader *s)
{
	size_t i;

	for (i = 0; i < s->nvcpus; i++)
		vcpu_state_free(&s->vcpus[i]);
	free(s->vcpus);
	free(s->types);
	free(s->p2m);
	free(s->pages);
	blob_free(&s->cpuid);
	blob_free(&s->msrs);
}
