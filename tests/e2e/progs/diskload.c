// SPDX-License-Identifier: GPL-2.0
/*
 * diskload: direct I/O at a queue depth, with blocks that say what they are.
 *
 * Keeps --depth asynchronous O_DIRECT operations on a file or device under way:
 * mostly writes, a quarter reads, and now and then an fdatasync beside them.
 * No block has two operations at once, so a block's sequence number must only
 * ever grow, and a read must find exactly the last completed write.
 *
 * Every completed write is acknowledged to acklog in dom0 (see ack.h). At the
 * end (SIGTERM or --seconds) the operations under way are waited for and every
 * block is compared with what this process wrote last.
 *
 * --verify compares every block with acklog's table instead: each must hold the
 * write that was acknowledged last, or a newer one.
 *
 * Heartbeats: "writes", "reads", "syncs"; their errors are failed operations
 * and wrong blocks.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/aio_abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ack.h"
#include "heartbeat.h"
#include "pattern.h"
#include "util.h"

#define STREAM 1
#define ALIGN 4096
#define MAX_DEPTH 256
#define READ_SHARE 4
#define SYNC_EVERY 256
#define WAIT_NS (100 * NS_PER_MS)

struct settings {
	const char *path;
	const char *ack;
	const char *name;
	const char *state;
	uint64_t bytes;
	uint64_t block;
	uint64_t depth;
	uint64_t rate;
	unsigned int seconds;
};

enum op {
	OP_IDLE,
	OP_WRITE,
	OP_READ,
	OP_SYNC
};

/**
 * struct slot - one operation under way
 * @block: its place, of a write or a read
 * @seq: what a write writes
 */
struct slot {
	struct iocb iocb;
	enum op op;
	uint64_t block;
	uint64_t seq;
	void *buf;
};

/**
 * struct load - a run
 * @blocks: number of blocks
 * @done: for each block the sequence number of the last completed write
 * @busy: for each block whether an operation is under way
 * @writes: submitted ones
 */
struct load {
	const struct settings *set;
	int fd;
	aio_context_t aio;
	struct slot slot[MAX_DEPTH];
	uint64_t blocks;
	uint64_t *done;
	bool *busy;
	uint64_t seq;
	uint64_t random;
	uint64_t writes;
	uint64_t under_way;
	uint64_t start_ns;
	struct ack *ack;
	struct heartbeat *heart[OP_SYNC + 1];
};

static void *aligned(size_t bytes)
{
	void *buf;

	if (posix_memalign(&buf, ALIGN, bytes))
		die(errno, "memory");
	return buf;
}

static uint64_t pick_block(struct load *load)
{
	uint64_t block;

	do
		block = pattern_random(&load->random) % load->blocks;
	while (load->busy[block]);
	return block;
}

/* Chooses what a free slot does next. */
static void prepare(struct load *load, struct slot *slot)
{
	struct iocb *iocb = &slot->iocb;

	memset(iocb, 0, sizeof(*iocb));
	iocb->aio_fildes = load->fd;
	iocb->aio_data = slot - load->slot;
	if (load->writes && load->writes % SYNC_EVERY == 0) {
		load->writes++;
		slot->op = OP_SYNC;
		iocb->aio_lio_opcode = IOCB_CMD_FDSYNC;
		return;
	}
	slot->block = pick_block(load);
	load->busy[slot->block] = true;
	iocb->aio_buf = (uintptr_t)slot->buf;
	iocb->aio_nbytes = load->set->block;
	iocb->aio_offset = slot->block * load->set->block;
	if (pattern_random(&load->random) % READ_SHARE == 0) {
		slot->op = OP_READ;
		iocb->aio_lio_opcode = IOCB_CMD_PREAD;
		return;
	}
	slot->op = OP_WRITE;
	slot->seq = ++load->seq;
	load->writes++;
	pattern_fill(slot->buf, load->set->block, STREAM, slot->block, slot->seq);
	iocb->aio_lio_opcode = IOCB_CMD_PWRITE;
}

static void wrong(struct load *load, enum op op, uint64_t block, const char *what)
{
	load->heart[op]->errors++;
	say("block %llu: %s", (unsigned long long)block, what);
}

/* Judges a block that must hold exactly the last completed write. */
static void judge(struct load *load, uint64_t block, const void *buf)
{
	const struct pattern *head = buf;
	const char *what = pattern_check(buf, load->set->block, STREAM, block);
	char text[96];

	if (!what && head->seq != load->done[block]) {
		snprintf(text, sizeof(text), "write %llu was completed, %llu is there",
			 (unsigned long long)load->done[block], (unsigned long long)head->seq);
		what = text;
	}
	if (what)
		wrong(load, OP_READ, block, what);
}

static void complete(struct load *load, const struct io_event *event)
{
	struct slot *slot = &load->slot[event->data];
	int64_t want = slot->op == OP_SYNC ? 0 : (int64_t)load->set->block;

	load->heart[slot->op]->beats++;
	if (event->res != want) {
		load->heart[slot->op]->errors++;
		say("operation %d on block %llu: %lld", slot->op, (unsigned long long)slot->block,
		    (long long)event->res);
	} else if (slot->op == OP_WRITE) {
		load->done[slot->block] = slot->seq;
		ack_add(load->ack, slot->block, slot->seq);
	} else if (slot->op == OP_READ) {
		judge(load, slot->block, slot->buf);
	}
	if (slot->op != OP_SYNC)
		load->busy[slot->block] = false;
	slot->op = OP_IDLE;
	load->under_way--;
}

static bool may_submit(const struct load *load)
{
	uint64_t since;

	if (stopping)
		return false;
	if (!load->set->rate)
		return true;
	since = now_ns(CLOCK_MONOTONIC) - load->start_ns;
	return load->writes < since * load->set->rate / NS_PER_S;
}

static void submit(struct load *load)
{
	struct iocb *list[MAX_DEPTH];
	long n = 0, taken = 0, got;
	uint64_t i;

	for (i = 0; i < load->set->depth && may_submit(load); i++) {
		if (load->slot[i].op != OP_IDLE)
			continue;
		prepare(load, &load->slot[i]);
		list[n++] = &load->slot[i].iocb;
	}
	while (taken < n) {
		got = syscall(SYS_io_submit, load->aio, n - taken, list + taken);
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			die(errno, "io_submit");
		taken += got > 0 ? got : 0;
	}
	load->under_way += n;
}

static void reap(struct load *load)
{
	struct timespec wait = { .tv_nsec = WAIT_NS };
	struct io_event events[MAX_DEPTH];
	long i, n;

	if (!load->under_way) {
		sleep_ns(NS_PER_MS);
		return;
	}
	n = syscall(SYS_io_getevents, load->aio, 1, MAX_DEPTH, events, &wait);
	if (n < 0 && errno != EINTR)
		die(errno, "io_getevents");
	for (i = 0; i < n; i++)
		complete(load, &events[i]);
}

/* Writes every block once, so that each has something to be compared with. */
static void fill(struct load *load)
{
	void *buf = aligned(load->set->block);
	uint64_t block;

	for (block = 0; block < load->blocks && !stopping; block++) {
		pattern_fill(buf, load->set->block, STREAM, block, ++load->seq);
		if (pwrite(load->fd, buf, load->set->block, block * load->set->block) !=
		    (ssize_t)load->set->block)
			die(errno, "%s: block %llu", load->set->path, (unsigned long long)block);
		load->done[block] = load->seq;
		ack_add(load->ack, block, load->seq);
		ack_flush(load->ack);
	}
	if (fdatasync(load->fd))
		die(errno, "%s", load->set->path);
	free(buf);
}

/* Reads every block; returns the number of blocks that are not what they must be. */
static uint64_t verify(const struct settings *set, int fd, const uint64_t *table, bool exact)
{
	uint64_t blocks = set->bytes / set->block, block, older = 0, bad = 0, acked = 0;
	struct pattern *head = aligned(set->block);
	const char *what;

	for (block = 0; block < blocks; block++) {
		acked += table[block] != 0;
		if (pread(fd, head, set->block, block * set->block) != (ssize_t)set->block)
			die(errno, "%s: block %llu", set->path, (unsigned long long)block);
		what = pattern_check(head, set->block, STREAM, block);
		if (what) {
			bad++;
			say("block %llu: %s", (unsigned long long)block, what);
		} else if (head->seq < table[block] || (exact && head->seq != table[block])) {
			older++;
			say("block %llu: write %llu was acknowledged, %llu is there",
			    (unsigned long long)block, (unsigned long long)table[block],
			    (unsigned long long)head->seq);
		}
	}
	printf("diskload: verified blocks %llu, acknowledged %llu, lost %llu, wrong %llu\n",
	       (unsigned long long)blocks, (unsigned long long)acked, (unsigned long long)older,
	       (unsigned long long)bad);
	free(head);
	return older + bad;
}

static int open_target(const struct settings *set, int flags)
{
	int fd = open(set->path, flags | O_DIRECT | O_CLOEXEC, 0644);

	if (fd < 0)
		die(errno, "%s", set->path);
	return fd;
}

static void start(struct load *load)
{
	struct heartbeat_file *file = heartbeat_create(load->set->state);
	uint64_t i;

	load->fd = open_target(load->set, O_RDWR | O_CREAT);
	load->blocks = load->set->bytes / load->set->block;
	load->done = calloc(load->blocks, sizeof(*load->done));
	load->busy = calloc(load->blocks, sizeof(*load->busy));
	if (!load->done || !load->busy)
		die(errno, "memory");
	for (i = 0; i < load->set->depth; i++)
		load->slot[i].buf = aligned(load->set->block);
	if (syscall(SYS_io_setup, MAX_DEPTH, &load->aio))
		die(errno, "io_setup");
	load->random = now_ns(CLOCK_REALTIME) | 1;
	if (load->set->ack)
		load->ack = ack_open(load->set->ack, load->set->name);
	fill(load);
	load->heart[OP_WRITE] = heartbeat_add(file, "writes");
	load->heart[OP_READ] = heartbeat_add(file, "reads");
	load->heart[OP_SYNC] = heartbeat_add(file, "syncs");
	load->start_ns = now_ns(CLOCK_MONOTONIC);
}

static int run(const struct settings *set)
{
	struct load load = { .set = set };
	uint64_t bad, connects;
	enum op op;

	catch_stop();
	start(&load);
	stop_after(set->seconds);
	while (!stopping || load.under_way) {
		submit(&load);
		reap(&load);
		ack_flush(load.ack);
	}
	bad = verify(set, load.fd, load.done, true);
	for (op = OP_WRITE; op <= OP_SYNC; op++)
		bad += load.heart[op]->errors;
	connects = load.ack ? load.ack->connects : 0;
	printf("diskload: writes %llu reads %llu syncs %llu acked %llu unheard %llu conns %llu\n",
	       (unsigned long long)load.heart[OP_WRITE]->beats,
	       (unsigned long long)load.heart[OP_READ]->beats,
	       (unsigned long long)load.heart[OP_SYNC]->beats,
	       (unsigned long long)(load.ack ? load.ack->sent : 0),
	       (unsigned long long)(load.ack ? load.ack->dropped : 0),
	       (unsigned long long)connects);
	ack_close(load.ack);
	bad += !load.heart[OP_WRITE]->beats;
	printf("diskload: %s\n", bad ? "WRONG" : "ok");
	return bad ? 1 : 0;
}

static void usage(void)
{
	puts("usage: diskload --path FILE [--size-mib N] [--block-kib N] [--depth N] [--rate N]\n"
	     "                [--ack ADDRESS:PORT --name NAME] [--state FILE] [--seconds N]\n"
	     "       diskload --path FILE [--size-mib N] [--block-kib N] --verify TABLE\n"
	     "Direct I/O until SIGTERM or for N seconds; --rate limits the writes a second. Exit status 0\n"
	     "if no operation failed and every block holds what was written last; with --verify (TABLE of\n"
	     "acklog's, - for stdin) if every acknowledged write, or a newer one, is there.");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "path", required_argument, NULL, 'p' },
		{ "size-mib", required_argument, NULL, 's' },
		{ "block-kib", required_argument, NULL, 'b' },
		{ "depth", required_argument, NULL, 'd' },
		{ "rate", required_argument, NULL, 'r' },
		{ "ack", required_argument, NULL, 'a' },
		{ "name", required_argument, NULL, 'm' },
		{ "state", required_argument, NULL, 't' },
		{ "seconds", required_argument, NULL, 'n' },
		{ "verify", required_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct settings set = {
		.name = "diskload",
		.bytes = 32 << 20,
		.block = 16 << 10,
		.depth = 32,
	};
	const char *table = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			set.path = optarg;
			break;
		case 's':
			set.bytes = number("--size-mib", optarg, 1, 65536) << 20;
			break;
		case 'b':
			set.block = number("--block-kib", optarg, 4, 1024) << 10;
			break;
		case 'd':
			set.depth = number("--depth", optarg, 1, MAX_DEPTH);
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
	if (!set.path)
		die(0, "--path was expected; see --help");
	set.block -= set.block % ALIGN;
	if (set.bytes / set.block < 2 * set.depth || set.bytes / set.block > ACK_MAX_INDEX)
		die(0,
		    "the size must be two blocks or more for each operation, and at most %u blocks",
		    ACK_MAX_INDEX);
	if (!table)
		return run(&set);
	return verify(&set, open_target(&set, O_RDONLY), ack_table(table, set.bytes / set.block),
		      false) ?
		       1 :
		       0;
}
