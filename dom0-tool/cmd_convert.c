// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* asprintf */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "convert.h"
#include "copier.h"
#include "image_args.h"
#include "input.h"
#include "json_add.h"
#include "msg.h"
#include "progress.h"
#include "signals.h"

static const char convert_help[] =
	"usage: stillpoint convert [options] IN OUT\n"
	"\n"
	"Check the image IN and write it in another layout as OUT. Either may be '-', for\n"
	"standard input or output, but not with the mapped layout.\n"
	"\n"
	"  --layout HOW         'packed' (the default), 'mapped' or 'xl', which 'xl restore'\n"
	"                       reads\n"
	"  --compress HOW       with packed: 'zstd' (the default), 'zstd:LEVEL', 'lz4', 'none'\n"
	"  --threads N          threads (one for each processor, at most 4)\n"
	"  --key-file FILE      the key of IN, if it is encrypted\n"
	"  --out-key-file FILE  with packed: encrypt OUT with this key\n"
	"  --tmem-file FILE     the side file with the guest's tmem pools, for which xl's layout\n"
	"                       has no place: OUT's if that is in xl's layout, else IN's\n"
	"  --force              replace OUT if it exists\n"
	"  --json               tell the result as JSON on stdout\n"
	"  --help               this text\n";

/**
 * struct convert_args - the command line
 * @out: what was given about OUT
 */
struct convert_args {
	const char *in;
	const char *key_file;
	struct image_args out;
	struct convert_options opts;
	uint64_t threads;
	bool json;
	bool help;
};

static int convert_option(struct convert_args *a, int opt, char **argv)
{
	switch (opt) {
	case 'l':
		a->out.layout = optarg;
		return 0;
	case 'c':
		a->out.compress = optarg;
		return 0;
	case 'n':
		return cmd_number("--threads", optarg, 1, COPIER_THREADS_MAX, &a->threads);
	case 'k':
		a->key_file = optarg;
		return 0;
	case 'o':
		a->out.key_file = optarg;
		return 0;
	case 'm':
		a->opts.tmem_path = optarg;
		return 0;
	case 'f':
		a->opts.replace = true;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case 'h':
		a->help = true;
		return 0;
	default:
		return cmd_bad_option(argv);
	}
}

static int convert_parse(struct convert_args *a, int argc, char **argv)
{
	static const struct option options[] = {
		{ "layout", required_argument, NULL, 'l' },
		{ "compress", required_argument, NULL, 'c' },
		{ "threads", required_argument, NULL, 'n' },
		{ "key-file", required_argument, NULL, 'k' },
		{ "out-key-file", required_argument, NULL, 'o' },
		{ "tmem-file", required_argument, NULL, 'm' },
		{ "force", no_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	memset(a, 0, sizeof(*a));
	a->threads = copier_default_threads();
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (convert_option(a, opt, argv))
			return CMD_USAGE;
	if (a->help)
		return 0;
	if (argc - optind != 2)
		return cmd_usage_error("expected IN and OUT");
	a->in = argv[optind];
	a->opts.path = argv[optind + 1];
	a->opts.image.threads = a->threads;
	if (a->json && !strcmp(a->opts.path, "-"))
		return cmd_usage_error("--json and an image cannot both go to standard output");
	if (image_args_parse(&a->out, IMAGE_PACKED, a->opts.path, "--out-key-file", &a->opts.image))
		return CMD_USAGE;
	if (a->opts.tmem_path && !strcmp(a->opts.tmem_path, "-"))
		return cmd_usage_error("--tmem-file needs a file, not '-'");
	if (a->opts.image.layout == IMAGE_XL)
		return 0;
	a->opts.side_path = a->opts.tmem_path;
	a->opts.tmem_path = NULL;
	return 0;
}

static int convert_tell(const struct convert_args *a, const struct source_info *info,
			uint64_t bytes)
{
	json_object *o;

	if (!a->json)
		return 0;
	o = json_object_new_object();
	add_string(o, "file", a->opts.path);
	add_string(o, "layout", image_layout_name(a->opts.image.layout));
	add_boolean(o, "encrypted", a->opts.image.secret);
	add_number(o, "bytes", bytes);
	add_string(o, "from", a->in);
	add_string(o, "from_layout", image_layout_name(info->layout));
	add_boolean(o, "from_encrypted", info->encrypted);
	add_boolean(o, "from_digest", info->digest);
	add_number(o, "from_bytes", info->bytes);
	add_number(o, "pages", input_pages(info));
	add_number(o, "tmem_pages", input_tmem_pages(info));
	return cmd_print_json(o);
}

static int convert_image(struct convert_args *a)
{
	struct source_options opts = { .threads = a->threads, .progress = progress_on_terminal() };
	struct crypt_secret secret;
	struct input in;
	uint64_t bytes;
	int ret = -1;

	if (image_args_read_key(&a->out, &secret, &a->opts.image))
		return -1;
	if (!input_open_strict(&in, a->in, a->key_file) && !input_recognise(&in, &opts)) {
		ret = convert_run(in.src, &a->opts, &bytes);
		progress_end();
		if (!ret)
			ret = convert_tell(a, &in.src->info, bytes);
	}
	input_close(&in);
	crypt_free_secret(&secret);
	return ret;
}

int cmd_convert(int argc, char **argv)
{
	struct convert_args a;

	if (convert_parse(&a, argc, argv))
		return CMD_USAGE;
	if (a.help)
		return cmd_print(convert_help) ? cmd_failed() : CMD_OK;
	msg_set_subject("image", a.in);
	signals_catch();
	return convert_image(&a) ? cmd_failed() : CMD_OK;
}
