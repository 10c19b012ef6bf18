// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ram.h"
#include "msg.h"
#include "page.h"
#include "signals.h"

/* Frames in one mapping: 32 MiB, so that the kernel's arrays stay small. */
#define RAM_CHUNK 8192

/* Some of the pfns to map; the frames and errors beside them. */
struct ram_chunk {
	size_t n;
	uint64_t pfn[RAM_CHUNK];
	uint64_t mfn[RAM_CHUNK];
	int err[RAM_CHUNK];
};

int ram_init(struct ram *mem, struct domain *dom)
{
	memset(mem, 0, sizeof(*mem));
	mem->dom = dom;
	mem->chunk = malloc(sizeof(*mem->chunk));
	if (!mem->chunk)
		return msg_error("out of memory to map the guest's memory");
	mem->chunk->n = 0;
	return 0;
}

static int ram_add_part(struct ram *mem, void *addr, size_t n)
{
	struct ram_part *parts;
	size_t room;

	if (mem->nparts == mem->parts_room) {
		room = mem->parts_room ? mem->parts_room * 2 : 64;
		parts = realloc(mem->parts, room * sizeof(*parts));
		if (!parts)
			return -1;
		mem->parts = parts;
		mem->parts_room = room;
	}
	mem->parts[mem->nparts].addr = addr;
	mem->parts[mem->nparts].n = n;
	mem->nparts++;
	return 0;
}

static int ram_map_chunk(struct ram *mem)
{
	struct ram_chunk *chunk = mem->chunk;
	uint8_t *addr;
	size_t i;

	if (!chunk->n)
		return 0;
	memset(chunk->err, 0, chunk->n * sizeof(chunk->err[0]));
	addr = mem->dom->ops->map(mem->dom, chunk->mfn, chunk->n, chunk->err);
	if (!addr)
		return msg_error("cannot map the guest's memory: %s", strerror(errno));
	if (ram_add_part(mem, addr, chunk->n)) {
		mem->dom->ops->unmap(mem->dom, addr, chunk->n);
		return msg_error("out of memory to map the guest's memory");
	}
	for (i = 0; i < chunk->n; i++)
		mem->page[chunk->pfn[i]] = chunk->err[i] ? NULL : addr + i * PAGE_BYTES;
	chunk->n = 0;
	return 0;
}

int ram_grow(struct ram *mem, uint64_t size)
{
	const uint8_t **page;
	uint64_t *p2m;

	if (size == mem->size)
		return 0;
	page = realloc(mem->page, size * sizeof(*page));
	if (page)
		mem->page = page;
	p2m = realloc(mem->p2m, size * sizeof(*p2m));
	if (p2m)
		mem->p2m = p2m;
	if (!page || !p2m)
		return msg_error("out of memory for a guest of %llu pages",
				 (unsigned long long)size);
	memset(page + mem->size, 0, (size - mem->size) * sizeof(*page));
	memset(p2m + mem->size, 0xff, (size - mem->size) * sizeof(*p2m));
	mem->size = size;
	return 0;
}

/* Entries @p2m of the pfns from @first on; some differ from what is known. */
static int ram_update_some(struct ram *mem, uint64_t first, const uint64_t *p2m, size_t n,
			   struct bitmap *changed)
{
	struct ram_chunk *chunk = mem->chunk;
	size_t i;

	for (i = 0; i < n; i++) {
		if (mem->p2m[first + i] == p2m[i])
			continue;
		mem->p2m[first + i] = p2m[i];
		mem->page[first + i] = NULL;
		bitmap_set(changed, first + i);
		if (p2m[i] > MFN_MAX)
			continue;
		chunk->pfn[chunk->n] = first + i;
		chunk->mfn[chunk->n++] = p2m[i];
		if (chunk->n == RAM_CHUNK && (signals_check() || ram_map_chunk(mem)))
			return -1;
	}
	return 0;
}

int ram_update(struct ram *mem, const uint64_t *p2m, const struct bitmap *pages,
	       struct bitmap *changed)
{
	uint64_t copy[ENTRIES_PER_PAGE];
	uint64_t first;
	size_t n;

	mem->chunk->n = 0;
	for (first = 0; first < mem->size; first += n) {
		n = mem->size - first < ENTRIES_PER_PAGE ? mem->size - first : ENTRIES_PER_PAGE;
		if (pages && !bitmap_test(pages, first / ENTRIES_PER_PAGE))
			continue;
		if (!memcmp(mem->p2m + first, p2m + first, n * sizeof(*p2m)))
			continue;
		memcpy(copy, p2m + first, n * sizeof(*p2m));
		if (ram_update_some(mem, first, copy, n, changed))
			return -1;
	}
	return ram_map_chunk(mem);
}

const uint8_t *ram_map(struct ram *mem, uint64_t pfn)
{
	uint8_t *addr;
	int err = 0;

	addr = mem->dom->ops->map(mem->dom, &mem->p2m[pfn], 1, &err);
	if (!addr)
		return NULL;
	if (err || ram_add_part(mem, addr, 1)) {
		mem->dom->ops->unmap(mem->dom, addr, 1);
		return NULL;
	}
	mem->page[pfn] = addr;
	return addr;
}

void ram_free(struct ram *mem)
{
	size_t i;

	for (i = 0; i < mem->nparts; i++)
		mem->dom->ops->unmap(mem->dom, mem->parts[i].addr, mem->parts[i].n);
	free(mem->parts);
	free(mem->page);
	free(mem->p2m);
	free(mem->chunk);
	memset(mem, 0, sizeof(*mem));
}
