// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "tap.h"

static struct tap *tap_of(struct image *img)
{
	return (struct tap *)img;
}

static int tap_judge(struct tap *tap, int ret)
{
	if (ret)
		tap->failed = true;
	return ret;
}

static int tap_head(struct image *img, const struct image_head *head)
{
	struct tap *tap = tap_of(img);
	struct image_head changed = *head;

	if (tap->config)
		changed.config = tap->config;
	return tap_judge(tap, tap->to->ops->head(tap->to, &changed));
}

static int tap_p2m(struct image *img, const struct image_p2m *p2m)
{
	struct tap *tap = tap_of(img);

	if (tap->p2m && tap->p2m(tap->data, p2m))
		return tap_judge(tap, -1);
	return tap_judge(tap, tap->to->ops->p2m(tap->to, p2m));
}

static int tap_page(struct image *img, const struct image_page *page)
{
	struct tap *tap = tap_of(img);

	return tap_judge(tap, tap->to->ops->page(tap->to, page));
}

static int tap_tmem(struct image *img, const struct image_tmem *part)
{
	struct tap *tap = tap_of(img);

	if (tap->tmem)
		return tap->tmem(tap->data, part);
	return tap_judge(tap, image_tmem(tap->to, part));
}

static int tap_flush(struct image *img)
{
	struct tap *tap = tap_of(img);

	return tap_judge(tap, tap->to->ops->flush(tap->to));
}

static int tap_read(struct image *img, uint64_t pfn, void *data)
{
	struct tap *tap = tap_of(img);

	return tap_judge(tap, tap->to->ops->read(tap->to, pfn, data));
}

static int tap_tail(struct image *img, const struct image_tail *tail)
{
	struct tap *tap = tap_of(img);

	if (tap->tail && tap->tail(tap->data))
		return -1;
	return tap_judge(tap, tap->to->ops->tail(tap->to, tail));
}

static void tap_free(struct image *img)
{
	(void)img;
}

static const struct image_ops tap_ops = {
	.head = tap_head,
	.p2m = tap_p2m,
	.page = tap_page,
	.tmem = tap_tmem,
	.flush = tap_flush,
	.read = tap_read,
	.tail = tap_tail,
	.free = tap_free,
};

void tap_init(struct tap *tap, struct image *to)
{
	memset(tap, 0, sizeof(*tap));
	tap->img.ops = &tap_ops;
	tap->img.out = to->out;
	tap->to = to;
}
