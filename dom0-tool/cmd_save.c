// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_domain.h"
#include "json_add.h"
#include "msg.h"
#include "save_args.h"
#include "save_report.h"
#include "save_size.h"
#include "signals.h"

/* Tell what happened; after a failure, what an audit found. */
static int save_tell(const struct save_args *args, const struct domain *dom,
		     const struct save_result *res, int failed)
{
	if (args->verbose)
		save_report_rounds(res);
	save_report_audit(res);
	if (failed && !res->audit.told)
		return -1;
	if (args->json)
		return save_report_json(&args->opts, dom, res, failed) || failed ? -1 : 0;
	if (!failed && isatty(STDERR_FILENO))
		save_report_terminal(&args->opts, res);
	return failed;
}

/**
 * struct save_work - for save_work()
 */
struct save_work {
	const struct save_options *opts;
	struct save_result res;
};

static int save_work(struct domain *dom, void *arg)
{
	struct save_work *work = arg;

	return save_run(dom, work->opts, &work->res);
}

static int save_domain(const struct save_args *args, struct domain *dom)
{
	struct save_work work = { .opts = &args->opts };
	const struct save_result *res = &work.res;
	int ret = cmd_keep_domain(dom, save_work, &work);

	if (!ret && args->opts.after == SAVE_RUN_ON && !res->confirmed)
		msg_warn("the guest did not say that it runs on; see 'stillpoint list'");
	if (!ret && args->opts.max_pause_us && res->predicted_pause_us > args->opts.max_pause_us)
		msg_warn(
			"the guest was expected to be paused for longer than --max-pause: about %llu ms",
			(unsigned long long)(res->predicted_pause_us / 1000));
	return save_tell(args, dom, res, ret);
}

static int save_print_size(const struct save_args *args, struct domain *dom)
{
	struct save_size size;
	char line[32];
	json_object *o;

	if (save_find_size(dom, &args->opts, &size))
		return -1;
	if (!args->json) {
		snprintf(line, sizeof(line), "%llu\n", (unsigned long long)size.bytes);
		return cmd_print(line);
	}
	o = json_object_new_object();
	add_string(o, "domain", dom->name);
	add_number(o, "domid", dom->domid);
	add_string(o, "layout", image_layout_name(args->opts.image.layout));
	add_number(o, "bytes", size.bytes);
	add_number(o, "pages", size.pages);
	add_number(o, "pfns", size.pfns);
	add_number(o, "tmem_pages", size.tmem);
	return cmd_print_json(o);
}

static int save_or_size(struct domain *dom, void *arg)
{
	const struct save_args *args = arg;

	return args->print_size ? save_print_size(args, dom) : save_domain(args, dom);
}

static int save_with_key(struct save_args *args)
{
	struct crypt_secret secret;
	int ret;

	if (image_args_read_key(&args->image, &secret, &args->opts.image))
		return -1;
	ret = cmd_with_domain(args->domain, args->verbose, save_or_size, args);
	crypt_free_secret(&secret);
	return ret;
}

int cmd_save(int argc, char **argv)
{
	struct save_args args;
	int ret;

	if (save_args_parse(&args, argc, argv))
		return CMD_USAGE;
	if (args.help)
		return cmd_print(save_help) ? cmd_failed() : CMD_OK;
	msg_set_subject("domain", args.domain);
	signals_catch();
	ret = save_with_key(&args);
	return ret ? cmd_failed() : CMD_OK;
}
