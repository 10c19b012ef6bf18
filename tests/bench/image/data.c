// SPDX-License-Identifier: GPL-2.0
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "data.h"
#include "msg.h"
#include "page.h"

#define BLOCK_PAGES (DATA_BLOCK / PAGE_BYTES)
#define ZERO_PAGES (BLOCK_PAGES / 4)
#define ZERO_RUN 32
#define EXTENT_PAGES 64

#define WORDS 4096
#define WORD_MAX 12
#define OPCODES 1024
#define OPCODE_MAX 24
#define THREADS_MAX 16

/**
 * struct words - what text and code are made of
 * @word: a word and a space; @word_bytes long
 * @opcode: fixed bytes of some instructions; @opcode_bytes long
 * @rank: of a random number, the rank; low ranks are frequent
 */
struct words {
	char word[WORDS][WORD_MAX + 1];
	uint8_t word_bytes[WORDS];
	uint8_t opcode[OPCODES][OPCODE_MAX];
	uint8_t opcode_bytes[OPCODES];
	uint16_t rank[1 << 12];
};

/* What one thread makes: each @step-th block from @first on. */
struct data_job {
	pthread_t thread;
	const struct words *words;
	uint8_t *mem;
	size_t first;
	size_t blocks;
	size_t step;
	uint64_t seed;
};

/* Of a structure in a kernel's or a database's memory. */
struct record {
	uint64_t next;
	uint64_t owner;
	uint32_t count;
	uint32_t flags;
	uint64_t id;
	char name[16];
	uint64_t unused[2];
};

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators". */
static uint64_t next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void words_make(struct words *w, uint64_t seed)
{
	static const char letters[] =
		"eeeeeetttttaaaaoooooiiiinnnnssssrrrrhhhlllddccuumfpgwybvkxjqz";
	size_t i, j, rank;
	uint64_t r;

	memset(w, 0, sizeof(*w));
	for (i = 0; i < WORDS; i++) {
		r = next(&seed);
		w->word_bytes[i] = 3 + r % (WORD_MAX - 2);
		for (j = 0; j + 1 < w->word_bytes[i]; j++)
			w->word[i][j] = letters[next(&seed) % (sizeof(letters) - 1)];
		w->word[i][j] = r >> 32 & 15 ? ' ' : '\n';
	}
	for (i = 0; i < OPCODES; i++) {
		w->opcode_bytes[i] = 3 + next(&seed) % (OPCODE_MAX - 2);
		for (j = 0; j < OPCODE_MAX; j++)
			w->opcode[i][j] = next(&seed);
	}
	/* A rank's frequency is the inverse of it: numbers of each power of two are as likely. */
	for (i = 0; i < sizeof(w->rank) / sizeof(w->rank[0]); i++) {
		rank = (size_t)1 << i % 12;
		w->rank[i] = rank + next(&seed) % rank - 1;
	}
}

static void make_text(const struct words *w, uint64_t *rng, uint8_t *to, size_t size)
{
	size_t at = 0, n, word;

	while (at < size) {
		word = w->rank[next(rng) % (sizeof(w->rank) / sizeof(w->rank[0]))];
		n = w->word_bytes[word] < size - at ? w->word_bytes[word] : size - at;
		memcpy(to + at, w->word[word], n);
		at += n;
	}
}

/* Behind some instructions comes nothing, a byte, or a distance of 24 bits with its sign. */
static void make_code(const struct words *w, uint64_t *rng, uint8_t *to, size_t size)
{
	size_t at = 0, opcode, n;
	uint8_t bytes[OPCODE_MAX + sizeof(uint32_t)];
	int32_t operand;
	uint64_t r;

	while (at < size) {
		r = next(rng);
		opcode = w->rank[r % (sizeof(w->rank) / sizeof(w->rank[0]))] % OPCODES;
		operand = (int32_t)(r >> 32) >> 8;
		n = w->opcode_bytes[opcode];
		memcpy(bytes, w->opcode[opcode], n);
		memcpy(bytes + n, &operand, sizeof(operand));
		if ((r >> 16 & 3) == 0)
			n += sizeof(operand);
		else if ((r >> 16 & 3) == 1)
			n++;
		if (n > size - at)
			n = size - at;
		memcpy(to + at, bytes, n);
		at += n;
	}
}

static void make_table(const struct words *w, uint64_t *rng, uint8_t *to, size_t size)
{
	uint64_t base = 0xffff888000000000 | (next(rng) & 0x3fffff000);
	uint32_t id = next(rng);
	size_t at;

	for (at = 0; at + sizeof(struct record) <= size; at += sizeof(struct record), id++) {
		uint64_t r = next(rng);
		struct record rec = {
			.next = base + at + sizeof(rec),
			.owner = base + (r & 0xffff) * 64,
			.count = r >> 16 & 7,
			.flags = r >> 20 & 0x11,
			.id = id,
		};
		size_t word = w->rank[(r >> 32) % (sizeof(w->rank) / sizeof(w->rank[0]))];

		memcpy(rec.name, w->word[word], w->word_bytes[word]);
		memcpy(to + at, &rec, sizeof(rec));
	}
}

static void make_random(uint64_t *rng, uint8_t *to, size_t size)
{
	uint64_t r;
	size_t at;

	for (at = 0; at < size; at += sizeof(r)) {
		r = next(rng);
		memcpy(to + at, &r, sizeof(r));
	}
}

static void make_extent(const struct words *w, uint64_t *rng, uint8_t *to, size_t size)
{
	unsigned int percent = next(rng) % 100;

	if (percent < 38)
		make_text(w, rng, to, size);
	else if (percent < 70)
		make_code(w, rng, to, size);
	else if (percent < 88)
		make_table(w, rng, to, size);
	else
		make_random(rng, to, size);
}

/* Choose which pages of a block are zero. */
static void choose_zero(uint64_t *rng, bool *zero)
{
	unsigned int have = 0, page, run;

	memset(zero, 0, BLOCK_PAGES * sizeof(*zero));
	while (have < ZERO_PAGES) {
		page = next(rng) % BLOCK_PAGES;
		run = 1 + next(rng) % ZERO_RUN;
		for (; run && page < BLOCK_PAGES && have < ZERO_PAGES; run--, page++) {
			have += !zero[page];
			zero[page] = true;
		}
	}
}

static void make_block(const struct words *w, uint64_t rng, uint8_t *to)
{
	unsigned int page = 0, n, most;
	bool zero[BLOCK_PAGES];

	choose_zero(&rng, zero);
	while (page < BLOCK_PAGES) {
		if (zero[page]) {
			page++;
			continue;
		}
		most = 1 + next(&rng) % EXTENT_PAGES;
		for (n = 1; n < most && page + n < BLOCK_PAGES && !zero[page + n]; n++)
			;
		make_extent(w, &rng, to + page * PAGE_BYTES, n * PAGE_BYTES);
		page += n;
	}
}

static void *data_thread(void *arg)
{
	struct data_job *job = arg;
	size_t i;

	for (i = job->first; i < job->blocks; i += job->step)
		make_block(job->words, job->seed + i * 0x100000001b3, job->mem + i * DATA_BLOCK);
	return NULL;
}

int data_make(uint8_t *mem, size_t blocks, uint64_t seed, unsigned int threads)
{
	struct data_job jobs[THREADS_MAX];
	static struct words words;
	unsigned int n, i;
	int ret = 0;

	words_make(&words, seed);
	if (threads > THREADS_MAX)
		threads = THREADS_MAX;
	for (n = 0; n < threads && !ret; n += !ret) {
		jobs[n] = (struct data_job){ .words = &words,
					     .mem = mem,
					     .first = n,
					     .blocks = blocks,
					     .step = threads,
					     .seed = seed };
		ret = pthread_create(&jobs[n].thread, NULL, data_thread, &jobs[n]);
	}
	for (i = 0; i < n; i++)
		pthread_join(jobs[i].thread, NULL);
	return ret ? msg_error("cannot start a thread: %s", strerror(ret)) : 0;
}
