// SPDX-License-Identifier: GPL-2.0
/*
 * fsyncer: files replaced the careful way, over and over.
 *
 * Writes a file of random length through the page cache, fsyncs it, renames it
 * over its older self and fsyncs the folder: the file system's journal commits
 * all the time. Then the file was durable, and that is acknowledged to acklog
 * in dom0 (see ack.h). Now and then a file is thrown out of the page cache and
 * read back; at the end (SIGTERM or --seconds) all are.
 *
 * --verify compares every file with acklog's table instead: each must be whole,
 * and the one that was acknowledged last, or a newer one.
 *
 * Heartbeats: "commits", "reads"; their errors are failed calls and wrong files.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ack.h"
#include "heartbeat.h"
#include "pattern.h"
#include "util.h"

#define STREAM 2
#define MAX_BYTES 65536
#define READ_EVERY 8
#define NAME_BYTES 32
#define POLL_NS NS_PER_MS

struct settings {
	const char *dir;
	const char *ack;
	const char *name;
	const char *state;
	uint64_t files;
	uint64_t rate;
	unsigned int seconds;
};

/**
 * struct run - a run
 * @dirfd: the folder
 * @done: for each file the sequence number of the last one that was durable
 */
struct run {
	const struct settings *set;
	int dirfd;
	uint64_t *done;
	uint64_t seq;
	uint64_t random;
	struct ack *ack;
	struct heartbeat *commits;
	struct heartbeat *reads;
	uint64_t buf[MAX_BYTES / sizeof(uint64_t)];
};

static void file_name(char name[NAME_BYTES], uint64_t file)
{
	snprintf(name, NAME_BYTES, "file-%llu", (unsigned long long)file);
}

static uint64_t random_length(struct run *run)
{
	uint64_t bytes = pattern_random(&run->random) % MAX_BYTES;

	bytes -= bytes % sizeof(uint64_t);
	return bytes < sizeof(struct pattern) ? sizeof(struct pattern) : bytes;
}

static int write_temporary(struct run *run, const char *name, size_t bytes)
{
	int fd = openat(run->dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int err = 0;

	if (fd < 0)
		return -1;
	if (write(fd, run->buf, bytes) != (ssize_t)bytes || fsync(fd))
		err = -1;
	return close(fd) || err ? -1 : 0;
}

/* Replaces @file. Durable on return of 0. */
static int replace(struct run *run, uint64_t file)
{
	char name[NAME_BYTES], temporary[NAME_BYTES + 4];
	size_t bytes = random_length(run);
	uint64_t seq = ++run->seq;

	file_name(name, file);
	snprintf(temporary, sizeof(temporary), "%s.new", name);
	pattern_fill(run->buf, bytes, STREAM, file, seq);
	if (write_temporary(run, temporary, bytes) ||
	    renameat(run->dirfd, temporary, run->dirfd, name) || fsync(run->dirfd)) {
		run->commits->errors++;
		say("%s: %s", name, strerror(errno));
		return -1;
	}
	run->done[file] = seq;
	ack_add(run->ack, file, seq);
	ack_flush(run->ack);
	run->commits->beats++;
	return 0;
}

/*
 * Reads @file past the page cache. Returns what is wrong with it, or NULL and
 * its sequence number; of a file that does not exist 0.
 */
static const char *read_back(struct run *run, uint64_t file, uint64_t *seq)
{
	const struct pattern *head = (const void *)run->buf;
	char name[NAME_BYTES];
	ssize_t n;
	int fd;

	*seq = 0;
	file_name(name, file);
	fd = openat(run->dirfd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? NULL : strerror(errno);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	n = read(fd, run->buf, sizeof(run->buf));
	close(fd);
	if (n < 0)
		return strerror(errno);
	*seq = head->seq;
	return pattern_check(run->buf, n, STREAM, file);
}

/* Compares every file with @table; returns the number that is not what it must be. */
static uint64_t verify(struct run *run, const uint64_t *table, bool exact)
{
	uint64_t file, seq, lost = 0, wrong = 0, acked = 0;
	const char *what;

	for (file = 0; file < run->set->files; file++) {
		acked += table[file] != 0;
		what = read_back(run, file, &seq);
		if (what) {
			wrong++;
			say("file %llu: %s", (unsigned long long)file, what);
		} else if (seq < table[file] || (exact && seq != table[file])) {
			lost++;
			say("file %llu: version %llu was acknowledged, %llu is there",
			    (unsigned long long)file, (unsigned long long)table[file],
			    (unsigned long long)seq);
		}
	}
	printf("fsyncer: verified files %llu, acknowledged %llu, lost %llu, wrong %llu\n",
	       (unsigned long long)run->set->files, (unsigned long long)acked,
	       (unsigned long long)lost, (unsigned long long)wrong);
	return lost + wrong;
}

static void check_one(struct run *run)
{
	uint64_t file = pattern_random(&run->random) % run->set->files, seq;
	const char *what = read_back(run, file, &seq);

	if (what || seq != run->done[file]) {
		run->reads->errors++;
		say("file %llu: %s, version %llu of %llu", (unsigned long long)file,
		    what ? what : "whole", (unsigned long long)seq,
		    (unsigned long long)run->done[file]);
	}
	run->reads->beats++;
}

static void loop(struct run *run)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC), since;

	while (!stopping) {
		since = now_ns(CLOCK_MONOTONIC) - start;
		if (run->set->rate && run->seq >= since * run->set->rate / NS_PER_S) {
			ack_flush(run->ack);
			sleep_ns(POLL_NS);
			continue;
		}
		if (replace(run, pattern_random(&run->random) % run->set->files))
			sleep_ns(100 * NS_PER_MS);
		if (run->seq % READ_EVERY == 0)
			check_one(run);
	}
}

static struct run *open_run(const struct settings *set)
{
	struct run *run = calloc(1, sizeof(*run));

	if (!run)
		die(errno, "memory");
	run->set = set;
	if (mkdir(set->dir, 0755) && errno != EEXIST)
		die(errno, "%s", set->dir);
	run->dirfd = open(set->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run->dirfd < 0)
		die(errno, "%s", set->dir);
	return run;
}

static int execute(const struct settings *set)
{
	struct heartbeat_file *hearts = heartbeat_create(set->state);
	struct run *run = open_run(set);
	uint64_t bad;

	catch_stop();
	run->done = calloc(set->files, sizeof(*run->done));
	if (!run->done)
		die(errno, "memory");
	run->random = now_ns(CLOCK_REALTIME) | 1;
	if (set->ack)
		run->ack = ack_open(set->ack, set->name);
	run->commits = heartbeat_add(hearts, "commits");
	run->reads = heartbeat_add(hearts, "reads");
	stop_after(set->seconds);
	loop(run);
	bad = verify(run, run->done, true) + run->commits->errors + run->reads->errors +
	      !run->commits->beats;
	ack_close(run->ack);
	printf("fsyncer: commits %llu, reads %llu\n", (unsigned long long)run->commits->beats,
	       (unsigned long long)run->reads->beats);
	printf("fsyncer: %s\n", bad ? "WRONG" : "ok");
	return bad ? 1 : 0;
}

static void usage(void)
{
	puts("usage: fsyncer --dir DIR [--files N] [--rate N] [--ack ADDRESS:PORT --name NAME]\n"
	     "               [--state FILE] [--seconds N]\n"
	     "       fsyncer --dir DIR [--files N] --verify TABLE\n"
	     "Replaces files in an empty or new folder until SIGTERM or for N seconds; --rate limits how\n"
	     "many a second. Exit status 0 if no call failed and every file is the last one; with\n"
	     "--verify (TABLE of acklog's, - for stdin) if every acknowledged file, or a newer one, is there.");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "files", required_argument, NULL, 'f' },
		{ "rate", required_argument, NULL, 'r' },
		{ "ack", required_argument, NULL, 'a' },
		{ "name", required_argument, NULL, 'm' },
		{ "state", required_argument, NULL, 't' },
		{ "seconds", required_argument, NULL, 'n' },
		{ "verify", required_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct settings set = { .name = "fsyncer", .files = 64 };
	const char *table = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			set.dir = optarg;
			break;
		case 'f':
			set.files = number("--files", optarg, 1, ACK_MAX_INDEX);
			break;
		case 'r':
			set.rate = number("--rate", optarg, 1, 1000000);
			break;
		case 'a':
			set.ack = optarg;
			break;
		case 'm':
			set.name = optarg;
			break;
		case 't':
			set.state = optarg;
			break;
		case 'n':
			set.seconds = number("--seconds", optarg, 1, 86400);
			break;
		case 'v':
			table = optarg;
			break;
		case 'h':
			usage();
			return 0;
		default:
			return 2;
		}
	}
	if (!set.dir)
		die(0, "--dir was expected; see --help");
	if (!table)
		return execute(&set);
	return verify(open_run(&set), ack_table(table, set.files), false) ? 1 : 0;
}
