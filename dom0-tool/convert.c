// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/stat.h>

#include "convert.h"
#include "image/side_writer.h"
#include "image/tap.h"
#include "input.h"
#include "msg.h"
#include "page.h"
#include "signals.h"
#include "space.h"

/* vCPUs that are reckoned with; the number is only known in the end. */
#define CONVERT_VCPUS 128

/**
 * struct convert - a conversion under way
 * @side_out: the side file
 * @side: its writer, NULL if none is asked for
 * @side_in: the side file of the image that is read
 * @checked: there is space
 */
struct convert {
	const struct source *src;
	const struct convert_options *opts;
	struct output out;
	struct image *img;
	struct output side_out;
	struct image *side;
	struct input side_in;
	struct tap tap;
	bool checked;
};

static int convert_to_image(void *data, const struct image_tmem *part)
{
	return image_tmem(((struct convert *)data)->img, part);
}

/* Pass on what is in the side file of the image that is read. */
static int convert_read_side(struct convert *c)
{
	struct source_options opts = {
		.threads = c->opts->image.threads,
		.side = true,
		.only_side = true,
	};
	struct image nowhere = { .ops = NULL };
	struct tap tap;

	tap_init(&tap, &nowhere);
	tap.tmem = convert_to_image;
	tap.data = c;
	return input_open(&c->side_in, c->opts->side_path, NULL) ||
			       input_recognise(&c->side_in, &opts) ||
			       source_pump(c->side_in.src, &tap.img) ?
		       -1 :
		       0;
}

/* The pools of an image in xl's layout come before its p2m, as they do in others. */
static int convert_side(struct convert *c)
{
	bool has = source_has_side(&c->src->info);

	if (has && c->opts->image.layout == IMAGE_XL)
		return msg_error(
			"the guest's tmem pools are in a side file, which is read for another layout only; convert it to packed first");
	if (has && !c->opts->side_path)
		return msg_error(
			"the guest's tmem pools are in a side file; name it with --tmem-file");
	if (!has && c->opts->side_path)
		return msg_error("the image has no side file; leave --tmem-file out");
	return has ? convert_read_side(c) : 0;
}

/* Now that all was read, see that both belong together. */
static int convert_tail(void *data)
{
	struct convert *c = data;

	if (!c->opts->side_path ||
	    !memcmp(&c->side_in.src->info.xl, &c->src->info.xl, sizeof(c->src->info.xl)))
		return 0;
	return msg_error("'%s' is not the side file of this image", c->opts->side_path);
}

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
	if (convert_side(c))
		return -1;
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

static int convert_tmem(void *data, const struct image_tmem *part)
{
	return image_tmem(((struct convert *)data)->side, part);
}

static int convert_open_side(struct convert *c)
{
	if (!c->opts->tmem_path)
		return 0;
	if (output_open_side(&c->side_out, c->opts->tmem_path, &c->out))
		return -1;
	c->side = side_writer_new(&c->side_out);
	c->tap.tmem = convert_tmem;
	return c->side ? 0 : -1;
}

static int convert_end_side(struct convert *c)
{
	if (!c->side)
		return 0;
	return side_writer_end(c->side, c->img) || output_sync(&c->side_out) ? -1 : 0;
}

static int convert_all(struct convert *c, struct source *src)
{
	struct image_options image = c->opts->image;

	image.side = c->opts->tmem_path;
	c->img = image_new(&c->out, &image);
	if (!c->img)
		return -1;
	tap_init(&c->tap, c->img);
	c->tap.p2m = convert_p2m;
	c->tap.tail = convert_tail;
	c->tap.data = c;
	if (convert_open_side(c) || source_pump(src, &c->tap.img) || convert_end_side(c) ||
	    output_sync(&c->out))
		return -1;
	return signals_check() || output_publish_both(&c->out, c->side ? &c->side_out : NULL) ? -1 :
												0;
}

int convert_run(struct source *src, const struct convert_options *opts, uint64_t *bytes)
{
	struct convert c = { .src = src,
			     .opts = opts,
			     .side_out = { .fd = -1, .dir = -1 },
			     .side_in = { .fd = -1 } };
	int ret;

	if (output_open(&c.out, opts->path, opts->replace))
		return -1;
	ret = convert_all(&c, src);
	*bytes = c.out.length;
	if (c.img)
		c.img->ops->free(c.img);
	if (c.side)
		c.side->ops->free(c.side);
	output_close(&c.side_out);
	input_close(&c.side_in);
	output_close(&c.out);
	return ret;
}
