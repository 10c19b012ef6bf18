// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "page.h"
#include "section.h"

_Static_assert(sizeof(struct stillpoint_p2m) == 8, "p2m");
_Static_assert(sizeof(struct stillpoint_platform) == 16, "platform");
_Static_assert(sizeof(struct stillpoint_tsc) == 24, "tsc");
_Static_assert(sizeof(struct stillpoint_vcpu) == 24, "vcpu");

/* Room for @size bytes, of which none is there yet. */
static int body_begin(struct section_body *body, size_t size)
{
	body->size = 0;
	body->data = NULL;
	if (size > STILLPOINT_SECTION_MAX - CRYPT_TAG_BYTES)
		return msg_error("a section would have %zu bytes, at most %llu are allowed", size,
				 STILLPOINT_SECTION_MAX - CRYPT_TAG_BYTES);
	body->data = malloc(size + CRYPT_TAG_BYTES);
	return body->data ? 0 : msg_error("out of memory for a section of %zu bytes", size);
}

static void body_put(struct section_body *body, const void *data, size_t size)
{
	if (size)
		memcpy(body->data + body->size, data, size);
	body->size += size;
}

void section_body_free(struct section_body *body)
{
	free(body->data);
	body->data = NULL;
	body->size = 0;
}

int body_bytes(struct section_body *body, const void *data, size_t size)
{
	if (body_begin(body, size))
		return -1;
	body_put(body, data, size);
	return 0;
}

int body_config(struct section_body *body, const char *config)
{
	body->data = NULL;
	if (!*config)
		return msg_error("the domain's configuration is empty");
	if (image_check_config(config))
		return -1;
	return body_bytes(body, config, strlen(config));
}

int body_platform(struct section_body *body, const struct image_head *head)
{
	struct stillpoint_platform h = {
		.xen_major = head->xen_major,
		.xen_minor = head->xen_minor,
		.cpuid_bytes = head->cpuid.size,
		.msr_bytes = head->msrs.size,
	};

	if (body_begin(body, sizeof(h) + head->cpuid.size + head->msrs.size))
		return -1;
	body_put(body, &h, sizeof(h));
	body_put(body, head->cpuid.data, head->cpuid.size);
	body_put(body, head->msrs.data, head->msrs.size);
	return 0;
}

int body_p2m(struct section_body *body, const struct image_p2m *p2m)
{
	struct stillpoint_p2m h = { .max_pfn = p2m->max_pfn };
	size_t bytes;

	if (p2m->max_pfn >= STILLPOINT_PFN_LIMIT ||
	    p2m->nframes != p2m->max_pfn / ENTRIES_PER_PAGE + 1)
		return msg_error("a p2m up to pfn %#llx does not have %zu frames",
				 (unsigned long long)p2m->max_pfn, p2m->nframes);
	bytes = p2m->nframes * sizeof(*p2m->frames);
	if (body_begin(body, sizeof(h) + bytes))
		return -1;
	body_put(body, &h, sizeof(h));
	body_put(body, p2m->frames, bytes);
	return 0;
}

int body_tsc(struct section_body *body, const struct tsc_state *tsc)
{
	struct stillpoint_tsc h = {
		.mode = tsc->mode,
		.khz = tsc->khz,
		.nsec = tsc->nsec,
		.incarnation = tsc->incarnation,
	};

	if (body_begin(body, sizeof(h)))
		return -1;
	body_put(body, &h, sizeof(h));
	return 0;
}

int body_shared_info(struct section_body *body, const void *page)
{
	return body_bytes(body, page, PAGE_BYTES);
}

int body_vcpu(struct section_body *body, const struct vcpu_state *vcpu)
{
	struct stillpoint_vcpu h = {
		.id = vcpu->id,
		.basic_bytes = sizeof(vcpu->basic),
		.extended_bytes = vcpu->extended.size,
		.xsave_bytes = vcpu->xsave.size,
		.msr_bytes = vcpu->msrs.size,
	};
	size_t size = sizeof(h) + sizeof(vcpu->basic) + vcpu->extended.size + vcpu->xsave.size +
		      vcpu->msrs.size;

	if (size > IMAGE_VCPU_BYTES)
		return msg_error("the state of vCPU %u has %zu bytes, at most %u are allowed",
				 vcpu->id, size, IMAGE_VCPU_BYTES);
	if (body_begin(body, size))
		return -1;
	body_put(body, &h, sizeof(h));
	body_put(body, &vcpu->basic, sizeof(vcpu->basic));
	body_put(body, vcpu->extended.data, vcpu->extended.size);
	body_put(body, vcpu->xsave.data, vcpu->xsave.size);
	body_put(body, vcpu->msrs.data, vcpu->msrs.size);
	return 0;
}
