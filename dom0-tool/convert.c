// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/stat.h>

#include "convert.h"
#include "image/tap.h"
#include "msg.h"
#include "page.h"
#include "signals.h"
#include "space.h"

/* vCPUs that are reckoned with; the number is only known in the end. */
#define CONVERT_VCPUS 128

/**
 * struct convert - a conversion under way
 * @checked: there is space
 */
struct convert {
	const struct source *src;
	const struct convert_options *opts;
	struct output out;
	struct image *img;
	struct tap tap;
	bool checked;
};

/* As soon as the number of pages is bounded, see if they fit. */
static int convert_p2m(void *data, const struct image_p2m *p2m)
{
	struct convert *c = data;
	uint64_t pfns = p2m->max_pfn + 1, pages = pfns, config;
	bool loose = true;
	struct stat st;

	if (c->checked)
		return 0;
	c->checked = true;
	/* In xl's layout every page is there with its bytes, in no other. */
	if (c->src->info.layout == IMAGE_XL && !fstat(c->src->fd, &st) && S_ISREG(st.st_mode)) {
		if (pages > (uint64_t)st.st_size / PAGE_BYTES)
			pages = st.st_size / PAGE_BYTES;
		loose = c->opts->image.layout == IMAGE_MAPPED;
	}
	config = c->src->info.config ? strlen(c->src->info.config) : 0;
	return space_check(&c->out, &c->opts->image,
			   image_bytes(&c->opts->image, pages, pfns, CONVERT_VCPUS, config), loose);
}

static int convert_all(struct convert *c, struct source *src)
{
	c->img = image_new(&c->out, &c->opts->image);
	if (!c->img)
		return -1;
	tap_init(&c->tap, c->img);
	c->tap.p2m = convert_p2m;
	c->tap.data = c;
	if (source_pump(src, &c->tap.img) || output_sync(&c->out))
		return -1;
	return signals_check() || output_publish(&c->out) ? -1 : 0;
}

int convert_run(struct source *src, const struct convert_options *opts, uint64_t *bytes)
{
	struct convert c = { .src = src, .opts = opts };
	int ret;

	if (output_open(&c.out, opts->path, opts->replace))
		return -1;
	ret = convert_all(&c, src);
	*bytes = c.out.length;
	if (c.img)
		c.img->ops->free(c.img);
	output_close(&c.out);
	return ret;
}
