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

void ram_init(struct ram *mem, struct domain *dom)
{
	memset(mem, 0, sizeof(*mem));
	mem->dom = dom;
}

/* Some of the pfns to map; the frames and errors beside them. */
struct ram_chunk {
	size_t n;
	uint64_t pfn[RAM_CHUNK];
	uint64_t mfn[RAM_CHUNK];
	int err[RAM_CHUNK];
};

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

static int ram_map_chunk(struct ram *mem, struct ram_chunk *chunk)
{
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

/* Make room for @size pfns; what is mapped beyond that is no longer reached. */
static int ram_resize(struct ram *mem, uint64_t size)
{
	const uint8_t **page;

	page = realloc(mem->page, (size ? size : 1) * sizeof(*page));
	if (!page)
		return msg_error("out of memory for a guest of %llu pages",
				 (unsigned long long)size);
	if (size > mem->size)
		memset(page + mem->size, 0, (size - mem->size) * sizeof(*page));
	mem->page = page;
	return 0;
}

int ram_update(struct ram *mem, uint64_t *p2m, uint64_t size)
{
	struct ram_chunk *chunk = malloc(sizeof(*chunk));
	uint64_t pfn;
	int ret = -1;

	if (!chunk) {
		msg_error("out of memory to map the guest's memory");
		goto out;
	}
	if (ram_resize(mem, size))
		goto out;
	chunk->n = 0;
	for (pfn = 0; pfn < size; pfn++) {
		if (pfn < mem->size && mem->p2m[pfn] == p2m[pfn] &&
		    (mem->page[pfn] || p2m[pfn] > MFN_MAX))
			continue;
		mem->page[pfn] = NULL;
		if (p2m[pfn] > MFN_MAX)
			continue;
		chunk->pfn[chunk->n] = pfn;
		chunk->mfn[chunk->n++] = p2m[pfn];
		if (chunk->n == RAM_CHUNK && (signals_check() || ram_map_chunk(mem, chunk)))
			goto out;
	}
	ret = ram_map_chunk(mem, chunk);
out:
	free(chunk);
	free(mem->p2m);
	mem->p2m = p2m;
	mem->size = ret ? 0 : size;
	return ret;
}

void ram_free(struct ram *mem)
{
	size_t i;

	for (i = 0; i < mem->nparts; i++)
		mem->dom->ops->unmap(mem->dom, mem->parts[i].addr, mem->parts[i].n);
	free(mem->parts);
	free(mem->page);
	free(mem->p2m);
	memset(mem, 0, sizeof(*mem));
}
