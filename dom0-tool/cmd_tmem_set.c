// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <stdbool.h>
#include <unistd.h>

#include <uuid/uuid.h>

#include "cmd.h"
#include "cmd_tmem.h"
#include "msg.h"
#include "tmem/client.h"
#include "xen.h"

static const char tmem_set_help[] =
	"usage: stillpoint tmem set [options] DOMAIN\n"
	"\n"
	"Change what a domain may put into the tmem store, until it ends.\n"
	"\n"
	"  --quota MIB     of pages that its persistent pools may hold, as the guest sees them;\n"
	"                  what is above it already stays\n"
	"  --weight N      its share of the room for ephemeral pages, 1 to 10000 (default: 100)\n"
	"  --share UUID    it may join the shared pool UUID; domains in one trust each other\n"
	"  --unshare UUID  it may not any more, and leaves it\n"
	"  --socket PATH   of the store's daemon (default: " TMEM_SOCKET ")\n"
	"  --help          this text\n";

static const struct option set_options[] = {
	{ "quota", required_argument, NULL, 'q' },
	{ "weight", required_argument, NULL, 'w' },
	{ "share", required_argument, NULL, 's' },
	{ "unshare", required_argument, NULL, 'u' },
	{ "socket", required_argument, NULL, 'p' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int set_share(struct tmem_set *set, uint32_t what)
{
	if (set->what & (TMEM_SET_SHARE | TMEM_SET_UNSHARE))
		return cmd_usage_error("one --share or --unshare at a time");
	if (uuid_parse(optarg, set->uuid) || uuid_is_null(set->uuid))
		return cmd_usage_error("'%s' is no uuid", optarg);
	set->what |= what;
	return CMD_OK;
}

static int set_option(int opt, struct tmem_set *set, const char **path, char **argv)
{
	uint64_t n;

	switch (opt) {
	case 'q':
		if (cmd_number("--quota", optarg, 0, UINT32_MAX, &n))
			return CMD_USAGE;
		set->quota = (n << 20) / STILLPOINT_TMEM_PAGE_SIZE;
		set->what |= TMEM_SET_QUOTA;
		return CMD_OK;
	case 'w':
		if (cmd_number("--weight", optarg, 1, TMEM_WEIGHT_MAX, &n))
			return CMD_USAGE;
		set->weight = n;
		set->what |= TMEM_SET_WEIGHT;
		return CMD_OK;
	case 's':
		return set_share(set, TMEM_SET_SHARE);
	case 'u':
		return set_share(set, TMEM_SET_UNSHARE);
	case 'p':
		*path = optarg;
		return CMD_OK;
	default:
		return cmd_bad_option(argv);
	}
}

static int set_run(const char *path, const char *name, struct tmem_set *set)
{
	struct tmem_msg reply;
	struct xen xen;
	int fd, ret;

	if (xen_open(&xen, false))
		return -1;
	ret = xen_find_domain(&xen, name, &set->domid);
	xen_close(&xen);
	if (ret)
		return -1;
	fd = tmem_client_open(path, NULL, NULL);
	if (fd < 0)
		return -1;
	ret = tmem_client_do(fd, set, sizeof(*set), &reply, sizeof(reply));
	close(fd);
	return ret;
}

int cmd_tmem_set(int argc, char **argv)
{
	struct tmem_set set = { .msg.type = TMEM_MSG_SET };
	const char *path = TMEM_SOCKET;
	int opt, ret;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", set_options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_print(tmem_set_help) ? cmd_failed() : CMD_OK;
		ret = set_option(opt, &set, &path, argv);
		if (ret)
			return ret;
	}
	if (argc - optind != 1)
		return cmd_usage_error("expected DOMAIN");
	if (!set.what)
		return cmd_usage_error("nothing to set");
	msg_set_subject("domain", argv[optind]);
	return set_run(path, argv[optind], &set) ? cmd_failed() : CMD_OK;
}
