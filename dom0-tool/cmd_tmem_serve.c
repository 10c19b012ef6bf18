// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <stdbool.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_tmem.h"
#include "msg.h"
#include "tmem/daemon.h"

static const char serve_help[] =
	"usage: stillpoint tmem serve [options]\n"
	"\n"
	"Keep pages for the guests of this host, until a signal asks to stop. They outlive\n"
	"this process, but not dom0.\n"
	"\n"
	"  --limit MIB     of dom0's memory to take at most (default: a quarter of it)\n"
	"  --quota MIB     of pages that a domain's persistent pools may hold, as the guest\n"
	"                  sees them (default: half of the limit)\n"
	"  --compress HOW  lz4 (default), zstd, zstd:LEVEL or none\n"
	"  --poll US       how long to look for another request after one, before sleeping\n"
	"                  (default: 50; 0 for not at all)\n"
	"  --dir DIR       where they are kept (default: /run/stillpoint/tmem)\n"
	"  --socket PATH   where other commands connect (default: " TMEM_SOCKET ")\n"
	"  --help          this text\n";

enum {
	SERVE_LIMIT = 'l',
	SERVE_QUOTA,
	SERVE_COMPRESS,
	SERVE_POLL,
	SERVE_DIR,
	SERVE_SOCKET,
	SERVE_HELP
};

static const struct option serve_options[] = {
	{ "limit", required_argument, NULL, SERVE_LIMIT },
	{ "quota", required_argument, NULL, SERVE_QUOTA },
	{ "compress", required_argument, NULL, SERVE_COMPRESS },
	{ "poll", required_argument, NULL, SERVE_POLL },
	{ "dir", required_argument, NULL, SERVE_DIR },
	{ "socket", required_argument, NULL, SERVE_SOCKET },
	{ "help", no_argument, NULL, SERVE_HELP },
	{ NULL, 0, NULL, 0 },
};

/* Mebibytes of dom0's memory. */
static uint64_t serve_memory_mib(void)
{
	return ((uint64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE)) >> 20;
}

static int serve_option(int opt, struct tmem_daemon_options *opts, char **argv)
{
	uint64_t memory = serve_memory_mib(), mib, us;

	switch (opt) {
	case SERVE_LIMIT:
		if (cmd_number("--limit", optarg, TMEM_STORE_LIMIT_MIN >> 20, memory, &mib))
			return CMD_USAGE;
		opts->store.limit = mib << 20;
		return CMD_OK;
	case SERVE_QUOTA:
		if (cmd_number("--quota", optarg, 1, UINT32_MAX, &mib))
			return CMD_USAGE;
		opts->store.quota = (mib << 20) / STILLPOINT_TMEM_PAGE_SIZE;
		return CMD_OK;
	case SERVE_COMPRESS:
		if (!codec_parse(optarg, &opts->store.codec))
			return CMD_OK;
		msg_flush();
		return CMD_USAGE;
	case SERVE_POLL:
		if (cmd_number("--poll", optarg, 0, TMEM_POLL_MAX_US, &us))
			return CMD_USAGE;
		opts->poll_us = us;
		return CMD_OK;
	case SERVE_DIR:
		opts->dir = optarg;
		return CMD_OK;
	case SERVE_SOCKET:
		opts->socket = optarg;
		return CMD_OK;
	default:
		return cmd_bad_option(argv);
	}
}

int cmd_tmem_serve(int argc, char **argv)
{
	struct tmem_daemon_options opts = {
		.dir = "/run/stillpoint/tmem",
		.socket = TMEM_SOCKET,
		.poll_us = TMEM_POLL_US,
		.store.limit = (serve_memory_mib() / 4) << 20,
		.store.most = serve_memory_mib() << 20,
		.store.codec.codec = STILLPOINT_CODEC_LZ4,
	};
	int opt, ret;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", serve_options, NULL)) != -1) {
		if (opt == SERVE_HELP)
			return cmd_print(serve_help) ? cmd_failed() : CMD_OK;
		ret = serve_option(opt, &opts, argv);
		if (ret)
			return ret;
	}
	if (argc != optind)
		return cmd_usage_error("unexpected '%s'", argv[optind]);
	return tmem_daemon_run(&opts) ? cmd_failed() : CMD_OK;
}
