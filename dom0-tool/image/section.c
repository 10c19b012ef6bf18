// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "checksum.h"
#include "msg.h"
#include "section.h"

#define ID_BYTES 16

_Static_assert(sizeof(struct stillpoint_section) == STILLPOINT_SECTION_BYTES, "section");
_Static_assert(sizeof(struct stillpoint_footer) == STILLPOINT_FOOTER_BYTES, "footer");
_Static_assert(sizeof(struct stillpoint_end) == 32, "end");

/* Types that this version defines. */
static const struct {
	uint32_t type;
	const char *name;
} known[] = {
	{ STILLPOINT_SECTION_END, "END" },
	{ STILLPOINT_SECTION_INDEX, "INDEX" },
	{ STILLPOINT_SECTION_PAGES, "PAGES" },
	{ STILLPOINT_SECTION_PLACES, "PLACES" },
	{ STILLPOINT_SECTION_P2M, "P2M" },
	{ STILLPOINT_SECTION_PLATFORM, "PLATFORM" },
	{ STILLPOINT_SECTION_TSC, "TSC" },
	{ STILLPOINT_SECTION_SHARED_INFO, "SHARED_INFO" },
	{ STILLPOINT_SECTION_VCPU, "VCPU" },
	{ STILLPOINT_SECTION_CONFIG, "CONFIG" },
	{ STILLPOINT_SECTION_TMEM_POOLS, "TMEM_POOLS" },
	{ STILLPOINT_SECTION_TMEM_PAGES, "TMEM_PAGES" },
	{ STILLPOINT_SECTION_TMEM_INVALIDATE, "TMEM_INVALIDATE" },
	{ STILLPOINT_SECTION_TMEM_IMAGE, "TMEM_IMAGE" },
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

_Static_assert(KNOWN + 1 == SECTION_TYPES, "known");

/* KNOWN if it is not. */
static unsigned int section_place(uint32_t type)
{
	unsigned int i;

	for (i = 0; i < KNOWN && known[i].type != type; i++)
		;
	return i;
}

bool section_known(uint32_t type)
{
	return section_place(type) < KNOWN;
}

const char *section_name(uint32_t type)
{
	unsigned int at = section_place(type);

	return at < KNOWN ? known[at].name : "unknown";
}

const char *section_at(unsigned int at, const char **owner)
{
	static const char *const owners[] = {
		[STILLPOINT_OWNER_IMAGE] = "image", [STILLPOINT_OWNER_MEMORY] = "memory",
		[STILLPOINT_OWNER_STATE] = "state", [STILLPOINT_OWNER_TOOLSTACK] = "toolstack",
		[STILLPOINT_OWNER_TMEM] = "tmem",
	};

	*owner = at < KNOWN ? owners[known[at].type >> 16] : "";
	return at < KNOWN ? known[at].name : "unknown";
}

static void section_count(struct sections *s, const struct stillpoint_section *h)
{
	struct section_tally *tally = &s->tally[section_place(h->type)];

	tally->count++;
	tally->bytes += h->length;
}

static void section_checksum(const struct sections *s, const struct stillpoint_section *h,
			     uint8_t sum[8])
{
	const size_t fields = offsetof(struct stillpoint_section, checksum);
	uint8_t data[ID_BYTES + offsetof(struct stillpoint_section, checksum)];

	memcpy(data, s->header.id, ID_BYTES);
	memcpy(data + ID_BYTES, h, fields);
	checksum_64(data, sizeof(data), sum);
}

static void footer_checksum(const struct sections *s, const struct stillpoint_footer *footer,
			    uint8_t sum[16])
{
	const size_t fields = offsetof(struct stillpoint_footer, checksum);
	uint8_t data[ID_BYTES + offsetof(struct stillpoint_footer, checksum)];

	memcpy(data, s->header.id, ID_BYTES);
	memcpy(data + ID_BYTES, footer, fields);
	checksum_128(data, sizeof(data), sum);
}

uint32_t sections_number(struct sections *s)
{
	return s->next++;
}

int section_make(const struct sections *s, uint32_t type, uint32_t flags, uint32_t number,
		 void *body, size_t size, struct stillpoint_section *h)
{
	size_t stored = size + (s->crypt ? CRYPT_TAG_BYTES : 0);

	if (stored > STILLPOINT_SECTION_MAX)
		return msg_error("%s would have %zu bytes, at most %llu are allowed",
				 section_name(type), stored,
				 (unsigned long long)STILLPOINT_SECTION_MAX);
	*h = (struct stillpoint_section){
		.magic = STILLPOINT_SECTION_MAGIC,
		.type = type,
		.flags = flags,
		.number = number,
		.length = stored,
	};
	if (s->crypt && crypt_seal(s->crypt, h, body, size))
		return -1;
	checksum_128(body, stored, h->body);
	section_checksum(s, h, h->checksum);
	return 0;
}

void sections_digest(struct sections *s, const struct stillpoint_section *h)
{
	XXH3_128bits_update(s->digest, h, sizeof(*h));
}

int sections_add(struct sections *s, uint32_t type, uint32_t flags, void *body, size_t size,
		 struct stillpoint_section *h)
{
	if (section_make(s, type, flags, sections_number(s), body, size, h))
		return -1;
	sections_digest(s, h);
	return 0;
}

static int section_bad(const char *what, uint64_t offset)
{
	return msg_error("the image is damaged: %s in the section at offset %llu", what,
			 (unsigned long long)offset);
}

int section_check(const struct sections *s, const struct stillpoint_section *h, uint64_t offset)
{
	uint8_t sum[8];

	if (h->magic != STILLPOINT_SECTION_MAGIC)
		return msg_error("the image is damaged: no section at offset %llu",
				 (unsigned long long)offset);
	section_checksum(s, h, sum);
	if (memcmp(sum, h->checksum, sizeof(sum)))
		return section_bad("a wrong checksum of the header", offset);
	if (h->flags & ~STILLPOINT_SECTION_MANDATORY)
		return section_bad("an unknown flag", offset);
	if (h->length > STILLPOINT_SECTION_MAX || (s->crypt && h->length < CRYPT_TAG_BYTES))
		return section_bad("an impossible length", offset);
	if ((h->flags & STILLPOINT_SECTION_MANDATORY) && !section_known(h->type))
		return msg_error(
			"the image has a mandatory section of the unknown type %#x at offset %llu; a newer tool is needed",
			h->type, (unsigned long long)offset);
	return 0;
}

int sections_next(struct sections *s, const struct stillpoint_section *h, uint64_t offset)
{
	if (section_check(s, h, offset))
		return -1;
	if (h->number != s->next)
		return msg_error(
			"the image is damaged: section %u stands at offset %llu, where %u should be",
			h->number, (unsigned long long)offset, s->next);
	s->next++;
	section_count(s, h);
	if (h->type != STILLPOINT_SECTION_END)
		sections_digest(s, h);
	return 0;
}

int section_open(const struct sections *s, const struct stillpoint_section *h, uint64_t offset,
		 void *body, size_t *size)
{
	uint8_t sum[16];

	*size = h->length;
	checksum_128(body, *size, sum);
	if (memcmp(sum, h->body, sizeof(sum)))
		return msg_error(
			"the image is damaged: %s at offset %llu does not match its checksum",
			section_name(h->type), (unsigned long long)offset);
	if (!s->crypt)
		return 0;
	if (crypt_open(s->crypt, h, body, *size))
		return msg_error(
			"the key does not fit, or someone changed the image: %s at offset %llu is whole, but does not decrypt",
			section_name(h->type), (unsigned long long)offset);
	*size -= CRYPT_TAG_BYTES;
	return 0;
}

void sections_end(const struct sections *s, uint64_t pages, struct stillpoint_end *end)
{
	end->sections = (uint64_t)s->next + 1;
	end->pages = pages;
	checksum_digest(s->digest, end->digest);
}

int sections_check_end(const struct sections *s, const struct stillpoint_end *end)
{
	uint8_t digest[16];

	if (end->sections != s->next)
		return msg_error("the image is damaged: it has %u sections, its END says %llu",
				 s->next, (unsigned long long)end->sections);
	checksum_digest(s->digest, digest);
	if (memcmp(end->digest, digest, sizeof(digest)))
		return msg_error("the image is damaged: its digest does not match");
	return 0;
}

void sections_footer(const struct sections *s, struct stillpoint_footer *footer)
{
	footer->magic = STILLPOINT_FOOTER_MAGIC;
	footer->reserved = 0;
	footer_checksum(s, footer, footer->checksum);
}

int sections_check_footer(const struct sections *s, const struct stillpoint_footer *footer,
			  uint64_t length)
{
	uint8_t sum[16];

	if (footer->magic != STILLPOINT_FOOTER_MAGIC)
		return msg_error("the image is cut short or damaged: it has no footer");
	footer_checksum(s, footer, sum);
	if (memcmp(sum, footer->checksum, sizeof(sum)))
		return msg_error("the image is damaged: its footer has a wrong checksum");
	if (footer->reserved)
		return msg_error("the image is damaged: its footer has a reserved field");
	if (footer->length != length)
		return msg_error("the image has %llu bytes, its footer says %llu",
				 (unsigned long long)length, (unsigned long long)footer->length);
	if (footer->sections < STILLPOINT_IMAGE_HEADER_BYTES || footer->sections > footer->index ||
	    footer->index > footer->end || footer->end > length)
		return msg_error("the image is damaged: its footer has impossible offsets");
	return 0;
}
