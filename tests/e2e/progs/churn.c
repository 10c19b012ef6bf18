// SPDX-License-Identifier: GPL-2.0
/*
 * churn: all that a process can do to its memory and page tables, over and over.
 *
 * Each KIND runs in a process of its own and checks what it reads back. Its
 * heartbeat is its count of rounds; its errors are rounds that found something
 * wrong. A process that dies is an error too.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "churn.h"
#include "heartbeat.h"
#include "pattern.h"
#include "util.h"

#define MAX_KINDS 32
#define WORDS (PAGE_BYTES / sizeof(uint64_t))

static const struct churn_kind *const tables[] = { churn_memory, churn_files, churn_tasks };

void churn_fill(void *at, size_t n, uint64_t page, uint64_t round)
{
	volatile uint64_t *word = at;
	size_t i;

	for (i = 0; i < n; i++) {
		word[i * WORDS] = churn_word(page + i, round);
		word[i * WORDS + WORDS - 1] = churn_word(page + i, round);
	}
}

bool churn_filled(const void *at, size_t n, uint64_t page, uint64_t round)
{
	const volatile uint64_t *word = at;
	size_t i;

	for (i = 0; i < n; i++)
		if (word[i * WORDS] != churn_word(page + i, round) ||
		    word[i * WORDS + WORDS - 1] != churn_word(page + i, round))
			return false;
	return true;
}

void *churn_map(size_t bytes, int flags)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		die(errno, "%zu bytes of memory", bytes);
	return at;
}

size_t churn_part(struct churn *churn, size_t pages, size_t *first)
{
	*first = pattern_random(&churn->random) % pages;
	return 1 + pattern_random(&churn->random) % (pages - *first);
}

int churn_open(const struct churn *churn, const char *name, size_t bytes)
{
	char path[256];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/churn.%s", churn->dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || fstat(fd, &st) || ((size_t)st.st_size < bytes && ftruncate(fd, bytes)))
		die(errno, "%s", path);
	return fd;
}

static const struct churn_kind *find(const char *name)
{
	const struct churn_kind *kind;
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		for (kind = tables[i]; kind->name; kind++)
			if (!strcmp(kind->name, name))
				return kind;
	die(0, "there is no kind '%s'; see --help", name);
}

static void run(const struct churn_kind *kind, struct churn churn, struct heartbeat *heart,
		uint64_t pause_ns)
{
	const char *wrong;

	churn.random = getpid();
	while (!stopping) {
		churn.round++;
		wrong = kind->round(&churn);
		if (wrong) {
			heart->errors++;
			say("%s, round %llu: %s", kind->name, (unsigned long long)churn.round,
			    wrong);
		}
		heart->beats++;
		if (pause_ns)
			sleep_ns(pause_ns);
	}
}

static pid_t start(const char *name, const struct churn *churn, struct heartbeat *heart,
		   uint64_t pause_ns)
{
	const struct churn_kind *kind = find(name);
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		die(errno, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		run(kind, *churn, heart, pause_ns);
	exit(0);
}

static int end(const pid_t *pids, struct heartbeat *const *hearts, int n)
{
	int i, status, bad = 0;

	for (i = 0; i < n; i++)
		kill(pids[i], SIGTERM);
	for (i = 0; i < n; i++) {
		if (waitpid(pids[i], &status, 0) != pids[i] || status)
			say("%s: it ended with status %#x", hearts[i]->name, status);
		else if (hearts[i]->beats && !hearts[i]->errors)
			continue;
		bad++;
	}
	for (i = 0; i < n; i++)
		printf("churn: %s rounds %llu errors %llu\n", hearts[i]->name,
		       (unsigned long long)hearts[i]->beats, (unsigned long long)hearts[i]->errors);
	printf("churn: %s\n", bad ? "WRONG" : "ok");
	return bad ? 1 : 0;
}

static void usage(void)
{
	const struct churn_kind *kind;
	size_t i;

	puts("usage: churn [--dir DIR] [--size-mib N] [--pause-ms N] [--state FILE] [--seconds N]\n"
	     "             KIND...\n"
	     "Rounds of each KIND with N MiB each (default 4), files in DIR (default .), until SIGTERM or\n"
	     "for N seconds. Exit status 0 if each had a round and found nothing wrong. The kinds are:");
	for (i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		for (kind = tables[i]; kind->name; kind++)
			printf("  %s\n", kind->name);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "size-mib", required_argument, NULL, 's' },
		{ "pause-ms", required_argument, NULL, 'p' },
		{ "state", required_argument, NULL, 't' },
		{ "seconds", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct churn churn = { .dir = ".", .bytes = 4 << 20 };
	struct heartbeat *hearts[MAX_KINDS];
	struct heartbeat_file *file;
	const char *state = NULL;
	unsigned int seconds = 0;
	pid_t pids[MAX_KINDS];
	uint64_t pause_ns = 0;
	int c, i, n;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			churn.dir = optarg;
			break;
		case 's':
			churn.bytes = number("--size-mib", optarg, 1, 4096) << 20;
			break;
		case 'p':
			pause_ns = number("--pause-ms", optarg, 0, 1000) * NS_PER_MS;
			break;
		case 't':
			state = optarg;
			break;
		case 'n':
			seconds = number("--seconds", optarg, 1, 86400);
			break;
		case 'h':
			usage();
			return 0;
		default:
			return 2;
		}
	}
	n = argc - optind;
	if (n < 1 || n > MAX_KINDS)
		die(0, "one to %d kinds were expected; see --help", MAX_KINDS);
	catch_stop();
	file = heartbeat_create(state);
	for (i = 0; i < n; i++) {
		hearts[i] = heartbeat_add(file, argv[optind + i]);
		pids[i] = start(argv[optind + i], &churn, hearts[i], pause_ns);
	}
	stop_after(seconds);
	/* A child that ended early is found when all have ended. */
	while (!stopping)
		sleep_ns(50 * NS_PER_MS);
	return end(pids, hearts, n);
}
