/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packed images that are put together section by section, so that they can be wrong
 * anywhere and still have right checksums.
 */
#ifndef STILLPOINT_CRAFT_H
#define STILLPOINT_CRAFT_H

#include <stddef.h>
#include <stdint.h>

#include "image/crypt.h"
#include "image/packed_index.h"
#include "image/section.h"

/**
 * struct craft - the image so far
 * @index: of it; may be changed before craft_end()
 * @footer: its offsets, which craft_end() fills in and a test may change
 */
struct craft {
	struct sections s;
	uint8_t *bytes;
	size_t size;
	struct packed_index index;
	struct stillpoint_footer footer;
};

/* Begin; with @secret encrypted, by a derivation that costs nothing. */
void craft_begin(struct craft *c, const struct crypt_secret *secret);

/* The header is final; a test may have changed it. */
void craft_header(struct craft *c);

void craft_free(struct craft *c);

/* Add a section, and if it is PAGES or P2M tell the index of it. */
void craft_section(struct craft *c, uint32_t type, uint32_t flags, const void *body, size_t size);

/* CONFIG, PLATFORM, and a P2M up to @max_pfn, which pfn 2 holds. */
void craft_head(struct craft *c);
void craft_p2m(struct craft *c, uint64_t max_pfn);

/* A frame of these runs, and @stored bytes of a pattern. */
void craft_frame(struct craft *c, const struct stillpoint_frame *head,
		 const struct stillpoint_run *runs);

/* Pfn 2, with data, as a frame of its own. */
void craft_page(struct craft *c);

/* TSC, SHARED_INFO and vCPU 0. */
void craft_state(struct craft *c);

/* INDEX; END with @pages; the footer. */
void craft_index(struct craft *c);
void craft_end(struct craft *c, uint64_t pages);
void craft_footer(struct craft *c);

/* A vCPU's body with number @id. */
void craft_vcpu(struct section_body *body, unsigned int id);

#endif /* STILLPOINT_CRAFT_H */
