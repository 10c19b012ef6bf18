// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <stdlib.h>

#include "craft.h"
#include "page.h"

void craft_begin(struct craft *c, const struct crypt_secret *secret)
{
	struct stillpoint_image_header *h = &c->s.header;

	memset(c, 0, sizeof(*c));
	assert_works(sections_create(&c->s, STILLPOINT_LAYOUT_PACKED, NULL));
	h->frame_bytes = STILLPOINT_FRAME_MIN;
	if (!secret)
		return;
	h->mandatory = STILLPOINT_IMAGE_ENCRYPTED;
	h->kdf = 1;
	h->kdf_log_n = 1;
	h->kdf_r = 1;
	h->kdf_p = 1;
	memset(h->salt, 0x5a, sizeof(h->salt));
	c->s.crypt = crypt_new(secret, h);
	assert_non_null(c->s.crypt);
}

static void craft_bytes(struct craft *c, const void *data, size_t size)
{
	c->bytes = realloc(c->bytes, c->size + size);
	assert_non_null(c->bytes);
	memcpy(c->bytes + c->size, data, size);
	c->size += size;
}

void craft_header(struct craft *c)
{
	assert_works(sections_seal_header(&c->s));
	craft_bytes(c, &c->s.header, sizeof(c->s.header));
}

void craft_free(struct craft *c)
{
	sections_free(&c->s);
	packed_index_free(&c->index);
	free(c->bytes);
}

/* What a true writer would say of the frame. */
static void craft_range(struct stillpoint_index_entry *entry, const uint8_t *body, size_t size)
{
	struct stillpoint_frame head;
	struct stillpoint_run run;
	uint32_t i;

	memcpy(&head, body, sizeof(head));
	entry->lowest = UINT64_MAX;
	for (i = 0; i < head.runs && size >= sizeof(head) + (i + 1) * sizeof(run); i++) {
		memcpy(&run, body + sizeof(head) + i * sizeof(run), sizeof(run));
		if (run.pfn < entry->lowest)
			entry->lowest = run.pfn;
		if (run.pfn + run.count - 1 > entry->highest)
			entry->highest = run.pfn + run.count - 1;
	}
}

void craft_section(struct craft *c, uint32_t type, uint32_t flags, const void *body, size_t size)
{
	struct stillpoint_index_entry entry = {
		.offset = c->size,
		.type = type,
		.number = c->s.next,
	};
	uint8_t *copy = malloc(size + CRYPT_TAG_BYTES);
	struct stillpoint_section h;

	assert_non_null(copy);
	if (size)
		memcpy(copy, body, size);
	if (type == STILLPOINT_SECTION_PAGES && size >= sizeof(struct stillpoint_frame))
		craft_range(&entry, body, size);
	if (type == STILLPOINT_SECTION_PAGES || type == STILLPOINT_SECTION_P2M)
		assert_works(packed_index_add(&c->index, &entry));
	assert_works(sections_add(&c->s, type, flags, copy, size, &h));
	craft_bytes(c, &h, sizeof(h));
	craft_bytes(c, copy, h.length);
	free(copy);
}

static void craft_body(struct craft *c, uint32_t type, struct section_body *body)
{
	craft_section(c, type, STILLPOINT_SECTION_MANDATORY, body->data, body->size);
	section_body_free(body);
}

void craft_head(struct craft *c)
{
	struct image_head head = { .xen_major = 4, .xen_minor = 17 };
	struct section_body body;

	assert_works(body_config(&body, "{}"));
	craft_body(c, STILLPOINT_SECTION_CONFIG, &body);
	assert_works(body_platform(&body, &head));
	craft_body(c, STILLPOINT_SECTION_PLATFORM, &body);
}

void craft_p2m(struct craft *c, uint64_t max_pfn)
{
	struct image_p2m p2m = { .max_pfn = max_pfn, .nframes = max_pfn / 512 + 1 };
	struct section_body body;
	size_t i;

	p2m.frames = calloc(p2m.nframes, sizeof(*p2m.frames));
	assert_non_null(p2m.frames);
	for (i = 0; i < p2m.nframes; i++)
		p2m.frames[i] = 2;
	assert_works(body_p2m(&body, &p2m));
	craft_body(c, STILLPOINT_SECTION_P2M, &body);
	free(p2m.frames);
}

void craft_frame(struct craft *c, const struct stillpoint_frame *head,
		 const struct stillpoint_run *runs)
{
	const size_t room = head->runs * sizeof(*runs), size = sizeof(*head) + room + head->stored;
	uint8_t *body = malloc(size);

	assert_non_null(body);
	memcpy(body, head, sizeof(*head));
	if (room)
		memcpy(body + sizeof(*head), runs, room);
	memset(body + sizeof(*head) + room, 0xa5, head->stored);
	craft_section(c, STILLPOINT_SECTION_PAGES, STILLPOINT_SECTION_MANDATORY, body, size);
	free(body);
}

void craft_page(struct craft *c)
{
	static const struct stillpoint_frame head = {
		.runs = 1,
		.raw = PAGE_BYTES,
		.stored = PAGE_BYTES,
	};
	static const struct stillpoint_run run = {
		.pfn = 2,
		.count = 1,
		.kind = STILLPOINT_PAGE_DATA,
	};

	craft_frame(c, &head, &run);
}

void craft_vcpu(struct section_body *body, unsigned int id)
{
	struct vcpu_state vcpu = { .id = id };

	assert_works(body_vcpu(body, &vcpu));
}

void craft_state(struct craft *c)
{
	static const uint8_t shared_info[PAGE_BYTES];
	static const struct tsc_state tsc = { .khz = 1 };
	struct section_body body;

	assert_works(body_tsc(&body, &tsc));
	craft_body(c, STILLPOINT_SECTION_TSC, &body);
	assert_works(body_shared_info(&body, shared_info));
	craft_body(c, STILLPOINT_SECTION_SHARED_INFO, &body);
	craft_vcpu(&body, 0);
	craft_body(c, STILLPOINT_SECTION_VCPU, &body);
}

void craft_index(struct craft *c)
{
	c->footer.index = c->size;
	craft_section(c, STILLPOINT_SECTION_INDEX, STILLPOINT_SECTION_MANDATORY, c->index.entries,
		      c->index.n * sizeof(*c->index.entries));
}

void craft_end(struct craft *c, uint64_t pages)
{
	struct stillpoint_end end;

	c->footer.sections = sizeof(c->s.header);
	c->footer.end = c->size;
	if (!c->footer.index)
		c->footer.index = c->size;
	sections_end(&c->s, pages, &end);
	craft_section(c, STILLPOINT_SECTION_END, STILLPOINT_SECTION_MANDATORY, &end, sizeof(end));
	c->footer.length = c->size + sizeof(c->footer);
}

void craft_footer(struct craft *c)
{
	sections_footer(&c->s, &c->footer);
	craft_bytes(c, &c->footer, sizeof(c->footer));
}
