// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* asprintf */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_args.h"
#include "cmd.h"
#include "input.h"
#include "json_add.h"
#include "manifest.h"
#include "msg.h"
#include "signals.h"

static const char verify_help[] =
	"usage: stillpoint verify [options] FILE|-|DIR\n"
	"\n"
	"Read all of the image FILE, or of standard input, and check every checksum, its\n"
	"structure and its digest; of a backup DIR, the digest of every file. Exits with 0 if\n"
	"all is right, else with 1.\n"
	"\n"
	"  --key-file FILE  the key, of an encrypted image; also of that in a backup DIR, whose\n"
	"                   content is then checked as well\n"
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

static const char *verify_kind(const struct source_info *info)
{
	if (!info->side)
		return " layout";
	return info->layout == IMAGE_PACKED ? " side file" : " layout, which needs its side file";
}

static int verify_text(const struct check_args *v, const struct source_info *info)
{
	char *line, tmem[64] = "";
	int ret;

	if (info->tmem && info->tmem->any)
		snprintf(tmem, sizeof(tmem), ", and %llu in tmem",
			 (unsigned long long)input_tmem_pages(info));
	if (asprintf(&line, "%s: ok: %s%s, %s%s, %llu pages%s\n", v->path,
		     image_layout_name(info->layout), verify_kind(info),
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

	ret = input_open_strict(&in, v->path, v->key_file) || input_read(&in, v->threads, NULL) ?
		      -1 :
		      0;
	if (v->json)
		ret = verify_json(v, &in, ret) || ret ? -1 : 0;
	else if (!ret)
		ret = verify_text(v, &in.src->info);
	input_close(&in);
	return ret;
}

static bool verify_is_folder(const struct check_args *v)
{
	struct stat st;

	return !stat(v->path, &st) && S_ISDIR(st.st_mode);
}

/* The memory image of a backup, as an image: what the manifest says of it is not secret. */
static int verify_memory(const struct check_args *v, const struct manifest *m, int dir)
{
	struct input in = { .fd = -1 };
	char path[64];
	int fd, ret;

	if (!*m->memory.name)
		return msg_error("a key was given, but the backup has no memory");
	fd = manifest_open(&m->memory, dir);
	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = input_open_strict(&in, path, v->key_file) || input_read(&in, v->threads, NULL) ? -1 :
											       0;
	input_close(&in);
	close(fd);
	return ret;
}

static int verify_files(const struct check_args *v)
{
	struct manifest m = { .domain = NULL };
	int dir = open(v->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret;

	if (dir < 0)
		return msg_error("cannot open the backup: %s", strerror(errno));
	ret = manifest_read(&m, dir) || manifest_check(&m, dir) ? -1 : 0;
	if (!ret && v->key_file)
		ret = verify_memory(v, &m, dir);
	manifest_free(&m);
	close(dir);
	return ret;
}

/* A backup: its manifest, and the digests of its files. */
static int verify_folder(const struct check_args *v)
{
	int ret = verify_files(v);
	json_object *o;
	char *line;

	if (v->json) {
		o = json_object_new_object();
		add_string(o, "file", v->path);
		add_boolean(o, "ok", !ret);
		add_string(o, "error", ret ? msg_error_text() : NULL);
		return cmd_print_json(o) || ret ? -1 : 0;
	}
	if (ret)
		return -1;
	if (asprintf(&line, "%s: ok: backup, all digests match\n", v->path) < 0)
		return msg_error("out of memory");
	ret = cmd_print(line);
	free(line);
	return ret;
}

int cmd_verify(int argc, char **argv)
{
	struct check_args v;

	if (check_args_parse(&v, argc, argv))
		return CMD_USAGE;
	if (v.help)
		return cmd_print(verify_help) ? cmd_failed() : CMD_OK;
	msg_set_subject(verify_is_folder(&v) ? "folder" : "image", v.path);
	signals_catch();
	if (verify_is_folder(&v))
		return verify_folder(&v) ? cmd_failed() : CMD_OK;
	return verify_image(&v) ? cmd_failed() : CMD_OK;
}
