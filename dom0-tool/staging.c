// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "msg.h"
#include "page.h"
#include "staging.h"

/* Pages in a chunk: 8 MiB. */
#define STAGING_CHUNK 2048

uint64_t staging_default_budget(void)
{
	unsigned long long kib = 0;
	char line[128];
	FILE *f;

	f = fopen("/proc/meminfo", "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	fclose(f);
	return kib * 1024 / 2;
}

static int staging_grow(struct staging *st)
{
	uint8_t **chunks;
	void *chunk;

	chunks = realloc(st->chunks, (st->nchunks + 1) * sizeof(*chunks));
	if (!chunks)
		return -1;
	st->chunks = chunks;
	chunk = mmap(NULL, STAGING_CHUNK * PAGE_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (chunk == MAP_FAILED)
		return -1;
	st->chunks[st->nchunks++] = chunk;
	st->room += STAGING_CHUNK;
	return 0;
}

void staging_init(struct staging *st, uint64_t budget)
{
	memset(st, 0, sizeof(*st));
	st->budget = budget / PAGE_BYTES;
}

int staging_reserve(struct staging *st, uint64_t pages)
{
	if (pages > st->budget)
		pages = st->budget;
	while (st->room < pages)
		if (staging_grow(st))
			return msg_error(
				"out of memory for a staging buffer of %llu MiB; try a smaller --staging",
				(unsigned long long)(pages * PAGE_BYTES >> 20));
	return 0;
}

uint8_t *staging_page(struct staging *st, bool must)
{
	if (!must && st->used >= st->budget)
		return NULL;
	if (st->used == st->room && staging_grow(st))
		return NULL;
	st->used++;
	return st->chunks[(st->used - 1) / STAGING_CHUNK] +
	       (st->used - 1) % STAGING_CHUNK * PAGE_BYTES;
}

void staging_free(struct staging *st)
{
	size_t i;

	for (i = 0; i < st->nchunks; i++)
		munmap(st->chunks[i], STAGING_CHUNK * PAGE_BYTES);
	free(st->chunks);
	memset(st, 0, sizeof(*st));
}
