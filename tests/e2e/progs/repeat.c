// SPDX-License-Identifier: GPL-2.0
/*
 * repeat: a command over and over, for what a shell does best.
 *
 * Its heartbeat counts the times that the command ended with 0, its errors the
 * others.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heartbeat.h"
#include "util.h"

/* True if the command ended with 0. A SIGTERM meanwhile is ours alone. */
static bool run(char **argv)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die(errno, "fork");
	if (!pid) {
		setpgid(0, 0);
		signal(SIGPIPE, SIG_DFL);
		execvp(argv[0], argv);
		die(errno, "%s", argv[0]);
	}
	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			die(errno, "waiting for %s", argv[0]);
	if (status)
		say("%s ended with status %#x", argv[0], status);
	return !status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "pause-ms", required_argument, NULL, 'p' },
		{ "state", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *state = NULL;
	struct heartbeat *heart;
	uint64_t pause_ns = 0;
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			pause_ns = number("--pause-ms", optarg, 0, 60000) * NS_PER_MS;
			break;
		case 't':
			state = optarg;
			break;
		case 'h':
			puts("usage: repeat [--pause-ms N] [--state FILE] COMMAND...\n"
			     "Runs the command again and again until SIGTERM. Exit status 0 if it always ended\n"
			     "with 0.");
			return 0;
		default:
			return 2;
		}
	}
	if (optind == argc)
		die(0, "a command was expected; see --help");
	catch_stop();
	heart = heartbeat_add(heartbeat_create(state), argv[argc - 1]);
	while (!stopping) {
		if (run(argv + optind))
			heart->beats++;
		else
			heart->errors++;
		if (pause_ns && !stopping)
			sleep_ns(pause_ns);
	}
	printf("repeat: %s: rounds %llu errors %llu, %s\n", heart->name,
	       (unsigned long long)heart->beats, (unsigned long long)heart->errors,
	       heart->errors || !heart->beats ? "WRONG" : "ok");
	return heart->errors || !heart->beats ? 1 : 0;
}
