// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <stillpoint/trailer.h>

#include "check.h"
#include "libxc_check.h"
#include "msg.h"
#include "reader.h"
#include "xl_format.h"

/* More than any configuration needs; xl itself takes what is there. */
#define CHECK_OPTIONAL_MAX (64u << 20)

static int check_envelope_header(struct reader *r, struct xl_header *h)
{
	if (r->size < sizeof(h->magic))
		return msg_error("this is no image: the file has only %llu bytes",
				 (unsigned long long)r->size);
	if (reader_read(r, h, sizeof(*h), "xl's header"))
		return -1;
	if (memcmp(h->magic, XL_MAGIC, XL_MAGIC_SIZE))
		return msg_error("this is no image: it does not start as 'xl save' writes it");
	if (h->byteorder != XL_BYTEORDER)
		return msg_error("the image is damaged or of another byte order: %#x at offset %u",
				 h->byteorder, XL_MAGIC_SIZE);
	if (h->mandatory_flags & ~(XL_FLAG_JSON | XL_FLAG_STREAMV2))
		return msg_error(
			"the image has unknown mandatory flags %#x; a newer tool is needed",
			h->mandatory_flags);
	if (!(h->mandatory_flags & XL_FLAG_STREAMV2))
		return msg_error("the image is of a Xen before 4.6, which is not supported");
	if (h->optional_length > CHECK_OPTIONAL_MAX)
		return msg_error("the image is damaged: optional data of %u bytes at offset %zu",
				 h->optional_length, sizeof(*h));
	return 0;
}

/* What stands behind the configuration: nothing, our mark, or what nobody reads. */
static int check_mark(const uint8_t *data, uint32_t left, struct image_info *info)
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
	info->marked = true;
	return 0;
}

static int check_optional(const uint8_t *data, const struct xl_header *h, struct image_info *info)
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
		if (!length || data[length - 1] || memchr(data, 0, length - 1))
			return msg_error(
				"the image is damaged: the configuration at offset %zu is no string",
				sizeof(*h) + sizeof(length));
		info->config = strdup((const char *)data);
		if (!info->config)
			return msg_error("out of memory for the configuration");
	}
	return check_mark(data + length, h->optional_length - sizeof(length) - length, info);
}

static int check_envelope(struct reader *r, struct image_info *info)
{
	struct xl_header h;
	uint8_t *data;
	int ret;

	if (check_envelope_header(r, &h))
		return -1;
	data = malloc(h.optional_length + 1);
	if (!data)
		return msg_error("out of memory for the configuration");
	ret = reader_read(r, data, h.optional_length, "xl's optional data");
	if (!ret)
		ret = check_optional(data, &h, info);
	free(data);
	info->mandatory_flags = h.mandatory_flags;
	info->stream = r->offset;
	return ret;
}

static int check_libxl_header(struct reader *r)
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
static int check_libxl_record(struct reader *r, struct image_info *info, bool *context)
{
	uint64_t at = r->offset;
	struct record_header h;
	int ret = -1;

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
		return libxc_check(r, info);
	case LIBXL_EMULATOR_XENSTORE_DATA:
	case LIBXL_EMULATOR_CONTEXT:
		if (!*context || !info->hvm || h.length < 8)
			break;
		ret = reader_skip(r, ((uint64_t)h.length + 7) & ~7ull, "emulator state");
		return ret;
	}
	return msg_error(
		"the image is damaged: libxl record of type %#x with %u bytes at offset %llu",
		h.type, h.length, (unsigned long long)at);
}

static int check_libxl(struct reader *r, struct image_info *info)
{
	bool context = false;
	int ret;

	if (check_libxl_header(r))
		return -1;
	do
		ret = check_libxl_record(r, info, &context);
	while (!ret);
	return ret < 0 ? -1 : 0;
}

static int check_trailer_fields(const struct stillpoint_image_trailer *t, uint64_t at)
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

static int check_trailer(struct reader *r, const struct image_info *info)
{
	struct stillpoint_image_trailer trailer;
	uint64_t at = r->offset;
	uint8_t digest[16];

	/* `xl save` ends its files here. */
	if (at == r->size && !info->marked)
		return 0;
	reader_digest(r, digest);
	if (reader_read(r, &trailer, sizeof(trailer), "the trailer"))
		return -1;
	if (check_trailer_fields(&trailer, at))
		return -1;
	if (memcmp(digest, trailer.digest, sizeof(digest)))
		return msg_error("the image is damaged: its digest does not match");
	if (r->offset != r->size)
		return msg_error("the image is damaged: %llu bytes follow its end at offset %llu",
				 (unsigned long long)(r->size - r->offset),
				 (unsigned long long)r->offset);
	return 0;
}

int image_check(int fd, struct image_info *info)
{
	struct reader r;
	int ret = -1;

	memset(info, 0, sizeof(*info));
	if (reader_open(&r, fd))
		return -1;
	if (!check_envelope(&r, info) && !check_libxl(&r, info))
		ret = check_trailer(&r, info);
	reader_close(&r);
	if (ret) {
		free(info->config);
		info->config = NULL;
	}
	return ret;
}
