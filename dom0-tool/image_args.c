// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "cmd.h"
#include "image_args.h"
#include "msg.h"

/* The recorded error is one of usage. */
static int image_args_bad(void)
{
	char text[512];

	strncpy(text, msg_error_text(), sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	msg_error_clear();
	return cmd_usage_error("%s", text);
}

int image_args_parse(const struct image_args *args, enum image_layout layout, const char *path,
		     const char *key_option, struct image_options *opts)
{
	opts->layout = layout;
	opts->compress = (struct codec_choice){ STILLPOINT_CODEC_ZSTD, CODEC_ZSTD_LEVEL };
	if (args->layout && image_parse_layout(args->layout, &opts->layout))
		return image_args_bad();
	if (args->compress && codec_parse(args->compress, &opts->compress))
		return image_args_bad();
	if (args->compress && opts->layout != IMAGE_PACKED)
		return cmd_usage_error("--compress is for --layout packed");
	if (args->key_file && opts->layout != IMAGE_PACKED)
		return cmd_usage_error("%s is for --layout packed", key_option);
	if (opts->layout == IMAGE_MAPPED && path && !strcmp(path, "-"))
		return cmd_usage_error("--layout mapped is for files, not for standard output");
	return 0;
}

int image_args_read_key(const struct image_args *args, struct crypt_secret *secret,
			struct image_options *opts)
{
	memset(secret, 0, sizeof(*secret));
	if (!args->key_file)
		return 0;
	if (crypt_read_secret(args->key_file, secret))
		return -1;
	opts->secret = secret;
	return 0;
}
