// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <stillpoint/trailer.h>

#include "libxc_reader.h"
#include "msg.h"
#include "reader.h"
#include "xl_format.h"
#include "xl_source.h"

/* More than any configuration needs; xl itself takes what is there. */
#define XL_OPTIONAL_MAX (64u << 20)

/**
 * struct xl_source - the source
 * @marked: Stillpoint wrote it, so that it has a trailer
 * @config: owned; NULL if it has none in JSON
 * @stream: offset of libxl's header
 */
struct xl_source {
	struct source src;
	struct reader r;
	struct libxc_reader libxc;
	bool marked;
	char *config;
	uint64_t stream;
};

static int xl_read_header(struct reader *r, struct xl_header *h)
{
	if (reader_read(r, h, sizeof(*h), "xl's header"))
		return -1;
	if (h->byteorder != XL_BYTEORDER)
		return msg_error("the image is damaged or of another byte order: %#x at offset %u",
				 h->byteorder, XL_MAGIC_SIZE);
	if (h->mandatory_flags & ~(XL_FLAG_JSON | XL_FLAG_STREAMV2))
		return msg_error(
			"the image has unknown mandatory flags %#x; a newer tool is needed",
			h->mandatory_flags);
	if (!(h->mandatory_flags & XL_FLAG_STREAMV2))
		return msg_error("the image is of a Xen before 4.6, which is not supported");
	if (h->optional_length > XL_OPTIONAL_MAX)
		return msg_error("the image is damaged: optional data of %u bytes at offset %zu",
				 h->optional_length, sizeof(*h));
	return 0;
}

/* What stands behind the configuration: nothing, our mark, or what nobody reads. */
static int xl_take_mark(struct xl_source *xl, const uint8_t *data, uint32_t left)
{
	struct stillpoint_image_mark mark;

	if (left != sizeof(mark))
		return 0;
	memcpy(&mark, data, sizeof(mark));
	if (mark.magic != STILLPOINT_MARK_MAGIC)
		return 0;
	if (mark.version != STILLPOINT_TRAILER_VERSION)
		return msg_error("the image has a mark of version %u, this tool knows %u",
				 mark.version, STILLPOINT_TRAILER_VERSION);
	if (mark.flags & ~STILLPOINT_MARK_SIDE)
		return msg_error("the image has the unknown mark %#x; a newer tool is needed",
				 mark.flags & ~STILLPOINT_MARK_SIDE);
	xl->marked = true;
	xl->src.info.side = mark.flags & STILLPOINT_MARK_SIDE;
	return 0;
}

static int xl_take_optional(struct xl_source *xl, const uint8_t *data, const struct xl_header *h)
{
	uint32_t length;

	if (!h->optional_length)
		return 0;
	if (h->optional_length < sizeof(length))
		return msg_error("the image is damaged: optional data of %u bytes at offset %zu",
				 h->optional_length, sizeof(*h));
	memcpy(&length, data, sizeof(length));
	if (length > h->optional_length - sizeof(length))
		return msg_error("the image is damaged: a configuration of %u bytes at offset %zu",
				 length, sizeof(*h));
	data += sizeof(length);
	if (h->mandatory_flags & XL_FLAG_JSON) {
		if (length > STILLPOINT_CONFIG_MAX + 1)
			return msg_error(
				"the configuration in the image has %u bytes, at most %u are read",
				length - 1, STILLPOINT_CONFIG_MAX);
		if (length < 2 || data[length - 1] || memchr(data, 0, length - 1))
			return msg_error(
				"the image is damaged: the configuration at offset %zu is no string",
				sizeof(*h) + sizeof(length));
		xl->config = strdup((const char *)data);
		if (!xl->config)
			return msg_error("out of memory for the configuration");
		xl->src.info.config = xl->config;
	}
	return xl_take_mark(xl, data + length, h->optional_length - sizeof(length) - length);
}

static int xl_read_envelope(struct xl_source *xl)
{
	const struct source_options *opts = &xl->src.opts;
	struct xl_header h;
	void *data;
	int ret;

	if (xl_read_header(&xl->r, &h) ||
	    reader_read_new(&xl->r, &data, h.optional_length, "xl's optional data"))
		return -1;
	ret = xl_take_optional(xl, data, &h);
	free(data);
	xl->stream = xl->r.offset;
	if (!ret && opts->config && xl->config)
		ret = opts->config(opts->data, xl->config) ? -1 : 0;
	return ret;
}

static int xl_read_libxl_header(struct reader *r)
{
	uint64_t at = r->offset;
	struct libxl_header h;

	if (reader_read(r, &h, sizeof(h), "libxl's header"))
		return -1;
	if (be64toh(h.ident) != LIBXL_IDENT || be32toh(h.version) != LIBXL_VERSION ||
	    (be32toh(h.options) & LIBXL_OPTION_BIG_ENDIAN))
		return msg_error("the image is damaged: no libxl stream at offset %llu",
				 (unsigned long long)at);
	if (be32toh(h.options) & LIBXL_OPTION_LEGACY)
		return msg_error("the image is of a Xen before 4.6, which is not supported");
	return 0;
}

/* One record of libxl's stream. Returns 1 at its end, 0 for more, -1 on an error. */
static int xl_read_record(struct xl_source *xl, bool *context)
{
	struct reader *r = &xl->r;
	uint64_t at = r->offset;
	struct record_header h;

	if (reader_read(r, &h, sizeof(h), "a libxl record"))
		return -1;
	switch (h.type) {
	case LIBXL_END:
		if (!h.length && *context)
			return 1;
		break;
	case LIBXL_LIBXC_CONTEXT:
		if (h.length || *context)
			break;
		*context = true;
		return libxc_read(&xl->libxc);
	case LIBXL_EMULATOR_XENSTORE_DATA:
	case LIBXL_EMULATOR_CONTEXT:
		/* Nothing is lost: an HVM guest's image is passed on to nobody. */
		if (!*context || !xl->src.info.hvm || h.length < 8)
			break;
		return reader_skip(r, ((uint64_t)h.length + 7) & ~7ull, "emulator state");
	}
	return msg_error(
		"the image is damaged: libxl record of type %#x with %u bytes at offset %llu",
		h.type, h.length, (unsigned long long)at);
}

static int xl_read_libxl(struct xl_source *xl)
{
	bool context = false;
	int ret;

	if (xl_read_libxl_header(&xl->r))
		return -1;
	do
		ret = xl_read_record(xl, &context);
	while (!ret);
	return ret < 0 ? -1 : 0;
}

static int xl_check_trailer(const struct stillpoint_image_trailer *t, uint64_t at)
{
	if (t->magic != STILLPOINT_TRAILER_MAGIC)
		return msg_error("the image is damaged: no trailer at offset %llu",
				 (unsigned long long)at);
	if (t->version != STILLPOINT_TRAILER_VERSION)
		return msg_error("the image has a trailer of version %u, this tool knows %u",
				 t->version, STILLPOINT_TRAILER_VERSION);
	if (t->algorithm != STILLPOINT_DIGEST_XXH3_128)
		return msg_error("the image has a digest of the unknown kind %u", t->algorithm);
	if (t->length != at)
		return msg_error(
			"the image is damaged: its trailer is for %llu bytes and stands at offset %llu",
			(unsigned long long)t->length, (unsigned long long)at);
	return 0;
}

static int xl_read_trailer(struct xl_source *xl)
{
	struct stillpoint_image_trailer trailer;
	struct reader *r = &xl->r;
	uint64_t at = r->offset;
	uint8_t digest[16];
	bool end;

	if (reader_at_end(r, &end))
		return -1;
	/* `xl save` ends its files here. */
	if (end && !xl->marked)
		return 0;
	reader_digest(r, digest);
	if (reader_read(r, &trailer, sizeof(trailer), "the trailer"))
		return -1;
	if (xl_check_trailer(&trailer, at))
		return -1;
	if (memcmp(digest, trailer.digest, sizeof(digest)))
		return msg_error("the image is damaged: its digest does not match");
	if (reader_at_end(r, &end))
		return -1;
	if (!end && r->size == READER_SIZE_UNKNOWN)
		return msg_error("the image is damaged: bytes follow its end at offset %llu",
				 (unsigned long long)r->offset);
	if (!end)
		return msg_error("the image is damaged: %llu bytes follow its end at offset %llu",
				 (unsigned long long)(r->size - r->offset),
				 (unsigned long long)r->offset);
	memcpy(xl->src.info.xl.digest, digest, sizeof(digest));
	xl->src.info.xl.length = at;
	xl->src.info.digest = true;
	return 0;
}

static int xl_give_tail(struct xl_source *xl, struct image *to)
{
	struct image_tail tail;

	return libxc_reader_tail(&xl->libxc, &tail) || to->ops->tail(to, &tail) ? -1 : 0;
}

static int xl_pump(struct source *src, struct image *to)
{
	struct xl_source *xl = (struct xl_source *)src;

	if (reader_open(&xl->r, src->fd))
		return -1;
	reader_push(&xl->r, src->peeked, src->npeeked);
	xl->libxc.r = &xl->r;
	xl->libxc.src = src;
	xl->libxc.to = to;
	if (xl_read_envelope(xl) || xl_read_libxl(xl) || xl_read_trailer(xl))
		return -1;
	src->info.bytes = xl->r.offset;
	return to ? xl_give_tail(xl, to) : 0;
}

static void xl_free(struct source *src)
{
	struct xl_source *xl = (struct xl_source *)src;

	libxc_reader_free(&xl->libxc);
	reader_close(&xl->r);
	free(xl->config);
	free(xl);
}

static const struct source_ops xl_source_ops = {
	.pump = xl_pump,
	.free = xl_free,
};

struct source *xl_source_new(void)
{
	struct xl_source *xl = calloc(1, sizeof(*xl));

	if (!xl) {
		msg_error("out of memory to read the image");
		return NULL;
	}
	xl->src.ops = &xl_source_ops;
	return &xl->src;
}

uint64_t xl_source_stream(const struct source *src)
{
	return ((const struct xl_source *)src)->stream;
}
