/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the packed and the mapped layout share: the header, sections, END and footer
 * of include/stillpoint/image.h, made and checked; and the sections' bodies but for
 * those with pages. No file is touched here.
 */
#ifndef STILLPOINT_SECTION_H
#define STILLPOINT_SECTION_H

#include <stddef.h>
#include <stdint.h>

#include <stillpoint/image.h>
#include <xxhash.h>

#include "crypt.h"
#include "image.h"
#include "source.h"

/**
 * struct sections - the sections of one image, while they are made or read in order
 * @header: of the file
 * @crypt: NULL if it is not encrypted
 * @next: number of the section that comes next
 * @digest: over the header and all sections' headers so far
 * @tally: what was read so far, in the order of section_at()
 */
struct sections {
	struct stillpoint_image_header header;
	struct crypt *crypt;
	uint32_t next;
	XXH3_state_t *digest;
	struct section_tally tally[SECTION_TYPES];
};

/*
 * Begin an image: a header of @layout with a fresh id and nothing else of its own filled
 * in. @secret is NULL for an image that is not encrypted. 0 or -1, recorded.
 */
int sections_create(struct sections *s, enum stillpoint_image_layout layout,
		    const struct crypt_secret *secret);

/* The header is final: complete its checksum, and begin the digest. 0 or -1, recorded. */
int sections_seal_header(struct sections *s);

/*
 * Check the first bytes of a file, which are copied, and prepare to read its sections.
 * @secret may be NULL; an encrypted image then is an error. 0 or -1, recorded. In both
 * cases sections_free() is due.
 */
int sections_open(struct sections *s, const struct stillpoint_image_header *header,
		  const struct crypt_secret *secret);

void sections_free(struct sections *s);

/*
 * Make the header @h of the next section. @body has @size bytes and room for
 * CRYPT_TAG_BYTES more; it is encrypted in place if the image is. h->length is
 * what is to be stored of it then. Numbers are given in the order of calls, as the
 * digest is; see section_make() for doing the work in threads. 0 or -1, recorded.
 */
int sections_add(struct sections *s, uint32_t type, uint32_t flags, void *body, size_t size,
		 struct stillpoint_section *h);

/*
 * The parts of sections_add(): reserve a number; make the header and encrypt, which
 * may be done in any thread; add the header to the digest, in the order of numbers.
 */
uint32_t sections_number(struct sections *s);
int section_make(const struct sections *s, uint32_t type, uint32_t flags, uint32_t number,
		 void *body, size_t size, struct stillpoint_section *h);
void sections_digest(struct sections *s, const struct stillpoint_section *h);

/*
 * Check the header of the section that comes next, which stands at @offset of the file:
 * magic, checksum, number, length; it is added to the digest unless it is END's. An
 * unknown mandatory type is an error. 0 or -1, recorded, with the offset.
 */
int sections_next(struct sections *s, const struct stillpoint_section *h, uint64_t offset);

/* As sections_next(), for one that is reached by an index: neither order nor digest. */
int section_check(const struct sections *s, const struct stillpoint_section *h, uint64_t offset);

/*
 * Check the stored body of @h, and decrypt it in place; *size becomes its length. May be
 * done in any thread. A checksum that is wrong means damage; one that is right with a
 * tag that is wrong means another key or tampering. 0 or -1, recorded.
 */
int section_open(const struct sections *s, const struct stillpoint_section *h, uint64_t offset,
		 void *body, size_t *size);

/* True if the type is one that this version defines. */
bool section_known(uint32_t type);

/* For messages: "PAGES", "CONFIG"; "unknown". */
const char *section_name(uint32_t type);

/**
 * section_at - name one type after the other, as they are defined
 * @at: from 0 to SECTION_TYPES - 1, which stands for all types that this version does not define
 * @owner: becomes "memory", "tmem"; "" for the last
 *
 * Returns the type's name, "unknown" for the last.
 */
const char *section_at(unsigned int at, const char **owner);

/*
 * Make END's body, before END's number is given; complete @footer, of which all offsets
 * and the length are filled in.
 */
void sections_end(const struct sections *s, uint64_t pages, struct stillpoint_end *end);
void sections_footer(const struct sections *s, struct stillpoint_footer *footer);

/* Check END's body, or the footer of a file of @length bytes. 0 or -1, recorded. */
int sections_check_end(const struct sections *s, const struct stillpoint_end *end);
int sections_check_footer(const struct sections *s, const struct stillpoint_footer *footer,
			  uint64_t length);

/**
 * struct section_body - bytes that are being put together
 * @size: of them; there is always room for CRYPT_TAG_BYTES more
 */
struct section_body {
	uint8_t *data;
	size_t size;
};

void section_body_free(struct section_body *body);

/* Bodies of what is no page. 0 or -1, recorded; section_body_free() is due. */
int body_config(struct section_body *body, const char *config);
int body_platform(struct section_body *body, const struct image_head *head);
int body_p2m(struct section_body *body, const struct image_p2m *p2m);
int body_tsc(struct section_body *body, const struct tsc_state *tsc);
int body_shared_info(struct section_body *body, const void *page);
int body_vcpu(struct section_body *body, const struct vcpu_state *vcpu);
int body_bytes(struct section_body *body, const void *data, size_t size);

/**
 * struct section_state - what was read of the sections that are no pages
 * @config: owned, as all below; NULL, or empty, until there was one
 * @have: bit number n if section n of the enum was there
 */
struct section_state {
	char *config;
	struct image_head head;
	struct image_p2m p2m;
	struct tsc_state tsc;
	uint8_t *shared_info;
	struct vcpu_state *vcpus;
	size_t nvcpus;
	bool has_config;
	bool has_platform;
	bool has_p2m;
	bool has_tsc;
};

void section_state_free(struct section_state *state);

/*
 * Take in the checked and decrypted body of a section that is no pages. Everything in
 * it is checked: sizes, ranges, no vCPU twice. Returns 0, 1 if the section is none of
 * these, or -1 with an error recorded.
 */
int section_state_take(struct section_state *state, uint32_t type, const void *body, size_t size,
		       uint64_t offset);

/* Check that nothing is missing for a tail. 0 or -1, recorded. */
int section_state_complete(const struct section_state *state);

/* An image_tail of it; points into @state. */
void section_state_tail(const struct section_state *state, struct image_tail *tail);

#endif /* STILLPOINT_SECTION_H */
