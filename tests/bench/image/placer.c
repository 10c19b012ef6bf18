// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "msg.h"
#include "page.h"
#include "placer.h"

static int placer_head(struct image *img, const struct image_head *head)
{
	(void)img;
	(void)head;
	return 0;
}

static int placer_p2m(struct image *img, const struct image_p2m *p2m)
{
	(void)img;
	(void)p2m;
	return 0;
}

static int placer_page(struct image *img, const struct image_page *page)
{
	struct placer *p = (struct placer *)img;

	if (page->pfn >= p->pfns)
		return msg_error("pfn %#llx does not fit the memory",
				 (unsigned long long)page->pfn);
	if (page->kind != STILLPOINT_PAGE_DATA)
		return 0;
	memcpy(p->mem + page->pfn * PAGE_BYTES, page->data, PAGE_BYTES);
	p->pages++;
	return 0;
}

static int placer_flush(struct image *img)
{
	(void)img;
	return 0;
}

static int placer_tail(struct image *img, const struct image_tail *tail)
{
	(void)tail;
	((struct placer *)img)->complete = true;
	return 0;
}

static void placer_free(struct image *img)
{
	(void)img;
}

static const struct image_ops placer_ops = {
	.head = placer_head,
	.p2m = placer_p2m,
	.page = placer_page,
	.flush = placer_flush,
	.tail = placer_tail,
	.free = placer_free,
};

void placer_init(struct placer *p, uint8_t *mem, uint64_t pfns)
{
	memset(p, 0, sizeof(*p));
	p->img.ops = &placer_ops;
	p->mem = mem;
	p->pfns = pfns;
}
