/* SPDX-License-Identifier: GPL-2.0 */
/* An image whose pages are put into mapped memory: what a restore is without a hypervisor. */
#ifndef STILLPOINT_BENCH_PLACER_H
#define STILLPOINT_BENCH_PLACER_H

#include "image/image.h"

/**
 * struct placer - the memory; all zero at first
 * @pages: pages put into it
 * @complete: the image was read to its end
 */
struct placer {
	struct image img;
	uint8_t *mem;
	uint64_t pfns;
	uint64_t pages;
	bool complete;
};

void placer_init(struct placer *placer, uint8_t *mem, uint64_t pfns);

#endif /* STILLPOINT_BENCH_PLACER_H */
