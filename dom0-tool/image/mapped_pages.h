/* SPDX-License-Identifier: GPL-2.0 */
/* Reading the pages of a mapped image, each of which is checked. */
#ifndef STILLPOINT_MAPPED_PAGES_H
#define STILLPOINT_MAPPED_PAGES_H

#include "ioqueue.h"
#include "source.h"

/**
 * struct mapped_pages - what to read
 * @fd: the file, long enough for all of them
 * @data: offset of the first page
 * @places: of which each is checked by mapped_place_check()
 * @n: their number
 * @to: where they go, with flushes; NULL for nowhere
 * @io: a test's, or NULL
 * @progress: as of struct source_options; @done is counted on from what it is
 */
struct mapped_pages {
	int fd;
	uint64_t data;
	const struct stillpoint_place *places;
	uint64_t n;
	struct image *to;
	const struct ioqueue_options *io;
	void (*progress)(uint64_t done, uint64_t total);
	uint64_t done;
	uint64_t total;
};

/* True if @place is one that can be. */
bool mapped_place_check(const struct stillpoint_place *place);

/*
 * Read all, and check that what is no data is zeroes in the file. They are passed on in
 * order of their pfns; page tables come last. 0 or -1, recorded.
 */
int mapped_pages_read(struct mapped_pages *pages);

#endif /* STILLPOINT_MAPPED_PAGES_H */
