// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "libxc_reader.h"
#include "msg.h"
#include "xl_format.h"

/* sizeof(vcpu_guest_context_x86_32_t), for a stream of a 32-bit guest. */
#define LIBXC_VCPU_32_SIZE 2800u

/* Largest extended vCPU context (xg_sr_restore_x86_pv.c, handle_x86_pv_vcpu_blob). */
#define LIBXC_EXTENDED_MAX 128u

static bool libxc_vcpu_size_ok(const struct libxc_reader *s, uint32_t type, uint64_t size)
{
	switch (type) {
	case LIBXC_X86_PV_VCPU_BASIC:
		return size == (s->width == 8 ? sizeof(vcpu_guest_context_t) : LIBXC_VCPU_32_SIZE);
	case LIBXC_X86_PV_VCPU_EXTENDED:
		return size <= LIBXC_EXTENDED_MAX;
	case LIBXC_X86_PV_VCPU_XSAVE:
		return size >= 16 && size <= IMAGE_VCPU_BYTES;
	default:
		return size % sizeof(xen_domctl_vcpu_msr_t) == 0 && size <= IMAGE_VCPU_BYTES;
	}
}

/* The vCPU of number @id, a new one if there is none. NULL with an error recorded. */
static struct vcpu_state *libxc_vcpu_find(struct libxc_reader *s, uint32_t id)
{
	struct vcpu_state *more;
	size_t room;

	if (s->vcpu_at[id])
		return &s->vcpus[s->vcpu_at[id] - 1];
	if (s->nvcpus == s->vcpu_room) {
		room = s->vcpu_room ? 2 * s->vcpu_room : 4;
		more = realloc(s->vcpus, room * sizeof(*more));
		if (!more) {
			msg_error("out of memory for %zu vCPUs", room);
			return NULL;
		}
		s->vcpus = more;
		s->vcpu_room = room;
	}
	memset(&s->vcpus[s->nvcpus], 0, sizeof(*s->vcpus));
	s->vcpus[s->nvcpus].id = id;
	s->vcpu_at[id] = ++s->nvcpus;
	return &s->vcpus[s->nvcpus - 1];
}

static int libxc_vcpu_blob(struct libxc_reader *s, struct blob *blob, uint64_t length)
{
	blob_free(blob);
	if (reader_read_new(s->r, &blob->data, length, "a vCPU"))
		return -1;
	blob->size = length;
	return 0;
}

static int libxc_vcpu_body(struct libxc_reader *s, uint32_t type, uint32_t id, uint64_t length)
{
	struct vcpu_state *vcpu = libxc_vcpu_find(s, id);

	if (!vcpu)
		return -1;
	switch (type) {
	case LIBXC_X86_PV_VCPU_BASIC:
		s->basic[id / 64] |= UINT64_C(1) << id % 64;
		if (s->width != 8)
			return reader_skip(s->r, length, "a vCPU");
		return reader_read(s->r, &vcpu->basic, sizeof(vcpu->basic), "a vCPU");
	case LIBXC_X86_PV_VCPU_EXTENDED:
		return libxc_vcpu_blob(s, &vcpu->extended, length);
	case LIBXC_X86_PV_VCPU_XSAVE:
		return libxc_vcpu_blob(s, &vcpu->xsave, length);
	default:
		return libxc_vcpu_blob(s, &vcpu->msrs, length);
	}
}

int libxc_vcpu(struct libxc_reader *s, uint32_t type, uint64_t length)
{
	struct libxc_x86_pv_vcpu h;

	if (!s->width || length < sizeof(h))
		return libxc_bad(s, "an early or too short vCPU");
	if (reader_read(s->r, &h, sizeof(h), "a vCPU"))
		return -1;
	length -= sizeof(h);
	/* libxc takes empty ones, which old savers wrote. */
	if (!length)
		return 0;
	if (h.vcpu_id >= LIBXC_VCPUS_MAX)
		return libxc_bad(s, "an impossible number of a vCPU");
	if (!libxc_vcpu_size_ok(s, type, length))
		return libxc_bad(s, "a wrong size of a vCPU");
	return libxc_vcpu_body(s, type, h.vcpu_id, length);
}

int libxc_reader_tail(struct libxc_reader *s, struct image_tail *tail)
{
	size_t i;

	if (!s->has_tsc)
		return msg_error("the image has no TSC_INFO, which every other layout needs");
	for (i = 0; i < s->nvcpus; i++)
		if (!(s->basic[s->vcpus[i].id / 64] >> s->vcpus[i].id % 64 & 1))
			return msg_error("the image is damaged: vCPU %u has no basic context",
					 s->vcpus[i].id);
	tail->tsc = s->tsc;
	tail->shared_info = s->shared_info;
	tail->vcpus = s->vcpus;
	tail->nvcpus = s->nvcpus;
	return 0;
}
