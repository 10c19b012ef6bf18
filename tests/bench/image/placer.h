/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An image whose pages are written into a file that is a guest's memory: what a restore
 * is without a hypervisor. Consecutive pages are written together.
 */
#ifndef STILLPOINT_BENCH_PLACER_H
#define STILLPOINT_BENCH_PLACER_H

#include <sys/uio.h>

#include "image/image.h"

/* Pages that are written together at most. */
#define PLACER_RUN 256

/**
 * struct placer - the memory; all zero at first
 * @fd: of the file
 * @offset: of the guest's first page
 * @pfns: its pages
 * @run: pages that are not written yet
 * @n: their number
 * @first: the first one's pfn
 * @complete: the image was read to its end
 */
struct placer {
	struct image img;
	int fd;
	uint64_t offset;
	uint64_t pfns;
	struct iovec run[PLACER_RUN];
	unsigned int n;
	uint64_t first;
	bool complete;
};

void placer_init(struct placer *placer, int fd, uint64_t offset, uint64_t pfns);

#endif /* STILLPOINT_BENCH_PLACER_H */
