// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_domain.h"
#include "command.h"
#include "freeze.h"
#include "freeze_report.h"
#include "json_add.h"
#include "msg.h"
#include "signals.h"

/* As env(1) and timeout(1) have it, so that these can be told from COMMAND's own. */
enum {
	QUIESCE_FAILED = 125,
	QUIESCE_NOT_RUN = 126,
	QUIESCE_NOT_FOUND = 127,
};

static const char quiesce_help[] =
	"usage: stillpoint quiesce [options] DOMAIN -- COMMAND [ARGUMENT...]\n"
	"\n"
	"Freeze the file systems of the guest DOMAIN, run COMMAND, which copies its disks or\n"
	"takes snapshots of them, and thaw. The exit status is 0 only if COMMAND ended with\n"
	"0 and the file systems were frozen all the time; 125 if they were not, or could\n"
	"not be frozen; 126 or 127 if COMMAND could not be run; else COMMAND's.\n"
	"\n"
	"  --timeout S         the guest thaws by itself after this time, and COMMAND is\n"
	"                      ended (60)\n"
	"  --freeze-timeout S  how long freezing may take, with the guest's hooks (60)\n"
	"  --exclude PATH      leave this file system, or file systems of this type, alone;\n"
	"                      may be given repeatedly\n"
	"  --json              tell the result as JSON on stdout; COMMAND's stdout goes to\n"
	"                      stderr\n"
	"  --verbose           tell on stderr what the guest did\n"
	"  --help              this text\n";

/**
 * struct quiesce_args - the command line
 * @argv: of COMMAND
 */
struct quiesce_args {
	struct freeze_options freeze;
	const char *domain;
	const char *const *argv;
	bool json;
	bool verbose;
	bool help;
};

static int quiesce_option(struct quiesce_args *a, int opt, char **argv)
{
	uint64_t n;

	switch (opt) {
	case 't':
		if (cmd_number("--timeout", optarg, 1, FREEZE_HOLD_MAX_S, &n))
			return CMD_USAGE;
		a->freeze.hold_ms = n * 1000;
		return 0;
	case 'f':
		if (cmd_number("--freeze-timeout", optarg, 1, FREEZE_PREPARE_MAX_S, &n))
			return CMD_USAGE;
		a->freeze.prepare_ms = n * 1000;
		return 0;
	case 'e':
		return freeze_exclude(&a->freeze, optarg) ? cmd_recorded_usage_error() : 0;
	case 'j':
		a->json = true;
		return 0;
	case 'v':
		a->verbose = true;
		return 0;
	case 'h':
		a->help = true;
		return 0;
	default:
		return cmd_bad_option(argv);
	}
}

static int quiesce_parse(struct quiesce_args *a, int argc, char **argv)
{
	static const struct option options[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ "freeze-timeout", required_argument, NULL, 'f' },
		{ "exclude", required_argument, NULL, 'e' },
		{ "json", no_argument, NULL, 'j' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	memset(a, 0, sizeof(*a));
	freeze_options_init(&a->freeze);
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+", options, NULL)) != -1)
		if (quiesce_option(a, opt, argv))
			return CMD_USAGE;
	if (a->help)
		return 0;
	if (argc - optind < 1)
		return cmd_usage_error("expected DOMAIN and COMMAND");
	a->domain = argv[optind++];
	if (optind < argc && !strcmp(argv[optind], "--"))
		optind++;
	if (optind == argc)
		return cmd_usage_error("expected COMMAND after DOMAIN");
	a->argv = (const char *const *)&argv[optind];
	return 0;
}

static int quiesce_watch(void *arg)
{
	return freeze_check(arg);
}

/* What COMMAND makes of the exit status. */
static int quiesce_status(const struct command *c)
{
	if (c->not_run)
		return c->not_run == ENOENT ? QUIESCE_NOT_FOUND : QUIESCE_NOT_RUN;
	return WIFSIGNALED(c->status) ? 128 + WTERMSIG(c->status) : WEXITSTATUS(c->status);
}

static int quiesce_tell(const struct quiesce_args *a, struct freeze *f, int status, bool consistent)
{
	json_object *o;
	char *table;

	if (a->verbose) {
		table = freeze_report_table(f->page, &f->guest, "");
		if (table && write(STDERR_FILENO, table, strlen(table)) < 0)
			msg_warn("cannot write the report: %s", strerror(errno));
		free(table);
	}
	if (!a->json)
		return 0;
	o = json_object_new_object();
	add_string(o, "domain", f->dom->name);
	add_number(o, "domid", f->dom->domid);
	add_boolean(o, "consistent", consistent);
	add_string(o, "result", quiesce_result_name(f->guest.result));
	add_string(o, "error", *msg_error_text() ? msg_error_text() : NULL);
	add_number(o, "status", status);
	add_number(o, "frozen", f->guest.frozen);
	add_number(o, "freeze_us", f->guest.prepare_us);
	add_number(o, "frozen_us", f->guest.held_us);
	add_number(o, "thaw_us", f->guest.thaw_us);
	json_object_object_add(o, "report", freeze_report_json(f->page, &f->guest));
	return cmd_print_json(o);
}

/* The file systems are frozen. Returns the exit status. */
static int quiesce_command(const struct quiesce_args *a, struct freeze *f)
{
	struct command c = {
		.argv = a->argv,
		.name = a->argv[0],
		.output_to_stderr = a->json,
		.watch = quiesce_watch,
		.arg = f,
	};
	bool consistent;
	int status;

	status = command_run(&c) && !c.not_run ? QUIESCE_FAILED : quiesce_status(&c);
	consistent = !freeze_end(f);
	if (!consistent)
		status = QUIESCE_FAILED;
	freeze_finish(f);
	if (quiesce_tell(a, f, status, consistent) && !status)
		status = QUIESCE_FAILED;
	return status;
}

static int quiesce_domain(struct domain *dom, void *arg)
{
	const struct quiesce_args *a = arg;
	struct freeze f;
	int status;

	freeze_init(&f, dom, &a->freeze);
	if (!freeze_begin(&f)) {
		status = quiesce_command(a, &f);
	} else {
		status = QUIESCE_FAILED;
		if (f.page && f.number)
			quiesce_tell(a, &f, status, false);
	}
	freeze_close(&f);
	return status;
}

int cmd_quiesce(int argc, char **argv)
{
	struct quiesce_args a;
	int status;

	if (quiesce_parse(&a, argc, argv))
		return CMD_USAGE;
	if (a.help)
		return cmd_print(quiesce_help) ? cmd_failed() : CMD_OK;
	msg_set_subject("domain", a.domain);
	signals_catch();
	status = cmd_with_domain(a.domain, false, quiesce_domain, &a);
	msg_flush();
	return status < 0 ? QUIESCE_FAILED : status;
}
