// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* open_memstream */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "copier.h"
#include "diff.h"
#include "input.h"
#include "json_add.h"
#include "msg.h"
#include "signals.h"

/* As diff(1) has it; usage errors are trouble too. */
#define DIFF_EXIT_SAME 0
#define DIFF_EXIT_DIFFER 1
#define DIFF_EXIT_TROUBLE 2

/* Ranges of pages that are shown unless all are asked for. */
#define DIFF_RANGES 20

static const char diff_help[] =
	"usage: stillpoint diff [options] A B\n"
	"\n"
	"Check two images of one guest, in any layouts, and show which pages differ. One may\n"
	"be '-', for standard input. Exits with 0 if nothing differs, 1 if anything does,\n"
	"2 if an image cannot be read.\n"
	"\n"
	"  --all              show all ranges of pages, not only the first 20\n"
	"  --key-file FILE    the key of both, as far as they are encrypted\n"
	"  --key-file-b FILE  the key of B, if it is another\n"
	"  --threads N        threads that check (one for each processor, at most 4)\n"
	"  --json             as JSON\n"
	"  --help             this text\n";

/**
 * struct diff_args - the command line
 */
struct diff_args {
	const char *path[2];
	const char *key_file[2];
	uint64_t threads;
	bool all;
	bool json;
	bool help;
};

static int diff_option(struct diff_args *a, int opt, char **argv)
{
	switch (opt) {
	case 'a':
		a->all = true;
		return 0;
	case 'k':
		a->key_file[0] = optarg;
		return 0;
	case 'b':
		a->key_file[1] = optarg;
		return 0;
	case 'n':
		return cmd_number("--threads", optarg, 1, COPIER_THREADS_MAX, &a->threads);
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

static int diff_parse(struct diff_args *a, int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "key-file", required_argument, NULL, 'k' },
		{ "key-file-b", required_argument, NULL, 'b' },
		{ "threads", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	memset(a, 0, sizeof(*a));
	a->threads = copier_default_threads();
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (diff_option(a, opt, argv))
			return CMD_USAGE;
	if (a->help)
		return 0;
	if (argc - optind != 2)
		return cmd_usage_error("expected A and B");
	a->path[0] = argv[optind];
	a->path[1] = argv[optind + 1];
	if (!strcmp(a->path[0], "-") && !strcmp(a->path[1], "-"))
		return cmd_usage_error("only one image can come from standard input");
	if (!a->key_file[1])
		a->key_file[1] = a->key_file[0];
	return 0;
}

/* What is in a side file would not be compared. */
static int diff_check_side(const struct source_info *info)
{
	if (!source_has_side(info))
		return 0;
	return msg_error("its tmem pools are in a side file; convert it first");
}

static int diff_pump(const struct diff_args *a, unsigned int n, struct image *to)
{
	struct input in;
	int ret = -1;

	msg_set_subject("image", a->path[n]);
	if (!input_open(&in, a->path[n], a->key_file[n]))
		ret = input_read(&in, a->threads, to) || diff_check_side(&in.src->info) ? -1 : 0;
	input_close(&in);
	return ret;
}

static json_object *diff_json_ranges(const struct diff_args *a, const struct diff *d)
{
	json_object *ranges = json_object_new_array(), *o;
	uint64_t first = 0, last, n;

	for (n = 0; (a->all || n < DIFF_RANGES) && diff_range(d, &first, &last); n++) {
		o = json_object_new_object();
		add_number(o, "first", first);
		add_number(o, "last", last);
		json_object_array_add(ranges, o);
		first = last + 1;
	}
	return ranges;
}

static int diff_json(const struct diff_args *a, const struct diff *d, const struct diff_result *r)
{
	json_object *o = json_object_new_object();

	add_string(o, "a", a->path[0]);
	add_string(o, "b", a->path[1]);
	add_boolean(o, "same", diff_same(r));
	add_number(o, "pages_a", r->pages[0]);
	add_number(o, "pages_b", r->pages[1]);
	add_number(o, "same_pages", r->same);
	add_number(o, "content", r->content);
	add_number(o, "type", r->type);
	add_number(o, "only_a", r->only[0]);
	add_number(o, "only_b", r->only[1]);
	add_boolean(o, "config", r->config);
	add_boolean(o, "platform", r->platform);
	add_boolean(o, "p2m", r->p2m);
	add_boolean(o, "time", r->time);
	add_boolean(o, "shared_info", r->shared_info);
	add_boolean(o, "vcpus", r->vcpus);
	add_number(o, "tmem_same", r->tmem.same);
	add_number(o, "tmem_content", r->tmem.content);
	add_number(o, "tmem_only_a", r->tmem.only[0]);
	add_number(o, "tmem_only_b", r->tmem.only[1]);
	add_boolean(o, "tmem_pools", r->tmem.pools);
	json_object_object_add(o, "ranges", diff_json_ranges(a, d));
	return cmd_print_json(o);
}

static void diff_print_ranges(FILE *f, const struct diff_args *a, const struct diff *d)
{
	uint64_t first = 0, last, n;

	for (n = 0; diff_range(d, &first, &last); n++) {
		if (!a->all && n == DIFF_RANGES) {
			fprintf(f, "and more; --all shows them\n");
			return;
		}
		if (first == last)
			fprintf(f, "pfn %#llx\n", (unsigned long long)first);
		else
			fprintf(f, "pfns %#llx to %#llx\n", (unsigned long long)first,
				(unsigned long long)last);
		first = last + 1;
	}
}

static void diff_print_state(FILE *f, const struct diff_result *r)
{
	if (r->config)
		fprintf(f, "the configurations differ\n");
	if (r->platform)
		fprintf(f, "the versions of Xen or the CPU policies differ\n");
	if (r->p2m)
		fprintf(f, "the p2m is of another size or elsewhere\n");
	if (r->time)
		fprintf(f, "the guest's time differs\n");
	if (r->shared_info)
		fprintf(f, "the shared info pages differ\n");
	if (r->vcpus)
		fprintf(f, "the states of the vCPUs differ\n");
	if (r->tmem.pools)
		fprintf(f, "the tmem pools are others\n");
	if (r->tmem.content || r->tmem.only[0] || r->tmem.only[1])
		fprintf(f,
			"in tmem %llu pages are the same, %llu have other bytes, %llu are in A only, %llu in B only\n",
			(unsigned long long)r->tmem.same, (unsigned long long)r->tmem.content,
			(unsigned long long)r->tmem.only[0], (unsigned long long)r->tmem.only[1]);
}

static int diff_text(const struct diff_args *a, const struct diff *d, const struct diff_result *r)
{
	char *text = NULL;
	size_t size;
	FILE *f;
	int ret;

	if (diff_same(r))
		return 0;
	f = open_memstream(&text, &size);
	if (!f)
		return msg_error("out of memory");
	fprintf(f,
		"%llu pages are the same, %llu have other bytes, %llu another type, %llu are in A only, %llu in B only\n",
		(unsigned long long)r->same, (unsigned long long)r->content,
		(unsigned long long)r->type, (unsigned long long)r->only[0],
		(unsigned long long)r->only[1]);
	diff_print_state(f, r);
	diff_print_ranges(f, a, d);
	ret = fclose(f) ? msg_error("out of memory") : cmd_print(text);
	free(text);
	return ret;
}

static int diff_images(const struct diff_args *a, struct diff_result *res)
{
	struct diff *d = diff_new();
	int ret = -1;

	if (!d)
		return -1;
	if (!diff_pump(a, 0, diff_first(d)) && !diff_pump(a, 1, diff_second(d))) {
		diff_finish(d, res);
		ret = a->json ? diff_json(a, d, res) : diff_text(a, d, res);
	}
	diff_free(d);
	return ret;
}

int cmd_diff(int argc, char **argv)
{
	struct diff_result res;
	struct diff_args a;
	int status;

	if (diff_parse(&a, argc, argv))
		return CMD_USAGE;
	if (a.help)
		return cmd_print(diff_help) ? cmd_failed() : CMD_OK;
	signals_catch();
	if (!diff_images(&a, &res))
		return diff_same(&res) ? DIFF_EXIT_SAME : DIFF_EXIT_DIFFER;
	status = cmd_failed();
	return status == CMD_FAILED ? DIFF_EXIT_TROUBLE : status;
}
