// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* asprintf */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libxl_utils.h>

#include "cmd.h"
#include "config.h"
#include "feed.h"
#include "image/source.h"
#include "image/xl_source.h"
#include "msg.h"
#include "signals.h"
#include "xen.h"
#include "xl.h"

static const char restore_help[] =
	"usage: stillpoint restore [options] FILE\n"
	"\n"
	"Check the image FILE wholly, then restore it with 'xl restore'.\n"
	"\n"
	"  --paused        leave the domain paused\n"
	"  --name NAME     restore under another name, with a fresh uuid\n"
	"  --config XLCFG  use this configuration in place of the image's\n"
	"  --json          tell the result as JSON on stdout\n"
	"  --verbose       show the messages of xl\n"
	"  --help          this text\n";

/**
 * struct restore - the command line, and what becomes of it
 * @config: configuration to feed xl, NULL to let it read the image's own
 * @domain: name that the domain will have
 */
struct restore {
	const char *path;
	const char *name;
	const char *xlcfg;
	bool paused;
	bool json;
	bool verbose;
	bool help;
	int fd;
	struct source *src;
	char *config;
	char *domain;
	struct xen xen;
};

static int restore_option(struct restore *r, int opt, char **argv)
{
	switch (opt) {
	case 'p':
		r->paused = true;
		return 0;
	case 'n':
		r->name = optarg;
		return 0;
	case 'c':
		r->xlcfg = optarg;
		return 0;
	case 'j':
		r->json = true;
		return 0;
	case 'v':
		r->verbose = true;
		return 0;
	case 'h':
		r->help = true;
		return 0;
	default:
		return cmd_bad_option(argv);
	}
}

static int restore_parse(struct restore *r, int argc, char **argv)
{
	static const struct option options[] = {
		{ "paused", no_argument, NULL, 'p' },
		{ "name", required_argument, NULL, 'n' },
		{ "config", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	memset(r, 0, sizeof(*r));
	r->fd = -1;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (restore_option(r, opt, argv))
			return CMD_USAGE;
	if (r->help)
		return 0;
	if (argc - optind != 1)
		return cmd_usage_error("expected FILE");
	r->path = argv[optind];
	return 0;
}

static int restore_open(struct restore *r)
{
	static const struct source_options opts = { .threads = 1 };

	/* Without O_NONBLOCK a FIFO would hold us here before it is refused. */
	r->fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (r->fd < 0)
		return msg_error("cannot open it: %s", strerror(errno));
	r->src = source_open(r->fd, &opts);
	return r->src ? source_pump(r->src, NULL) : -1;
}

/* xl itself turns its configuration files into JSON. Returns NULL, recorded. */
static char *restore_parse_xlcfg(const struct restore *r)
{
	const char *const argv[] = { "xl", "create", "--dryrun", r->xlcfg, NULL };
	struct xl_run run = { .argv = argv, .verbose = r->verbose, .keep_output = true };

	if (xl_run(&run))
		return NULL;
	return run.output;
}

/* Decide the configuration and the name. */
static int restore_configure(struct restore *r)
{
	char *json = NULL;
	int ret = -1;

	if (r->name && config_check_name(r->name))
		return -1;
	if (r->xlcfg)
		json = restore_parse_xlcfg(r);
	else if (r->src->info.config)
		json = strdup(r->src->info.config);
	else
		msg_error("the image has no configuration in it; give one with --config");
	if (!json)
		goto out;
	if (r->name) {
		r->config = config_rename(json, r->name);
		if (!r->config)
			goto out;
		r->domain = strdup(r->name);
	} else {
		r->domain = config_name(json);
	}
	ret = r->domain ? 0 : msg_error("out of memory");
out:
	free(json);
	return ret;
}

static int restore_check_clash(struct restore *r)
{
	uint32_t domid;

	if (libxl_name_to_domid(r->xen.ctx, r->domain, &domid))
		return 0;
	return msg_error("a domain '%s' exists already (%u); use --name to give another name",
			 r->domain, domid);
}

/*
 * xl opens the file or the pipe through our descriptor, so that it is the file that
 * was checked; it does not inherit the descriptor, which its monitor would keep.
 */
static int restore_xl(struct restore *r, int fd)
{
	const char *argv[6] = { "xl", "restore" };
	struct xl_run run = { .argv = argv, .verbose = r->verbose };
	unsigned int n = 2;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)getpid(), fd);
	if (r->paused)
		argv[n++] = "-p";
	if (r->xlcfg && !r->config)
		argv[n++] = r->xlcfg;
	argv[n++] = path;
	return xl_run(&run);
}

/* An interrupted xl leaves a half made domain behind. */
static void restore_clean(struct restore *r)
{
	uint32_t domid;

	if (signals_stop() && !libxl_name_to_domid(r->xen.ctx, r->domain, &domid))
		libxl_domain_destroy(r->xen.ctx, domid, NULL);
}

static int restore_run(struct restore *r, uint32_t *domid)
{
	struct feed feed;
	int ret;

	if (r->config) {
		if (feed_start(&feed, r->fd, xl_source_stream(r->src), r->config))
			return -1;
		ret = restore_xl(r, feed.fd);
		feed_stop(&feed);
	} else {
		ret = restore_xl(r, r->fd);
	}
	if (ret) {
		restore_clean(r);
		return -1;
	}
	if (libxl_name_to_domid(r->xen.ctx, r->domain, domid))
		return msg_error("the domain '%s' was restored, but is gone again", r->domain);
	return 0;
}

static int restore_report(const struct restore *r, uint32_t domid)
{
	json_object *o;
	char *line;
	int ret;

	if (r->json) {
		o = json_object_new_object();
		json_object_object_add(o, "domain", json_object_new_string(r->domain));
		json_object_object_add(o, "domid", json_object_new_uint64(domid));
		json_object_object_add(o, "file", json_object_new_string(r->path));
		json_object_object_add(
			o, "pages",
			json_object_new_uint64(r->src->info.pages[STILLPOINT_PAGE_DATA]));
		json_object_object_add(o, "digest", json_object_new_boolean(r->src->info.digest));
		json_object_object_add(o, "paused", json_object_new_boolean(r->paused));
		return cmd_print_json(o);
	}
	if (asprintf(&line, "%s %u\n", r->domain, domid) < 0)
		return msg_error("out of memory");
	ret = cmd_print(line);
	free(line);
	return ret;
}

static int restore_image(struct restore *r)
{
	uint32_t domid;
	int ret = -1;

	if (restore_open(r) || restore_configure(r))
		return -1;
	if (xen_open(&r->xen, r->verbose))
		return -1;
	if (!restore_check_clash(r) && !signals_check() && !restore_run(r, &domid))
		ret = restore_report(r, domid);
	xen_close(&r->xen);
	return ret;
}

int cmd_restore(int argc, char **argv)
{
	struct restore r;
	int ret;

	if (restore_parse(&r, argc, argv))
		return CMD_USAGE;
	if (r.help)
		return cmd_print(restore_help) ? cmd_failed() : CMD_OK;
	msg_set_subject("image", r.path);
	signals_catch();
	ret = restore_image(&r);
	if (r.fd >= 0)
		close(r.fd);
	source_free(r.src);
	free(r.config);
	free(r.domain);
	return ret ? cmd_failed() : CMD_OK;
}
