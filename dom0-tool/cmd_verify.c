// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* asprintf */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "copier.h"
#include "input.h"
#include "json_add.h"
#include "msg.h"
#include "signals.h"

static const char verify_help[] =
	"usage: stillpoint verify [options] FILE|-\n"
	"\n"
	"Read all of the image FILE, or of standard input, and check every checksum, its\n"
	"structure and its digest. Exits with 0 if all is right, else with 1.\n"
	"\n"
	"  --key-file FILE  the key, of an encrypted image\n"
	"  --threads N      threads that check (one for each processor, at most 4)\n"
	"  --json           tell the result as JSON on stdout\n"
	"  --help           this text\n";

/**
 * struct verify - the command line
 */
struct verify {
	const char *path;
	const char *key_file;
	uint64_t threads;
	bool json;
	bool help;
};

static int verify_option(struct verify *v, int opt, char **argv)
{
	switch (opt) {
	case 'k':
		v->key_file = optarg;
		return 0;
	case 'n':
		return cmd_number("--threads", optarg, 1, COPIER_THREADS_MAX, &v->threads);
	case 'j':
		v->json = true;
		return 0;
	case 'h':
		v->help = true;
		return 0;
	default:
		return cmd_bad_option(argv);
	}
}

static int verify_parse(struct verify *v, int argc, char **argv)
{
	static const struct option options[] = {
		{ "key-file", required_argument, NULL, 'k' },
		{ "threads", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	memset(v, 0, sizeof(*v));
	v->threads = copier_default_threads();
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (verify_option(v, opt, argv))
			return CMD_USAGE;
	if (v->help)
		return 0;
	if (argc - optind != 1)
		return cmd_usage_error("expected FILE");
	v->path = argv[optind];
	return 0;
}

static int verify_json(const struct verify *v, const struct input *in, int failed)
{
	const struct source_info *info = in->src ? &in->src->info : NULL;
	json_object *o = json_object_new_object();

	add_string(o, "file", v->path);
	add_boolean(o, "ok", !failed);
	add_string(o, "error", failed ? msg_error_text() : NULL);
	add_string(o, "layout", info ? image_layout_name(info->layout) : NULL);
	if (!failed) {
		add_boolean(o, "digest", info->digest);
		add_boolean(o, "encrypted", info->encrypted);
		add_number(o, "pages", input_pages(info));
		add_number(o, "bytes", info->bytes);
	}
	return cmd_print_json(o);
}

static int verify_text(const struct verify *v, const struct source_info *info)
{
	char *line;
	int ret;

	if (asprintf(&line, "%s: ok: %s layout, %s%s, %llu pages\n", v->path,
		     image_layout_name(info->layout),
		     info->digest ? "the digest matches" :
				    "no digest, so only the structure was checked",
		     info->encrypted ? ", encrypted" : "",
		     (unsigned long long)input_pages(info)) < 0)
		return msg_error("out of memory");
	ret = cmd_print(line);
	free(line);
	return ret;
}

static int verify_image(const struct verify *v)
{
	struct input in;
	int ret;

	ret = input_open(&in, v->path, v->key_file) || input_check(&in, v->threads) ? -1 : 0;
	if (v->json)
		ret = verify_json(v, &in, ret) || ret ? -1 : 0;
	else if (!ret)
		ret = verify_text(v, &in.src->info);
	input_close(&in);
	return ret;
}

int cmd_verify(int argc, char **argv)
{
	struct verify v;

	if (verify_parse(&v, argc, argv))
		return CMD_USAGE;
	if (v.help)
		return cmd_print(verify_help) ? cmd_failed() : CMD_OK;
	msg_set_subject("image", v.path);
	signals_catch();
	return verify_image(&v) ? cmd_failed() : CMD_OK;
}
