// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* pwritev */
#include <errno.h>
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

static struct placer *placer_of(struct image *img)
{
	return (struct placer *)img;
}

static int placer_flush(struct image *img)
{
	struct placer *p = placer_of(img);
	ssize_t size = p->n * PAGE_BYTES;

	if (size && pwritev(p->fd, p->run, p->n, p->offset + p->first * PAGE_BYTES) != size)
		return msg_error("cannot write the memory: %s", strerror(errno));
	p->n = 0;
	return 0;
}

static int placer_page(struct image *img, const struct image_page *page)
{
	struct placer *p = placer_of(img);

	if (page->pfn >= p->pfns)
		return msg_error("pfn %#llx does not fit the memory",
				 (unsigned long long)page->pfn);
	if (page->kind != STILLPOINT_PAGE_DATA)
		return 0;
	if (p->n && (p->n == PLACER_RUN || page->pfn != p->first + p->n) && placer_flush(img))
		return -1;
	if (!p->n)
		p->first = page->pfn;
	p->run[p->n].iov_base = (void *)page->data;
	p->run[p->n++].iov_len = PAGE_BYTES;
	return 0;
}

static int placer_tail(struct image *img, const struct image_tail *tail)
{
	(void)tail;
	placer_of(img)->complete = true;
	return placer_flush(img);
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

void placer_init(struct placer *p, int fd, uint64_t offset, uint64_t pfns)
{
	memset(p, 0, sizeof(*p));
	p->img.ops = &placer_ops;
	p->fd = fd;
	p->offset = offset;
	p->pfns = pfns;
}
