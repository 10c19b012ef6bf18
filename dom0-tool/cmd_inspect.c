// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* open_memstream */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_args.h"
#include "cmd.h"
#include "config.h"
#include "input.h"
#include "json_add.h"
#include "msg.h"
#include "image/section.h"
#include "signals.h"

static const char inspect_help[] =
	"usage: stillpoint inspect [options] FILE|-\n"
	"\n"
	"Read all of the image FILE, or of standard input, check it as 'verify' does, and\n"
	"show what is in it.\n"
	"\n"
	"  --key-file FILE  the key, of an encrypted image\n"
	"  --threads N      threads that check (one for each processor, at most 4)\n"
	"  --json           as JSON\n"
	"  --help           this text\n";

/* How often the pages' bytes are larger than what is stored of them. */
static double inspect_ratio(const struct source_info *info)
{
	return info->stored_bytes ? (double)info->raw_bytes / info->stored_bytes : 1;
}

/* The file's id as text; "" if it has none. */
static void inspect_id(const struct source_info *info, char text[33])
{
	unsigned int i;

	text[0] = '\0';
	for (i = 0; info->layout != IMAGE_XL && i < sizeof(info->id); i++)
		sprintf(text + 2 * i, "%02x", info->id[i]);
}

static json_object *inspect_codecs(uint32_t mask)
{
	json_object *codecs = json_object_new_array();
	unsigned int i;

	for (i = 0; i < 32; i++)
		if (mask >> i & 1 && codec_name(i))
			json_object_array_add(codecs, json_object_new_string(codec_name(i)));
	return codecs;
}

static json_object *inspect_domain(const struct source_info *info, const struct config_summary *c)
{
	json_object *o = json_object_new_object();

	add_string(o, "name", c->name);
	add_string(o, "uuid", c->uuid);
	add_string(o, "type", info->hvm ? "hvm" : "pv");
	add_number(o, "memory_kib", c->memory_kib);
	add_number(o, "max_memory_kib", c->max_memory_kib);
	add_number(o, "max_vcpus", c->max_vcpus);
	add_number(o, "vcpus", info->vcpus);
	return o;
}

static void inspect_uuid(const struct stillpoint_tmem_pool *pool, char text[33])
{
	unsigned int i;

	text[0] = '\0';
	for (i = 0; pool->flags & STILLPOINT_TMEM_POOL_SHARED && i < sizeof(pool->uuid); i++)
		sprintf(text + 2 * i, "%02x", pool->uuid[i]);
}

static json_object *inspect_pools(const struct tmem_state *tmem)
{
	json_object *pools = json_object_new_array(), *o;
	const struct stillpoint_tmem_pool *pool;
	char uuid[33];
	uint32_t i;

	for (i = 0; i < tmem->head.count; i++) {
		pool = &tmem->pools[i].told;
		inspect_uuid(pool, uuid);
		o = json_object_new_object();
		add_number(o, "id", pool->id);
		add_boolean(o, "persistent", pool->flags & STILLPOINT_TMEM_POOL_PERSISTENT);
		add_boolean(o, "shared", pool->flags & STILLPOINT_TMEM_POOL_SHARED);
		add_string(o, "uuid", uuid[0] ? uuid : NULL);
		add_number(o, "pages", pool->pages);
		json_object_array_add(pools, o);
	}
	return pools;
}

static json_object *inspect_tmem(const struct tmem_state *tmem)
{
	json_object *o = json_object_new_object();

	json_object_object_add(o, "pools", inspect_pools(tmem));
	add_number(o, "persistent_pages", tmem->head.persistent);
	add_number(o, "ephemeral_pages", tmem->head.ephemeral);
	add_boolean(o, "ephemeral", tmem->head.flags & STILLPOINT_TMEM_POOLS_EPHEMERAL);
	add_number(o, "quota", tmem->head.quota);
	add_number(o, "weight", tmem->head.weight);
	add_number(o, "stored_bytes", tmem->head.bytes);
	add_number(o, "sections", tmem->sections);
	add_number(o, "records", tmem->records);
	add_number(o, "invalidates", tmem->invalidates);
	json_object_object_add(o, "codecs", inspect_codecs(tmem->seen));
	return o;
}

/* A line for each type of which there are sections. */
static json_object *inspect_sections(const struct source_info *info)
{
	json_object *sections = json_object_new_array(), *o;
	const char *name, *owner;
	unsigned int i;

	for (i = 0; i < SECTION_TYPES; i++) {
		if (!info->tally[i].count)
			continue;
		name = section_at(i, &owner);
		o = json_object_new_object();
		add_string(o, "type", name);
		add_string(o, "owner", *owner ? owner : NULL);
		add_number(o, "count", info->tally[i].count);
		add_number(o, "bytes", info->tally[i].bytes);
		json_object_array_add(sections, o);
	}
	return sections;
}

static int inspect_json(const struct check_args *v, const struct source_info *info,
			const struct config_summary *config)
{
	json_object *o = json_object_new_object(), *pages = json_object_new_object();
	char text[33], ratio[32];

	add_string(o, "file", v->path);
	add_string(o, "layout", image_layout_name(info->layout));
	add_boolean(o, "digest", info->digest);
	add_boolean(o, "encrypted", info->encrypted);
	inspect_id(info, text);
	add_string(o, "id", text[0] ? text : NULL);
	add_number(o, "bytes", info->bytes);
	add_number(o, "sections", info->sections);
	json_object_object_add(o, "section_types", inspect_sections(info));
	json_object_object_add(o, "domain", inspect_domain(info, config));
	snprintf(text, sizeof(text), "%u.%u", info->xen_major, info->xen_minor);
	add_string(o, "xen", text);
	add_number(o, "pfns", info->pfns);
	add_number(pages, "data", info->pages[STILLPOINT_PAGE_DATA]);
	add_number(pages, "zero", info->pages[STILLPOINT_PAGE_ZERO]);
	add_number(pages, "free", info->pages[STILLPOINT_PAGE_FREE]);
	add_number(pages, "none", info->pages[STILLPOINT_PAGE_NONE]);
	json_object_object_add(o, "pages", pages);
	add_number(o, "records", info->records);
	add_number(o, "frames", info->frames);
	add_number(o, "raw_bytes", info->raw_bytes);
	add_number(o, "stored_bytes", info->stored_bytes);
	snprintf(ratio, sizeof(ratio), "%.3f", inspect_ratio(info));
	json_object_object_add(o, "ratio", json_object_new_double_s(inspect_ratio(info), ratio));
	json_object_object_add(o, "codecs", inspect_codecs(info->codecs));
	add_boolean(o, "side", info->side);
	if (info->tmem && info->tmem->any)
		json_object_object_add(o, "tmem", inspect_tmem(info->tmem));
	return cmd_print_json(o);
}

/* Text out of an image, of which a terminal sees nothing that it would obey. */
static void inspect_print_line(FILE *f, const char *label, const char *text)
{
	fprintf(f, "%-10s ", label);
	for (; *text; text++)
		fputc(isprint((unsigned char)*text) ? *text : '?', f);
	fputc('\n', f);
}

static void inspect_print_domain(FILE *f, const struct source_info *info,
				 const struct config_summary *c)
{
	inspect_print_line(f, "domain", c->name ? c->name : "of no name");
	if (c->uuid)
		inspect_print_line(f, "uuid", c->uuid);
	fprintf(f, "guest      %s, %llu vCPUs online, of %llu\n", info->hvm ? "HVM" : "PV",
		(unsigned long long)info->vcpus, (unsigned long long)c->max_vcpus);
	fprintf(f, "memory     %llu MiB, at most %llu MiB\n",
		(unsigned long long)c->memory_kib >> 10,
		(unsigned long long)c->max_memory_kib >> 10);
	fprintf(f, "xen        %u.%u\n", info->xen_major, info->xen_minor);
}

static void inspect_print_pages(FILE *f, const struct source_info *info)
{
	unsigned int i;

	fprintf(f, "pages      %llu with data, %llu zero, %llu free, %llu missing, of %llu pfns\n",
		(unsigned long long)info->pages[STILLPOINT_PAGE_DATA],
		(unsigned long long)info->pages[STILLPOINT_PAGE_ZERO],
		(unsigned long long)info->pages[STILLPOINT_PAGE_FREE],
		(unsigned long long)info->pages[STILLPOINT_PAGE_NONE],
		(unsigned long long)info->pfns);
	fprintf(f, "written    %llu pages with data in %llu frames\n",
		(unsigned long long)info->records, (unsigned long long)info->frames);
	fprintf(f, "stored     %llu bytes of %llu, 1:%.2f, codecs",
		(unsigned long long)info->stored_bytes, (unsigned long long)info->raw_bytes,
		inspect_ratio(info));
	for (i = 0; i < 32; i++)
		if (info->codecs >> i & 1 && codec_name(i))
			fprintf(f, " %s", codec_name(i));
	fputs(info->codecs ? "\n" : " none\n", f);
}

static void inspect_print_tmem(FILE *f, const struct tmem_state *tmem)
{
	const struct stillpoint_tmem_pool *pool;
	char uuid[33];
	uint32_t i;

	fprintf(f, "tmem       %llu persistent pages, %llu others%s, %llu bytes stored\n",
		(unsigned long long)tmem->head.persistent, (unsigned long long)tmem->head.ephemeral,
		tmem->head.flags & STILLPOINT_TMEM_POOLS_EPHEMERAL ? "" : " (left out)",
		(unsigned long long)tmem->head.bytes);
	for (i = 0; i < tmem->head.count; i++) {
		pool = &tmem->pools[i].told;
		inspect_uuid(pool, uuid);
		fprintf(f, "pool       %u, %s, %s%s, %llu pages\n", pool->id,
			pool->flags & STILLPOINT_TMEM_POOL_PERSISTENT ? "persistent" : "ephemeral",
			uuid[0] ? "shared " : "private", uuid, (unsigned long long)pool->pages);
	}
}

static void inspect_print_sections(FILE *f, const struct source_info *info)
{
	const char *name, *owner;
	unsigned int i;

	fprintf(f, "sections   %llu\n", (unsigned long long)info->sections);
	for (i = 0; i < SECTION_TYPES; i++) {
		if (!info->tally[i].count)
			continue;
		name = section_at(i, &owner);
		fprintf(f, "  %-16s %-10s %8llu with %llu bytes\n", name, owner,
			(unsigned long long)info->tally[i].count,
			(unsigned long long)info->tally[i].bytes);
	}
}

static int inspect_text(const struct source_info *info, const struct config_summary *config)
{
	char *text = NULL, id[33];
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int ret;

	if (!f)
		return msg_error("out of memory");
	inspect_id(info, id);
	fprintf(f, "layout     %s%s%s\n", image_layout_name(info->layout),
		info->encrypted ? ", encrypted" : "",
		info->digest ? ", the digest matches" : ", no digest");
	if (id[0])
		fprintf(f, "id         %s\n", id);
	fprintf(f, "bytes      %llu\n", (unsigned long long)info->bytes);
	if (info->sections)
		inspect_print_sections(f, info);
	if (info->layout == IMAGE_XL || !info->side) {
		inspect_print_domain(f, info, config);
		inspect_print_pages(f, info);
	}
	if (info->side)
		fprintf(f, "side       %s\n",
			info->layout == IMAGE_XL ? "there is a side file with the tmem pools" :
						   "this is a side file, and no image by itself");
	if (info->tmem && info->tmem->any)
		inspect_print_tmem(f, info->tmem);
	ret = fclose(f) ? msg_error("out of memory") : cmd_print(text);
	free(text);
	return ret;
}

static int inspect_image(const struct check_args *v)
{
	const struct source_info *info;
	struct config_summary config;
	struct input in;
	int ret = -1;

	if (!input_open_strict(&in, v->path, v->key_file) && !input_read(&in, v->threads, NULL)) {
		info = &in.src->info;
		config_summarize(info->config ? info->config : "", &config);
		ret = v->json ? inspect_json(v, info, &config) : inspect_text(info, &config);
		config_free_summary(&config);
	}
	input_close(&in);
	return ret;
}

int cmd_inspect(int argc, char **argv)
{
	struct check_args v;

	if (check_args_parse(&v, argc, argv))
		return CMD_USAGE;
	if (v.help)
		return cmd_print(inspect_help) ? cmd_failed() : CMD_OK;
	msg_set_subject("image", v.path);
	signals_catch();
	return inspect_image(&v) ? cmd_failed() : CMD_OK;
}
