// SPDX-License-Identifier: GPL-2.0
/* Processes and threads: that come, write and go, with segments and storage of their own. */
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "churn.h"
#include "pattern.h"
#include "util.h"

#define CHILDREN 4
#define THREADS 4
#define READ_PARTS 32
#define READ_BYTES (256 * PAGE_BYTES)
#define SEGMENTS 600 /* more than a page of them */

static size_t pages_of(const struct churn *churn)
{
	return churn->bytes / PAGE_BYTES;
}

/* Writes what it inherited, and its share of what all have, then exits or becomes a program. */
static void child(struct churn *churn, int i, char *inherited, char *shared)
{
	size_t pages = pages_of(churn), share = pages / CHILDREN, first, n;

	churn->random += getpid();
	n = churn_part(churn, pages, &first);
	churn_fill(inherited + first * PAGE_BYTES, n, first, churn->round + 1);
	churn_fill(shared + i * share * PAGE_BYTES, share, i * share, churn->round);
	if (!churn_filled(inherited + first * PAGE_BYTES, n, first, churn->round + 1))
		_exit(1);
	if (pattern_random(&churn->random) % 4 == 0) {
		if (close(STDOUT_FILENO))
			_exit(1);
		execl("/proc/self/exe", "churn", "--help", NULL);
	}
	_exit(0);
}

static bool ended_well(pid_t pid)
{
	int status;

	if (pid < 0)
		return false;
	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			return false;
	return !status;
}

static bool all_ended_well(const pid_t *pids)
{
	bool ok = true;
	int i;

	for (i = 0; i < CHILDREN; i++)
		ok &= ended_well(pids[i]);
	return ok;
}

static const char *round_forks(struct churn *churn)
{
	static char *inherited, *shared;
	size_t pages = pages_of(churn);
	pid_t pids[CHILDREN];
	int i;

	if (!inherited) {
		inherited = churn_map(churn->bytes, MAP_PRIVATE);
		shared = churn_map(churn->bytes, MAP_SHARED);
	}
	churn_fill(inherited, pages, 0, churn->round);
	for (i = 0; i < CHILDREN; i++) {
		pids[i] = fork();
		if (!pids[i])
			child(churn, i, inherited, shared);
	}
	/* Copied on write by the parent too. */
	churn_fill(inherited, pages / 2, 0, churn->round);
	if (!all_ended_well(pids))
		return "a child ended badly";
	if (!churn_filled(inherited, pages, 0, churn->round))
		return "a child wrote to its parent's memory";
	if (!churn_filled(shared, pages / CHILDREN * CHILDREN, 0, churn->round))
		return "what children wrote to shared memory is not there";
	return NULL;
}

/*
 * One long system call in which the kernel writes the same pages over and over. All
 * that time the processor may go by what it knows of their mapping since its start.
 */
static const char *round_reads(struct churn *churn)
{
	static struct iovec parts[READ_PARTS];
	static char *memory;
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC), i;
	ssize_t n;

	if (!memory)
		memory = churn_map(READ_BYTES, MAP_PRIVATE);
	for (i = 0; i < READ_PARTS; i++)
		parts[i] = (struct iovec){ memory, READ_BYTES };
	churn_fill(memory, READ_BYTES / PAGE_BYTES, 0, churn->round);
	n = readv(fd, parts, READ_PARTS);
	close(fd);
	/* Who waits for all tasks, as those who trace functions do, waits for this one too. */
	sleep_ns(NS_PER_MS);
	if (n <= 0 && !stopping)
		return "reading random numbers";
	if (n >= (ssize_t)READ_BYTES && churn_filled(memory, 1, 0, churn->round))
		return "what was read is not there";
	return NULL;
}

static __thread uint64_t own[2 * PAGE_BYTES / sizeof(uint64_t)];

static void *use_storage(void *data)
{
	uint64_t word = (uintptr_t)&own ^ (uintptr_t)data;
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(*own); i++)
		own[i] = word + i;
	sched_yield();
	for (i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (own[i] != word + i)
			return data;
	return NULL;
}

/* Threads come and go, each with storage of its own, which is %fs; %gs is written too. */
static const char *round_threads(struct churn *churn)
{
	pthread_t threads[THREADS];
	const char *wrong = NULL;
	uint64_t base = 0;
	void *ret;
	int i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, use_storage, (void *)(uintptr_t)(i + 1)))
			die(errno, "a thread");
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &ret);
		if (ret)
			wrong = "a thread's own storage has changed";
	}
	syscall(SYS_arch_prctl, ARCH_SET_GS, churn->round);
	sched_yield();
	if (syscall(SYS_arch_prctl, ARCH_GET_GS, &base) || base != churn->round)
		wrong = "the base of %gs has changed";
	return wrong;
}

static int set_entry(unsigned int i, uint64_t round)
{
	struct user_desc desc = {
		.entry_number = i,
		.base_addr = (uint32_t)churn_word(i, round),
		.limit = 1,
		.seg_32bit = 1,
		.limit_in_pages = 1,
	};

	return syscall(SYS_modify_ldt, 1, &desc, sizeof(desc));
}

/* True if entry @i of what was read has the base that set_entry() gave it. */
static bool is_entry(const uint64_t *ldt, unsigned int i, uint64_t round)
{
	uint32_t base = (ldt[i] >> 16 & 0xffffff) | (ldt[i] >> 56 & 0xff) << 24;

	return base == (uint32_t)churn_word(i, round);
}

/* A local descriptor table that is changed, and inherited by a child that loads a segment. */
static const char *round_segments(struct churn *churn)
{
	static uint64_t ldt[SEGMENTS];
	unsigned int i, step = 1 + pattern_random(&churn->random) % 60;
	pid_t pid;

	for (i = 0; i < SEGMENTS; i += step)
		if (set_entry(i, churn->round))
			return "modify_ldt";
	if (set_entry(SEGMENTS - 1, churn->round))
		return "modify_ldt";
	pid = fork();
	if (!pid) {
		unsigned short selector = (SEGMENTS - 1) << 3 | 7;

		set_entry(0, churn->round + 1);
		asm volatile("mov %0, %%es" : : "r"(selector));
		sched_yield();
		_exit(0);
	}
	if (!ended_well(pid))
		return "a child could not load a segment";
	if (syscall(SYS_modify_ldt, 0, ldt, sizeof(ldt)) != sizeof(ldt))
		return "reading the descriptor table";
	for (i = 0; i < SEGMENTS; i += step)
		if (!is_entry(ldt, i, churn->round))
			return "the descriptor table has changed";
	return NULL;
}

/*
 * Segments of the thread in the global table. Only the 32-bit system call sets
 * them, whose argument must lie below 4 GiB.
 */
static const char *round_tls(struct churn *churn)
{
	static struct user_desc *desc;
	unsigned short selector;
	unsigned int base;
	long ret;

	if (!desc)
		desc = churn_map(PAGE_BYTES, MAP_PRIVATE | MAP_32BIT);
	*desc = (struct user_desc){
		.entry_number = churn->round == 1 ? -1U : desc->entry_number,
		.base_addr = (uint32_t)(uintptr_t)desc,
		.limit = 0xfffff,
		.seg_32bit = 1,
		.limit_in_pages = 1,
	};
	base = churn->round;
	*((unsigned int *)desc + PAGE_BYTES / 8) = base;
	asm volatile("int $0x80" : "=a"(ret) : "a"(243), "b"(desc) : "memory");
	if (ret)
		return "set_thread_area";
	selector = desc->entry_number << 3 | 3;
	asm volatile("mov %0, %%gs" : : "r"(selector));
	sched_yield();
	asm volatile("movl %%gs:2048, %0" : "=r"(base));
	return base == (unsigned int)churn->round ? NULL : "the segment leads to other memory";
}

const struct churn_kind churn_tasks[] = {
	{ "forks", round_forks }, { "threads", round_threads }, { "segments", round_segments },
	{ "tls", round_tls },	  { "reads", round_reads },	{ 0 },
};
