// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "packed_frame.h"
#include "section.h"
#include "side_writer.h"
#include "xl_writer.h"

/**
 * struct side_writer - the writer
 */
struct side_writer {
	struct image img;
	struct sections sections;
};

static struct side_writer *side_of(struct image *img)
{
	return (struct side_writer *)img;
}

static int side_section(struct side_writer *w, uint32_t type, uint32_t flags, const void *data,
			size_t size)
{
	struct stillpoint_section h;
	struct section_body body;
	int ret;

	if (body_bytes(&body, data, size))
		return -1;
	ret = sections_add(&w->sections, type, flags, body.data, body.size, &h) ||
	      output_append(w->img.out, &h, sizeof(h)) ||
	      output_append(w->img.out, body.data, h.length);
	section_body_free(&body);
	return ret ? -1 : 0;
}

static int side_tmem(struct image *img, const struct image_tmem *part)
{
	return side_section(side_of(img), part->type,
			    part->mandatory ? STILLPOINT_SECTION_MANDATORY : 0, part->body,
			    part->size);
}

static void side_free(struct image *img)
{
	sections_free(&side_of(img)->sections);
	free(img);
}

static const struct image_ops side_ops = {
	.tmem = side_tmem,
	.free = side_free,
};

static int side_begin(struct side_writer *w)
{
	struct stillpoint_image_header *h = &w->sections.header;

	if (sections_create(&w->sections, STILLPOINT_LAYOUT_PACKED, NULL))
		return -1;
	h->mandatory |= STILLPOINT_IMAGE_SIDE;
	h->frame_bytes = PACKED_FRAME_BYTES;
	if (sections_seal_header(&w->sections))
		return -1;
	return output_append(w->img.out, h, sizeof(*h));
}

struct image *side_writer_new(struct output *out)
{
	struct side_writer *w = calloc(1, sizeof(*w));

	if (!w) {
		msg_error("out of memory for the side file");
		return NULL;
	}
	w->img.ops = &side_ops;
	w->img.out = out;
	if (!side_begin(w))
		return &w->img;
	side_free(&w->img);
	return NULL;
}

int side_writer_end(struct image *img, struct image *of)
{
	struct side_writer *w = side_of(img);
	struct stillpoint_footer footer = { .sections = sizeof(w->sections.header) };
	struct stillpoint_end end;

	if (side_section(w, STILLPOINT_SECTION_TMEM_IMAGE, STILLPOINT_SECTION_MANDATORY,
			 xl_writer_identity(of), sizeof(struct stillpoint_tmem_image)))
		return -1;
	footer.index = img->out->length;
	footer.end = img->out->length;
	sections_end(&w->sections, 0, &end);
	if (side_section(w, STILLPOINT_SECTION_END, STILLPOINT_SECTION_MANDATORY, &end,
			 sizeof(end)))
		return -1;
	footer.length = img->out->length + sizeof(footer);
	sections_footer(&w->sections, &footer);
	return output_append(img->out, &footer, sizeof(footer));
}
