// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "page.h"
#include "section.h"

/* No PV guest has as many (Xen's MAX_VIRT_CPUS). */
#define STATE_VCPUS_MAX 8192u

/* Largest extended vCPU context (xg_sr_restore_x86_pv.c, handle_x86_pv_vcpu_blob). */
#define STATE_EXTENDED_MAX 128u

/* Least of an xsave area (the same; xfeature_mask and size). */
#define STATE_XSAVE_MIN 16u

static int state_bad(uint32_t type, const char *what, uint64_t offset)
{
	return msg_error("the image is damaged: %s in %s at offset %llu", what, section_name(type),
			 (unsigned long long)offset);
}

void section_state_free(struct section_state *state)
{
	size_t i;

	for (i = 0; i < state->nvcpus; i++)
		vcpu_state_free(&state->vcpus[i]);
	free(state->vcpus);
	free(state->config);
	blob_free(&state->head.cpuid);
	blob_free(&state->head.msrs);
	free(state->p2m.frames);
	free(state->shared_info);
	memset(state, 0, sizeof(*state));
}

/* Make @blob a copy of the next @size bytes at *data; none is no error. */
static int state_blob(struct blob *blob, const uint8_t **data, size_t size)
{
	void *copy = NULL;

	if (size) {
		copy = malloc(size);
		if (!copy)
			return msg_error("out of memory for the image's state");
		memcpy(copy, *data, size);
	}
	blob_free(blob);
	blob->data = copy;
	blob->size = size;
	*data += size;
	return 0;
}

static int state_config(struct section_state *state, const uint8_t *body, size_t size,
			uint64_t offset)
{
	char *config;

	if (!size || memchr(body, 0, size))
		return state_bad(STILLPOINT_SECTION_CONFIG, "no string", offset);
	if (size > STILLPOINT_CONFIG_MAX)
		return state_bad(STILLPOINT_SECTION_CONFIG, "an impossible length", offset);
	config = malloc(size + 1);
	if (!config)
		return msg_error("out of memory for the configuration");
	memcpy(config, body, size);
	config[size] = '\0';
	free(state->config);
	state->config = config;
	state->head.config = config;
	state->has_config = true;
	return 0;
}

static int state_platform(struct section_state *state, const uint8_t *body, size_t size,
			  uint64_t offset)
{
	struct stillpoint_platform h;

	if (size < sizeof(h))
		return state_bad(STILLPOINT_SECTION_PLATFORM, "a wrong size", offset);
	memcpy(&h, body, sizeof(h));
	if (size != sizeof(h) + (uint64_t)h.cpuid_bytes + h.msr_bytes ||
	    h.cpuid_bytes % sizeof(xen_cpuid_leaf_t) || h.msr_bytes % sizeof(xen_msr_entry_t))
		return state_bad(STILLPOINT_SECTION_PLATFORM, "a wrong size", offset);
	body += sizeof(h);
	if (state_blob(&state->head.cpuid, &body, h.cpuid_bytes) ||
	    state_blob(&state->head.msrs, &body, h.msr_bytes))
		return -1;
	state->head.xen_major = h.xen_major;
	state->head.xen_minor = h.xen_minor;
	state->has_platform = true;
	return 0;
}

static int state_check_p2m(const struct section_state *state, uint64_t max_pfn, size_t bytes,
			   uint64_t offset)
{
	if (max_pfn >= STILLPOINT_PFN_LIMIT)
		return state_bad(STILLPOINT_SECTION_P2M, "an impossible pfn", offset);
	if (bytes != (max_pfn / ENTRIES_PER_PAGE + 1) * sizeof(uint64_t))
		return state_bad(STILLPOINT_SECTION_P2M, "a wrong size", offset);
	if (state->has_p2m && max_pfn < state->p2m.max_pfn)
		return state_bad(STILLPOINT_SECTION_P2M, "fewer pfns than before", offset);
	return 0;
}

static int state_p2m(struct section_state *state, const uint8_t *body, size_t size, uint64_t offset)
{
	struct image_p2m p2m = { .frames = NULL };
	struct stillpoint_p2m h;
	size_t i;

	if (size < sizeof(h))
		return state_bad(STILLPOINT_SECTION_P2M, "a wrong size", offset);
	memcpy(&h, body, sizeof(h));
	size -= sizeof(h);
	if (state_check_p2m(state, h.max_pfn, size, offset))
		return -1;
	p2m.frames = malloc(size);
	if (!p2m.frames)
		return msg_error("out of memory for the frames of the p2m");
	memcpy(p2m.frames, body + sizeof(h), size);
	p2m.max_pfn = h.max_pfn;
	p2m.nframes = size / sizeof(*p2m.frames);
	for (i = 0; i < p2m.nframes; i++) {
		if (p2m.frames[i] <= p2m.max_pfn)
			continue;
		free(p2m.frames);
		return state_bad(STILLPOINT_SECTION_P2M, "a frame outside of the guest", offset);
	}
	free(state->p2m.frames);
	state->p2m = p2m;
	state->has_p2m = true;
	return 0;
}

static int state_tsc(struct section_state *state, const uint8_t *body, size_t size, uint64_t offset)
{
	struct stillpoint_tsc h;

	if (size != sizeof(h))
		return state_bad(STILLPOINT_SECTION_TSC, "a wrong size", offset);
	memcpy(&h, body, sizeof(h));
	if (h.reserved)
		return state_bad(STILLPOINT_SECTION_TSC, "something in a reserved field", offset);
	if (h.mode > IMAGE_TSC_MODE_MAX)
		return state_bad(STILLPOINT_SECTION_TSC, "an unknown mode", offset);
	state->tsc = (struct tsc_state){
		.mode = h.mode,
		.khz = h.khz,
		.nsec = h.nsec,
		.incarnation = h.incarnation,
	};
	state->has_tsc = true;
	return 0;
}

static int state_shared_info(struct section_state *state, const uint8_t *body, size_t size,
			     uint64_t offset)
{
	if (size != PAGE_BYTES)
		return state_bad(STILLPOINT_SECTION_SHARED_INFO, "a wrong size", offset);
	if (!state->shared_info)
		state->shared_info = malloc(PAGE_BYTES);
	if (!state->shared_info)
		return msg_error("out of memory for the shared info page");
	memcpy(state->shared_info, body, PAGE_BYTES);
	return 0;
}

static int state_check_vcpu(const struct section_state *state, const struct stillpoint_vcpu *h,
			    size_t size, uint64_t offset)
{
	const uint64_t want = sizeof(*h) + (uint64_t)h->basic_bytes + h->extended_bytes +
			      h->xsave_bytes + h->msr_bytes;
	size_t i;

	if (h->reserved)
		return state_bad(STILLPOINT_SECTION_VCPU, "something in a reserved field", offset);
	if (h->id >= STATE_VCPUS_MAX)
		return state_bad(STILLPOINT_SECTION_VCPU, "an impossible vCPU", offset);
	if (size != want || size > IMAGE_VCPU_BYTES ||
	    h->basic_bytes != sizeof(vcpu_guest_context_t) ||
	    h->extended_bytes > STATE_EXTENDED_MAX ||
	    (h->xsave_bytes && h->xsave_bytes < STATE_XSAVE_MIN) ||
	    h->msr_bytes % sizeof(xen_domctl_vcpu_msr_t))
		return state_bad(STILLPOINT_SECTION_VCPU, "a wrong size", offset);
	for (i = 0; i < state->nvcpus; i++)
		if (state->vcpus[i].id == h->id)
			return state_bad(STILLPOINT_SECTION_VCPU, "a vCPU that was there before",
					 offset);
	return 0;
}

/* One more at the end of state->vcpus, all zero, which the state already owns. */
static struct vcpu_state *state_add_vcpu(struct section_state *state)
{
	struct vcpu_state *vcpus;

	vcpus = realloc(state->vcpus, (state->nvcpus + 1) * sizeof(*vcpus));
	if (!vcpus) {
		msg_error("out of memory for %zu vCPUs", state->nvcpus + 1);
		return NULL;
	}
	state->vcpus = vcpus;
	memset(&vcpus[state->nvcpus], 0, sizeof(*vcpus));
	return &vcpus[state->nvcpus++];
}

static int state_vcpu(struct section_state *state, const uint8_t *body, size_t size,
		      uint64_t offset)
{
	struct stillpoint_vcpu h;
	struct vcpu_state *vcpu;

	if (size < sizeof(h))
		return state_bad(STILLPOINT_SECTION_VCPU, "a wrong size", offset);
	memcpy(&h, body, sizeof(h));
	if (state_check_vcpu(state, &h, size, offset))
		return -1;
	vcpu = state_add_vcpu(state);
	if (!vcpu)
		return -1;
	vcpu->id = h.id;
	body += sizeof(h);
	memcpy(&vcpu->basic, body, sizeof(vcpu->basic));
	body += sizeof(vcpu->basic);
	if (state_blob(&vcpu->extended, &body, h.extended_bytes) ||
	    state_blob(&vcpu->xsave, &body, h.xsave_bytes))
		return -1;
	return state_blob(&vcpu->msrs, &body, h.msr_bytes);
}

int section_state_take(struct section_state *state, uint32_t type, const void *body, size_t size,
		       uint64_t offset)
{
	switch (type) {
	case STILLPOINT_SECTION_CONFIG:
		return state_config(state, body, size, offset);
	case STILLPOINT_SECTION_PLATFORM:
		return state_platform(state, body, size, offset);
	case STILLPOINT_SECTION_P2M:
		return state_p2m(state, body, size, offset);
	case STILLPOINT_SECTION_TSC:
		return state_tsc(state, body, size, offset);
	case STILLPOINT_SECTION_SHARED_INFO:
		return state_shared_info(state, body, size, offset);
	case STILLPOINT_SECTION_VCPU:
		return state_vcpu(state, body, size, offset);
	default:
		return 1;
	}
}

int section_state_complete(const struct section_state *state)
{
	const char *missing = NULL;
	bool boots = false;
	size_t i;

	for (i = 0; i < state->nvcpus; i++)
		boots |= !state->vcpus[i].id;
	if (!boots)
		missing = "vCPU 0";
	if (!state->shared_info)
		missing = "SHARED_INFO";
	if (!state->has_tsc)
		missing = "TSC";
	if (!state->has_p2m)
		missing = "P2M";
	if (!state->has_platform)
		missing = "PLATFORM";
	if (!state->has_config)
		missing = "CONFIG";
	return missing ? msg_error("the image is damaged: it has no %s", missing) : 0;
}

void section_state_tail(const struct section_state *state, struct image_tail *tail)
{
	*tail = (struct image_tail){
		.tsc = state->tsc,
		.shared_info = state->shared_info,
		.vcpus = state->vcpus,
		.nvcpus = state->nvcpus,
	};
}
