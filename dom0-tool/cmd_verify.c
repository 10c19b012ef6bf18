// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* asprintf */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_args.h"
#include "cmd.h"
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

static int verify_json(const struct check_args *v, const struct input *in, int failed)
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
		add_number(o, "tmem_pages", input_tmem_pages(info));
		add_boolean(o, "side", info->side);
		add_number(o, "bytes", info->bytes);
	}
	return cmd_print_json(o);
}

static int verify_text(const struct check_args *v, const struct source_info *info)
{
	char *line, tmem[64] = "";
	int ret;

	if (info->tmem && info->tmem->any)
		snprintf(tmem, sizeof(tmem), ", and %llu in tmem",
			 (unsigned long long)input_tmem_pages(info));
	if (asprintf(&line, "%s: ok: %s%s, %s%s, %llu pages%s\n", v->path,
		     image_layout_name(info->layout),
		     info->side && info->layout == IMAGE_PACKED ? " side file" : " layout",
		     info->digest ? "the digest matches" :
				    "no digest, so only the structure was checked",
		     info->encrypted ? ", encrypted" : "", (unsigned long long)input_pages(info),
		     tmem) < 0)
		return msg_error("out of memory");
	ret = cmd_print(line);
	free(line);
	return ret;
}

static int verify_image(const struct check_args *v)
{
	struct input in;
	int ret;

	ret = input_open(&in, v->path, v->key_file) || input_read(&in, v->threads, NULL) ? -1 : 0;
	if (v->json)
		ret = verify_json(v, &in, ret) || ret ? -1 : 0;
	else if (!ret)
		ret = verify_text(v, &in.src->info);
	input_close(&in);
	return ret;
}

int cmd_verify(int argc, char **argv)
{
	struct check_args v;

	if (check_args_parse(&v, argc, argv))
		return CMD_USAGE;
	if (v.help)
		return cmd_print(verify_help) ? cmd_failed() : CMD_OK;
	msg_set_subject("image", v.path);
	signals_catch();
	return verify_image(&v) ? cmd_failed() : CMD_OK;
}
