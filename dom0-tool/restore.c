// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libxl_utils.h>

#include "config.h"
#include "copier.h"
#include "image/tap.h"
#include "image/xl_source.h"
#include "msg.h"
#include "progress.h"
#include "restore.h"
#include "signals.h"
#include "xl.h"

static int restore_take(void *data, const struct image_tmem *part)
{
	return pool_import_take(data, part);
}

/* Give what is in the side file to the store. */
static int restore_pump_side(struct restore *r, struct input *in,
			     const struct stillpoint_tmem_image *xl)
{
	struct source_options opts = {
		.threads = r->threads,
		.side = true,
		.only_side = true,
	};
	struct image nowhere = { .ops = NULL };
	struct tap tap;

	tap_init(&tap, &nowhere);
	tap.tmem = restore_take;
	tap.data = &r->import;
	if (input_recognise(in, &opts) || source_pump(in->src, &tap.img))
		return -1;
	if (memcmp(&in->src->info.xl, xl, sizeof(*xl)))
		return msg_error("'%s' is not the side file of this image", r->tmem_path);
	if (pool_import_end(&r->import))
		return -1;
	r->found.tmem_pages = input_tmem_pages(&in->src->info);
	r->found.token = r->import.token;
	return 0;
}

/* Neither it nor the image is encrypted, so no key was given. */
static int restore_side(struct restore *r, const struct stillpoint_tmem_image *xl)
{
	struct input in = { .fd = -1 };
	int ret;

	ret = pool_import_open(&r->import, TMEM_SOCKET) || input_open(&in, r->tmem_path, NULL) ||
	      restore_pump_side(r, &in, xl);
	input_close(&in);
	return ret ? -1 : 0;
}

/*
 * Check a file in xl's layout. Returns 1 if it is anything else, which is not read yet. What is
 * read from standard input is passed on as it is checked, also if that is a file, but for one
 * that has a side file.
 */
static int restore_check(struct restore *r)
{
	struct source_options opts = { .threads = r->threads, .progress = progress_on_terminal() };
	const struct source_info *info;
	struct stat st;
	int ret;

	if (fstat(r->in.fd, &st) || !S_ISREG(st.st_mode) ||
	    (!strcmp(r->path, "-") && !r->tmem_path))
		return 1;
	if (input_recognise(&r->in, &opts))
		return -1;
	info = &r->in.src->info;
	if (info->layout != IMAGE_XL) {
		source_free(r->in.src);
		r->in.src = NULL;
		return 1;
	}
	ret = source_pump(r->in.src, NULL);
	progress_end();
	if (ret)
		return -1;
	r->found.pages = input_pages(info);
	r->found.digest = info->digest;
	if (info->side && !r->tmem_path)
		return msg_error(
			"the guest's tmem pools are in a side file; name it with --tmem-file");
	if (r->tmem_path && restore_side(r, &info->xl))
		return -1;
	if (!info->config)
		return 0;
	r->image = strdup(info->config);
	return r->image ? 0 : msg_error("out of memory");
}

static int restore_open(struct restore *r)
{
	struct source_options opts = { .threads = r->threads };
	int ret;

	if (input_open_strict(&r->in, r->path, r->key_file))
		return -1;
	ret = restore_check(r);
	if (ret <= 0)
		return ret;
	if (r->tmem_path)
		return msg_error("--tmem-file is for a file in xl's layout");
	opts.secret = r->in.secret.data ? &r->in.secret : NULL;
	opts.must_decrypt = opts.secret;
	if (pool_import_open(&r->import, TMEM_SOCKET) ||
	    feed_image_start(&r->feed, r->in.fd, &opts, &r->import))
		return -1;
	return feed_image_config(&r->feed, &r->image);
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

/* Say in *json where the disks are. */
static int restore_move_disks(const struct restore *r, char **json)
{
	char *moved;
	size_t i;

	for (i = 0; i < r->ndisks; i++) {
		moved = config_move_disk(*json, r->disks[i].vdev, r->disks[i].path,
					 r->disks[i].format);
		if (!moved)
			return -1;
		free(*json);
		*json = moved;
	}
	return 0;
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
	else if (r->image)
		json = strdup(r->image);
	else
		msg_error("the image has no configuration in it; give one with --config");
	if (!json || restore_move_disks(r, &json))
		goto out;
	if (r->ndisks) {
		r->config = strdup(json);
		if (!r->config) {
			msg_error("out of memory");
			goto out;
		}
	}
	if (r->name) {
		free(r->config);
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
 * The domain does not run before we have seen it: from then on nothing may destroy it, as it
 * writes to its disks. xl opens the file or the pipe through our descriptor, so that it is the
 * file that was checked; it does not inherit the descriptor, which its monitor would keep.
 */
static int restore_xl(struct restore *r, int fd, struct xl_run *run)
{
	const char *argv[6] = { "xl", "restore", "-p" };
	unsigned int n = 3;
	char path[64];
	int ret;

	run->argv = argv;
	run->verbose = r->verbose;
	run->no_input = true;
	snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)getpid(), fd);
	if (r->xlcfg && !r->config)
		argv[n++] = r->xlcfg;
	argv[n++] = path;
	ret = xl_run(run);
	r->left = run->killed;
	return ret;
}

/*
 * An xl that was interrupted, or killed, leaves a half made domain behind, which never ran. One
 * that was content with an image that was not leaves a whole one.
 */
static void restore_clean(struct restore *r)
{
	libxl_dominfo info;
	uint32_t domid;

	if ((!signals_stop() && !r->left) || libxl_name_to_domid(r->xen.ctx, r->domain, &domid))
		return;
	libxl_dominfo_init(&info);
	if (!libxl_domain_info(r->xen.ctx, &info, domid) && info.paused && !info.cpu_time)
		libxl_domain_destroy(r->xen.ctx, domid, NULL);
	libxl_dominfo_dispose(&info);
}

/* From the image that was checked. */
static int restore_file(struct restore *r)
{
	struct xl_run run = { .keep_messages = false };
	struct feed feed;
	int ret;

	if (!r->config)
		return restore_xl(r, r->in.fd, &run);
	if (feed_start(&feed, r->in.fd, xl_source_stream(r->in.src), r->config))
		return -1;
	ret = restore_xl(r, feed.fd, &run);
	feed_stop(&feed);
	return ret;
}

/* From the image that is checked meanwhile. What is wrong with it is why xl failed. */
static int restore_feed(struct restore *r)
{
	struct xl_run run = { .keep_messages = true };
	int failed, ret;

	if (feed_image_go(&r->feed, r->config))
		return -1;
	failed = restore_xl(r, r->feed.feed.fd, &run);
	ret = feed_image_end(&r->feed, failed, &r->found);
	xl_show_messages(&run, ret > 0);
	if (ret && !failed)
		r->left = true;
	return ret ? -1 : 0;
}

/* The domain is complete and paused. Give it its tmem pools, then let it run. */
static int restore_let_go(struct restore *r, uint32_t domid)
{
	if (r->found.token && pool_import_bind(&r->import, r->found.token, domid))
		return -1;
	if (!r->paused && libxl_domain_unpause(r->xen.ctx, domid, NULL))
		return msg_error("the domain '%s' was restored, but cannot be unpaused", r->domain);
	return 0;
}

static int restore_start(struct restore *r, uint32_t *domid)
{
	if (r->feed.talk < 0 ? restore_file(r) : restore_feed(r)) {
		restore_clean(r);
		return -1;
	}
	if (libxl_name_to_domid(r->xen.ctx, r->domain, domid))
		return msg_error("the domain '%s' was restored, but is gone again", r->domain);
	if (!signals_check() && !restore_let_go(r, *domid))
		return 0;
	libxl_domain_destroy(r->xen.ctx, *domid, NULL);
	return -1;
}

int restore_run(struct restore *r, uint32_t *domid)
{
	int ret = -1;

	if (restore_open(r) || restore_configure(r))
		return -1;
	if (xen_open(&r->xen, r->verbose))
		return -1;
	if (!restore_check_clash(r) && !signals_check())
		ret = restore_start(r, domid);
	xen_close(&r->xen);
	return ret;
}

void restore_init(struct restore *r)
{
	memset(r, 0, sizeof(*r));
	r->in.fd = -1;
	r->feed.talk = -1;
	r->import.fd = -1;
	r->threads = copier_default_threads();
}

static int restore_try_image(struct restore *r)
{
	const struct source_info *info;

	if (input_open_strict(&r->in, r->path, r->key_file) || input_read(&r->in, r->threads, NULL))
		return -1;
	info = &r->in.src->info;
	if (info->side)
		return msg_error("it is a side file, or has one");
	if (info->tmem && info->tmem->any &&
	    (pool_import_open(&r->import, TMEM_SOCKET) ||
	     pool_import_check(&r->import, &info->tmem->head)))
		return -1;
	if (info->config)
		r->image = strdup(info->config);
	return restore_configure(r);
}

int restore_try(const struct restore *r, char **domain)
{
	struct restore try;
	int ret;

	restore_init(&try);
	try.path = r->path;
	try.name = r->name;
	try.xlcfg = r->xlcfg;
	try.key_file = r->key_file;
	try.threads = r->threads;
	try.verbose = r->verbose;
	try.disks = r->disks;
	try.ndisks = r->ndisks;
	ret = restore_try_image(&try);
	*domain = try.domain;
	try.domain = NULL;
	restore_free(&try);
	return ret;
}

void restore_free(struct restore *r)
{
	if (r->feed.talk >= 0)
		feed_image_stop(&r->feed);
	pool_import_close(&r->import);
	input_close(&r->in);
	free(r->image);
	free(r->config);
	free(r->domain);
}
