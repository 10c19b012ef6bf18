// SPDX-License-Identifier: GPL-2.0
#include "msg.h"
#include "space.h"

bool space_is_known(const struct image_options *opts)
{
	return opts->layout != IMAGE_PACKED || opts->compress.codec == STILLPOINT_CODEC_NONE;
}

int space_check(const struct output *out, const struct image_options *opts, uint64_t bytes,
		bool loose)
{
	if (!output_check_space(out, bytes))
		return 0;
	if (!loose && space_is_known(opts))
		return -1;
	msg_warn("%s; it is tried nevertheless", msg_error_text());
	msg_error_clear();
	return 0;
}
