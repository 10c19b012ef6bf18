/* SPDX-License-Identifier: GPL-2.0 */
/* An image that is written nowhere: it checks that whoever writes it keeps image.h's rules. */
#ifndef STILLPOINT_FUZZ_SINK_H
#define STILLPOINT_FUZZ_SINK_H

#include <stdbool.h>

#include "image/image.h"

/* pfns that are counted by kind; an image with more is only looked at. */
#define SINK_PFNS 65536

/* Pages between two flushes whose bytes are looked at again. */
#define SINK_KEPT 64

/**
 * struct sink - such an image
 * @fail_after: calls that work before one fails; negative for none that fails
 * @failed: one did
 * @side: a side file is read, which has no head
 * @head: given; so on
 * @pfns: as the p2m says
 * @kinds: of each pfn what came last, 0 if nothing did
 * @page: given since the last flush; so on
 * @sum: checksum that their bytes had
 */
struct sink {
	struct image img;
	int fail_after;
	bool failed;
	bool side;
	bool head;
	bool tail;
	bool pools;
	uint64_t pfns;
	uint8_t kinds[SINK_PFNS];
	struct image_page page[SINK_KEPT];
	uint64_t sum[SINK_KEPT];
	unsigned int kept;
};

void sink_init(struct sink *sink, int fail_after);

/* Check that @pages, by kind, are those that were given. */
void sink_check_pages(const struct sink *sink, const uint64_t pages[4]);

#endif /* STILLPOINT_FUZZ_SINK_H */
