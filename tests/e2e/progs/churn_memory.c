// SPDX-License-Identifier: GPL-2.0
/* Anonymous memory: its protection, its place, advice, and the bits of its page tables. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "churn.h"
#include "pattern.h"
#include "util.h"

/* A kind's memory, kept from round to round. */
static char *memory;

static size_t pages_of(const struct churn *churn)
{
	return churn->bytes / PAGE_BYTES;
}

static void map_once(const struct churn *churn)
{
	if (!memory)
		memory = churn_map(churn->bytes, MAP_PRIVATE);
}

/* Read-only, writable again, not accessible at all, and back: what was written stays. */
static const char *round_protect(struct churn *churn)
{
	size_t pages = pages_of(churn), first, n;
	char *part;

	map_once(churn);
	churn_fill(memory, pages, 0, churn->round);
	n = churn_part(churn, pages, &first);
	part = memory + first * PAGE_BYTES;
	if (mprotect(part, n * PAGE_BYTES, PROT_READ))
		return "mprotect to read-only";
	if (!churn_filled(memory, pages, 0, churn->round))
		return "read-only memory has changed";
	if (mprotect(part, n * PAGE_BYTES, PROT_READ | PROT_WRITE))
		return "mprotect to writable";
	churn_fill(part, n, first, churn->round + 1);
	n = churn_part(churn, n, &first);
	part += first * PAGE_BYTES;
	first = (part - memory) / PAGE_BYTES;
	if (mprotect(part, n * PAGE_BYTES, PROT_NONE))
		return "mprotect to none";
	if (mprotect(part, n * PAGE_BYTES, PROT_READ | PROT_WRITE))
		return "mprotect from none";
	if (!churn_filled(part, n, first, churn->round + 1))
		return "inaccessible memory has changed";
	return NULL;
}

/* A part that was just written moves to another address; then all of it grows and shrinks. */
static const char *round_remap(struct churn *churn)
{
	size_t pages = pages_of(churn), first, n;
	char *part, *moved, *grown;

	map_once(churn);
	n = churn_part(churn, pages, &first);
	part = memory + first * PAGE_BYTES;
	churn_fill(part, n, first, churn->round);
	moved = churn_map(n * PAGE_BYTES, MAP_PRIVATE);
	if (mremap(part, n * PAGE_BYTES, n * PAGE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, moved) !=
	    moved)
		return "mremap away";
	if (!churn_filled(moved, n, first, churn->round))
		return "memory changed when it moved";
	churn_fill(moved, n, first, churn->round + 1);
	if (mremap(moved, n * PAGE_BYTES, n * PAGE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, part) !=
	    part)
		return "mremap back";
	if (!churn_filled(part, n, first, churn->round + 1))
		return "memory changed when it moved back";
	grown = mremap(memory, churn->bytes, churn->bytes * 2, MREMAP_MAYMOVE);
	if (grown == MAP_FAILED)
		return "mremap to the double size";
	churn_fill(grown + churn->bytes, 1, 0, churn->round);
	memory = mremap(grown, churn->bytes * 2, churn->bytes, 0);
	if (memory != grown)
		return "mremap to the old size";
	return NULL;
}

/* Page tables over which the pages of scatter are spread, and moves in a round. */
#define SCATTER_TABLES 64
#define SCATTER_MOVES 8
#define TABLE_BYTES (512 * PAGE_BYTES)

static char *scatter_place(size_t page)
{
	return memory + page % SCATTER_TABLES * TABLE_BYTES + page / SCATTER_TABLES * PAGE_BYTES;
}

static bool scatter_move(char *from, char *to)
{
	return mremap(from, PAGE_BYTES, PAGE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to;
}

/* Room for all, and behind it the window through which they are seen. */
static const char *scatter_start(size_t pages, char **window)
{
	size_t i;

	memory = mmap(NULL, (SCATTER_TABLES + 1) * TABLE_BYTES, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return "addresses";
	*window = memory + SCATTER_TABLES * TABLE_BYTES;
	for (i = 0; i < pages; i++) {
		char *page = churn_map(PAGE_BYTES, MAP_PRIVATE);

		churn_fill(page, 1, i, 0);
		if (!scatter_move(page, scatter_place(i)))
			return "mremap to its first place";
	}
	return NULL;
}

/*
 * Each page comes to the window, is written there, and goes back to a place where
 * nobody accesses it: its entry is dirty in a page table that no processor used.
 */
static const char *round_scatter(struct churn *churn)
{
	size_t pages = pages_of(churn), i, page;
	static uint64_t moves;
	static char *window;
	const char *why;

	if (pages > SCATTER_TABLES * 512)
		pages = SCATTER_TABLES * 512;
	why = memory ? NULL : scatter_start(pages, &window);
	for (i = 0; i < SCATTER_MOVES && !why; i++, moves++) {
		page = moves % pages;
		if (!scatter_move(scatter_place(page), window))
			return "mremap to the window";
		if (!churn_filled(window, 1, page, moves / pages))
			return "memory changed where nobody was";
		churn_fill(window, 1, page, moves / pages + 1);
		if (!scatter_move(window, scatter_place(page)))
			return "mremap back";
	}
	return why;
}

static bool is_zero(const char *at, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (at[i * PAGE_BYTES] || at[i * PAGE_BYTES + PAGE_BYTES - 1])
			return false;
	return true;
}

/* Advice about parts: MADV_DONTNEED forgets, MADV_FREE may, MADV_PAGEOUT and MADV_COLD may not. */
static const char *round_advise(struct churn *churn)
{
	size_t pages = pages_of(churn), first, n, i;
	char *part;

	map_once(churn);
	churn_fill(memory, pages, 0, churn->round);
	n = churn_part(churn, pages, &first);
	part = memory + first * PAGE_BYTES;
	if (madvise(part, n * PAGE_BYTES, MADV_PAGEOUT) && errno != EINVAL)
		return "MADV_PAGEOUT";
	if (!churn_filled(memory, pages, 0, churn->round))
		return "memory changed by MADV_PAGEOUT";
	if (madvise(part, n * PAGE_BYTES, MADV_COLD) && errno != EINVAL)
		return "MADV_COLD";
	churn_fill(part, n, first, churn->round + 1);
	if (madvise(part, n * PAGE_BYTES, MADV_FREE))
		return "MADV_FREE";
	for (i = 0; i < n; i++)
		if (!churn_filled(part + i * PAGE_BYTES, 1, first + i, churn->round + 1) &&
		    !is_zero(part + i * PAGE_BYTES, 1))
			return "neither old nor zero after MADV_FREE";
	churn_fill(part, n, first, churn->round + 2);
	if (!churn_filled(part, n, first, churn->round + 2))
		return "memory lost what was written after MADV_FREE";
	if (madvise(part, n * PAGE_BYTES, MADV_DONTNEED))
		return "MADV_DONTNEED";
	if (!is_zero(part, n))
		return "not zero after MADV_DONTNEED";
	return NULL;
}

/* Pages that are equal, and so may be merged, then some that differ again. */
static const char *round_merge(struct churn *churn)
{
	size_t pages = pages_of(churn), first, n, i;

	if (!memory) {
		map_once(churn);
		/* A kernel without it has nothing to merge. */
		if (madvise(memory, churn->bytes, MADV_MERGEABLE) && errno != EINVAL)
			return "MADV_MERGEABLE";
	}
	for (i = 0; i < pages; i++)
		churn_fill(memory + i * PAGE_BYTES, 1, 0, churn->round / 8);
	sleep_ns(50 * NS_PER_MS);
	for (i = 0; i < pages; i++)
		if (!churn_filled(memory + i * PAGE_BYTES, 1, 0, churn->round / 8))
			return "equal pages are no longer equal";
	n = churn_part(churn, pages, &first);
	churn_fill(memory + first * PAGE_BYTES, n, first, ~churn->round);
	if (!churn_filled(memory + first * PAGE_BYTES, n, first, ~churn->round))
		return "pages lost what made them differ";
	return NULL;
}

static const char *clear_soft_dirty(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, "4", 1) == 1;

	close(fd);
	return ok ? NULL : "clear_refs";
}

/* Clears its own soft-dirty bits between writes, as a checkpointer of processes does. */
static const char *round_softdirty(struct churn *churn)
{
	size_t pages = pages_of(churn), first, n;
	const char *wrong;

	map_once(churn);
	churn_fill(memory, pages, 0, churn->round);
	wrong = clear_soft_dirty();
	if (wrong)
		return wrong;
	n = churn_part(churn, pages, &first);
	churn_fill(memory + first * PAGE_BYTES, n, first, churn->round);
	wrong = clear_soft_dirty();
	if (!wrong && !churn_filled(memory, pages, 0, churn->round))
		wrong = "memory has changed";
	return wrong;
}

/* Mapped, written, unmapped at once: the pages go where nobody sees them any more. */
static const char *round_unmap(struct churn *churn)
{
	char *at = churn_map(churn->bytes, MAP_PRIVATE);
	size_t first, n = churn_part(churn, pages_of(churn), &first);
	bool ok;

	churn_fill(at, pages_of(churn), 0, churn->round);
	munmap(at + first * PAGE_BYTES, n * PAGE_BYTES);
	ok = churn_filled(at, first, 0, churn->round);
	munmap(at, churn->bytes);
	return ok ? NULL : "memory has changed";
}

const struct churn_kind churn_memory[] = {
	{ "protect", round_protect },	  { "remap", round_remap },
	{ "scatter", round_scatter },	  { "advise", round_advise },
	{ "merge", round_merge },	  { "unmap", round_unmap },
	{ "softdirty", round_softdirty }, { 0 },
};
