// SPDX-License-Identifier: GPL-2.0
/*
 * dirty: writes anonymous memory, page after page, at a steady rate.
 *
 * A word at each end of a page says which page it is and how often it was
 * written; both are checked before they are written anew, and once more of all pages at the
 * end. The heartbeat counts pages written, its errors pages that were not as they were left.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "heartbeat.h"
#include "pattern.h"
#include "util.h"

#define PAGE_BYTES 4096
#define WORDS (PAGE_BYTES / sizeof(uint64_t))
#define POLL_NS (5 * NS_PER_MS)
/* Pages between looks at the clock. */
#define BATCH 32
#define MAX_SAID 5

/**
 * struct area - the memory
 * @counts: how often each page was written
 * @random: state of pattern_random(), 0 for one page after the other
 */
struct area {
	uint64_t *words;
	uint32_t *counts;
	size_t pages;
	size_t next;
	uint64_t random;
};

static void *allocate(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		die(errno, "%zu MiB of memory", bytes >> 20);
	return at;
}

static uint64_t word_of(size_t page, uint32_t count)
{
	return count ? (uint64_t)page << 32 | count : 0;
}

static void check_page(const struct area *area, size_t page, struct heartbeat *heart)
{
	const volatile uint64_t *at = area->words + page * WORDS;
	uint64_t want = word_of(page, area->counts[page]);

	if ((at[0] != want || at[WORDS - 1] != want) && heart->errors++ < MAX_SAID)
		say("page %zu: %#llx and %#llx, %#llx was expected", page,
		    (unsigned long long)at[0], (unsigned long long)at[WORDS - 1],
		    (unsigned long long)want);
}

static void check_all(const struct area *area, struct heartbeat *heart)
{
	size_t page;

	for (page = 0; page < area->pages; page++)
		check_page(area, page, heart);
}

static void write_page(struct area *area, struct heartbeat *heart)
{
	size_t page = area->random ? pattern_random(&area->random) % area->pages : area->next;
	volatile uint64_t *at = area->words + page * WORDS;
	uint64_t want;

	area->next = page + 1 < area->pages ? page + 1 : 0;
	check_page(area, page, heart);
	want = word_of(page, ++area->counts[page]);
	at[0] = want;
	at[WORDS - 1] = want;
	heart->beats++;
}

/* Each once, as fast as can be. */
static void fill(struct area *area, struct heartbeat *heart)
{
	struct area first = *area;

	first.random = 0;
	while (!stopping && heart->beats < area->pages)
		write_page(&first, heart);
}

/* @pages_per_s: 0 for as fast as can be. */
static void run(struct area *area, struct heartbeat *heart, uint64_t pages_per_s)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC), before = heart->beats;
	int i;

	while (!stopping) {
		if (pages_per_s && heart->beats - before >= (now_ns(CLOCK_MONOTONIC) - start) /
								    NS_PER_MS * pages_per_s /
								    1000) {
			sleep_ns(POLL_NS);
			continue;
		}
		for (i = 0; i < BATCH; i++)
			write_page(area, heart);
	}
}

static void usage(void)
{
	puts("usage: dirty [--rate MIB] [--size MIB] [--random] [--fill] [--state FILE]\n"
	     "             [--seconds N]\n"
	     "Writes pages of SIZE MiB of memory (default 16), RATE MiB of them a second (default\n"
	     "0, as fast as can be), one after the other or at random, until SIGTERM or for N\n"
	     "seconds; with --fill all of them once before. Exit status 0 if each was found as it\n"
	     "was left.");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rate", required_argument, NULL, 'r' },
		{ "size", required_argument, NULL, 's' },
		{ "random", no_argument, NULL, 'a' },
		{ "fill", no_argument, NULL, 'f' },
		{ "state", required_argument, NULL, 't' },
		{ "seconds", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	uint64_t rate_mib = 0, size_mib = 16;
	unsigned int seconds = 0;
	struct area area = { 0 };
	const char *state = NULL;
	struct heartbeat *heart;
	bool fill_first = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			rate_mib = number("--rate", optarg, 0, 1 << 20);
			break;
		case 's':
			size_mib = number("--size", optarg, 1, 1 << 20);
			break;
		case 'a':
			area.random = 1;
			break;
		case 'f':
			fill_first = true;
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
	catch_stop();
	heart = heartbeat_add(heartbeat_create(state), "pages");
	area.pages = size_mib << 20 >> 12;
	area.words = allocate(area.pages * PAGE_BYTES);
	area.counts = allocate(area.pages * sizeof(*area.counts));
	stop_after(seconds);
	if (fill_first)
		fill(&area, heart);
	run(&area, heart, rate_mib << 20 >> 12);
	check_all(&area, heart);
	printf("dirty: pages %llu errors %llu, %s\n", (unsigned long long)heart->beats,
	       (unsigned long long)heart->errors, heart->errors ? "WRONG" : "ok");
	return heart->errors ? 1 : 0;
}
