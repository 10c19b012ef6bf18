// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include <openssl/rand.h>

#include "checksum.h"
#include "msg.h"
#include "page.h"
#include "section.h"

_Static_assert(sizeof(struct stillpoint_image_header) == STILLPOINT_IMAGE_HEADER_BYTES, "header");
_Static_assert(STILLPOINT_IMAGE_PAGE_BYTES == PAGE_BYTES, "page");

static int sections_begin_digest(struct sections *s)
{
	s->digest = XXH3_createState();
	if (!s->digest)
		return msg_error("out of memory for the image's digest");
	XXH3_128bits_reset(s->digest);
	XXH3_128bits_update(s->digest, &s->header, sizeof(s->header));
	return 0;
}

int sections_create(struct sections *s, enum stillpoint_image_layout layout,
		    const struct crypt_secret *secret)
{
	struct stillpoint_image_header *h = &s->header;

	memset(s, 0, sizeof(*s));
	memcpy(h->magic, STILLPOINT_IMAGE_MAGIC, sizeof(h->magic));
	h->version = STILLPOINT_IMAGE_VERSION;
	h->byteorder = STILLPOINT_IMAGE_BYTEORDER;
	h->layout = layout;
	h->page_bytes = STILLPOINT_IMAGE_PAGE_BYTES;
	if (RAND_bytes(h->id, sizeof(h->id)) != 1)
		return msg_error("cannot get random numbers for the image's id");
	if (!secret)
		return 0;
	h->mandatory |= STILLPOINT_IMAGE_ENCRYPTED;
	if (crypt_prepare(h))
		return -1;
	s->crypt = crypt_new(secret, h);
	return s->crypt ? 0 : -1;
}

int sections_seal_header(struct sections *s)
{
	checksum_128(&s->header, offsetof(struct stillpoint_image_header, checksum),
		     s->header.checksum);
	if (s->crypt)
		crypt_bind(s->crypt, &s->header);
	return sections_begin_digest(s);
}

/* Whether it is a header at all, and one of this version. */
static int header_check_kind(const struct stillpoint_image_header *h)
{
	if (memcmp(h->magic, STILLPOINT_IMAGE_MAGIC, sizeof(h->magic)))
		return msg_error("this is no image of Stillpoint: it does not start as one");
	if (h->byteorder == __builtin_bswap32(STILLPOINT_IMAGE_BYTEORDER))
		return msg_error(
			"the image is of the other byte order, big endian; this tool reads little endian");
	if (h->byteorder != STILLPOINT_IMAGE_BYTEORDER)
		return msg_error("the image is damaged: byte order %#x at offset %zu", h->byteorder,
				 offsetof(struct stillpoint_image_header, byteorder));
	if (h->version != STILLPOINT_IMAGE_VERSION)
		return msg_error("the image is of version %u, this tool knows %u; use a newer tool",
				 h->version, STILLPOINT_IMAGE_VERSION);
	return 0;
}

static int header_bad(const char *what)
{
	return msg_error("the image is damaged: its header has %s", what);
}

static int header_check_sizes(const struct stillpoint_image_header *h)
{
	if (h->page_bytes != STILLPOINT_IMAGE_PAGE_BYTES)
		return header_bad("an impossible size of pages");
	if (h->layout == STILLPOINT_LAYOUT_PACKED) {
		if (h->frame_bytes < STILLPOINT_FRAME_MIN ||
		    h->frame_bytes > STILLPOINT_FRAME_MAX || h->frame_bytes % PAGE_BYTES)
			return header_bad("an impossible size of frames");
		if (h->places || h->data)
			return header_bad("places, which the packed layout does not have");
		return 0;
	}
	if (h->layout != STILLPOINT_LAYOUT_MAPPED)
		return msg_error("the image is of the unknown layout %u; a newer tool is needed",
				 h->layout);
	if (h->frame_bytes)
		return header_bad("frames, which the mapped layout does not have");
	if (h->places > STILLPOINT_PFN_LIMIT || !h->data || h->data % PAGE_BYTES ||
	    h->data > STILLPOINT_PFN_LIMIT)
		return header_bad("impossible places");
	if (h->mandatory & STILLPOINT_IMAGE_ENCRYPTED)
		return header_bad("encryption, which the mapped layout does not have");
	if (h->mandatory & STILLPOINT_IMAGE_SIDE)
		return header_bad("the mark of a side file, which is never mapped");
	return 0;
}

static int header_check_zeroes(const struct stillpoint_image_header *h)
{
	static const uint8_t zeroes[sizeof(h->reserved1)];

	if (h->reserved0 || memcmp(h->reserved1, zeroes, sizeof(zeroes)))
		return header_bad("something in a reserved field");
	if (h->mandatory & STILLPOINT_IMAGE_ENCRYPTED)
		return 0;
	if (h->kdf || h->kdf_log_n || h->kdf_r || h->kdf_p ||
	    memcmp(h->salt, zeroes, sizeof(h->salt)))
		return header_bad("a key's derivation, but is not encrypted");
	return 0;
}

static int header_check(const struct stillpoint_image_header *h)
{
	uint64_t unknown = h->mandatory & ~(STILLPOINT_IMAGE_ENCRYPTED | STILLPOINT_IMAGE_SIDE);
	uint8_t sum[16];

	if (header_check_kind(h))
		return -1;
	checksum_128(h, offsetof(struct stillpoint_image_header, checksum), sum);
	if (memcmp(sum, h->checksum, sizeof(sum)))
		return header_bad("a wrong checksum");
	if (unknown)
		return msg_error(
			"the image has the unknown mandatory feature %#llx; a newer tool is needed",
			(unsigned long long)unknown);
	if (header_check_sizes(h))
		return -1;
	return header_check_zeroes(h);
}

int sections_open(struct sections *s, const struct stillpoint_image_header *header,
		  const struct crypt_secret *secret)
{
	memset(s, 0, sizeof(*s));
	s->header = *header;
	if (header_check(&s->header))
		return -1;
	if (s->header.mandatory & STILLPOINT_IMAGE_ENCRYPTED) {
		if (!secret)
			return msg_error("the image is encrypted; name its key with --key-file");
		s->crypt = crypt_new(secret, &s->header);
		if (!s->crypt)
			return -1;
	}
	return sections_begin_digest(s);
}

void sections_free(struct sections *s)
{
	crypt_free(s->crypt);
	XXH3_freeState(s->digest);
	memset(s, 0, sizeof(*s));
}
