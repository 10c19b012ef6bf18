// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "image.h"
#include "mapped_writer.h"
#include "msg.h"
#include "packed_writer.h"
#include "xl_writer.h"

static const char *const layouts[] = {
	[IMAGE_XL] = "xl",
	[IMAGE_PACKED] = "packed",
	[IMAGE_MAPPED] = "mapped",
};

int image_parse_layout(const char *text, enum image_layout *layout)
{
	unsigned int i;

	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (strcmp(text, layouts[i]))
			continue;
		*layout = i;
		return 0;
	}
	return msg_error("there is no layout '%s'; there are xl, packed and mapped", text);
}

const char *image_layout_name(enum image_layout layout)
{
	return layouts[layout];
}

struct image *image_new(struct output *out, const struct image_options *opts)
{
	if (opts->layout == IMAGE_MAPPED)
		return mapped_writer_new(out, opts, NULL);
	if (opts->layout == IMAGE_PACKED)
		return packed_writer_new(out, opts);
	return xl_writer_new(out, opts);
}

int image_check_config(const char *config)
{
	size_t size = strlen(config);

	if (size <= STILLPOINT_CONFIG_MAX)
		return 0;
	return msg_error("the domain's configuration has %zu bytes, an image has room for %u", size,
			 STILLPOINT_CONFIG_MAX);
}

int image_tmem(struct image *img, const struct image_tmem *part)
{
	if (!img->ops->tmem)
		return msg_error("there is no place for tmem pools");
	return img->ops->tmem(img, part);
}

uint64_t image_bytes(const struct image_options *opts, uint64_t pages, uint64_t pfns,
		     uint64_t vcpus, uint64_t config)
{
	if (opts->layout == IMAGE_MAPPED)
		return mapped_writer_bytes(opts, pfns, vcpus, config);
	if (opts->layout == IMAGE_PACKED)
		return packed_writer_bytes(pages, pfns, vcpus) + vcpus * IMAGE_VCPU_BYTES + config;
	return xl_writer_bytes(pages, pfns) + vcpus * IMAGE_VCPU_BYTES + config;
}
