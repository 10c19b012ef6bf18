// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <string.h>

#include "check_args.h"
#include "cmd.h"
#include "copier.h"

static int check_args_option(struct check_args *args, int opt, char **argv)
{
	switch (opt) {
	case 'k':
		args->key_file = optarg;
		return 0;
	case 'n':
		return cmd_number("--threads", optarg, 1, COPIER_THREADS_MAX, &args->threads);
	case 'j':
		args->json = true;
		return 0;
	case 'h':
		args->help = true;
		return 0;
	default:
		return cmd_bad_option(argv);
	}
}

int check_args_parse(struct check_args *args, int argc, char **argv)
{
	static const struct option options[] = {
		{ "key-file", required_argument, NULL, 'k' },
		{ "threads", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	memset(args, 0, sizeof(*args));
	args->threads = copier_default_threads();
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (check_args_option(args, opt, argv))
			return CMD_USAGE;
	if (args->help)
		return 0;
	if (argc - optind != 1)
		return cmd_usage_error("expected FILE");
	args->path = argv[optind];
	return 0;
}
