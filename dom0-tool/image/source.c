// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checksum.h"
#include "mapped_source.h"
#include "msg.h"
#include "packed_source.h"
#include "reader.h"
#include "signals.h"
#include "source.h"
#include "xl_format.h"
#include "xl_source.h"

/* Read the first bytes, fewer if there are not as many. Returns 0 or -1, recorded. */
static int source_peek(struct source *peek)
{
	ssize_t n;

	while (peek->npeeked < sizeof(peek->peeked)) {
		if (signals_check())
			return -1;
		if (peek->seekable)
			n = pread(peek->fd, peek->peeked + peek->npeeked,
				  sizeof(peek->peeked) - peek->npeeked, peek->npeeked);
		else
			n = read(peek->fd, peek->peeked + peek->npeeked,
				 sizeof(peek->peeked) - peek->npeeked);
		if (n < 0 && reader_try_again(peek->fd))
			continue;
		if (n < 0)
			return msg_error("cannot read the image: %s", strerror(errno));
		if (!n)
			break;
		peek->npeeked += n;
	}
	return 0;
}

static struct source *source_packed(const struct stillpoint_image_header *h)
{
	struct source *src = packed_source_new();

	if (src)
		src->info.encrypted = h->mandatory & STILLPOINT_IMAGE_ENCRYPTED;
	return src;
}

/* A layout that is none of ours. The checksum tells a new one from damage. */
static void source_unknown_layout(const struct stillpoint_image_header *h)
{
	uint8_t sum[16];

	checksum_128(h, offsetof(struct stillpoint_image_header, checksum), sum);
	if (memcmp(sum, h->checksum, sizeof(sum)))
		msg_error("the image is damaged: its header has a wrong checksum");
	else
		msg_error("the image is of the unknown layout %u; a newer tool is needed",
			  h->layout);
}

/* Of Stillpoint's own header: its version, then its layout. NULL with an error recorded. */
static struct source *source_own(const struct source *peek)
{
	struct stillpoint_image_header h = { .version = 0 };

	if (peek->npeeked < sizeof(peek->peeked)) {
		msg_error("the image is cut short: it has only %zu bytes", peek->npeeked);
		return NULL;
	}
	memcpy(&h, peek->peeked, sizeof(peek->peeked));
	if (h.byteorder == __builtin_bswap32(STILLPOINT_IMAGE_BYTEORDER)) {
		msg_error("the image is of another byte order, which this tool does not read");
		return NULL;
	}
	if (h.byteorder != STILLPOINT_IMAGE_BYTEORDER) {
		msg_error("the image is damaged: byte order %#x at offset %zu", h.byteorder,
			  offsetof(struct stillpoint_image_header, byteorder));
		return NULL;
	}
	if (h.version != STILLPOINT_IMAGE_VERSION) {
		msg_error("the image has version %u, this tool knows %u; a newer tool is needed",
			  h.version, STILLPOINT_IMAGE_VERSION);
		return NULL;
	}
	if (h.layout == STILLPOINT_LAYOUT_PACKED)
		return source_packed(&h);
	if (h.layout == STILLPOINT_LAYOUT_MAPPED && peek->seekable)
		return mapped_source_new(NULL);
	if (h.layout == STILLPOINT_LAYOUT_MAPPED) {
		msg_error(
			"an image of the mapped layout cannot be read from a pipe; name its file");
		return NULL;
	}
	source_unknown_layout(&h);
	return NULL;
}

static struct source *source_xl(void)
{
	struct source *src = xl_source_new();

	if (src)
		src->info.layout = IMAGE_XL;
	return src;
}

/* The implementation for what begins as @peek does. NULL with an error recorded. */
static struct source *source_recognise(const struct source *peek)
{
	if (peek->npeeked >= STILLPOINT_IMAGE_MAGIC_SIZE &&
	    !memcmp(peek->peeked, STILLPOINT_IMAGE_MAGIC, STILLPOINT_IMAGE_MAGIC_SIZE))
		return source_own(peek);
	if (peek->npeeked < XL_MAGIC_SIZE)
		msg_error("this is no image: it has only %zu bytes", peek->npeeked);
	else if (memcmp(peek->peeked, XL_MAGIC, XL_MAGIC_SIZE))
		msg_error(
			"this is no image: it starts neither as Stillpoint's nor as 'xl save' writes it");
	else
		return source_xl();
	return NULL;
}

int source_check_encrypted(const struct source *src)
{
	if (!src->opts.must_decrypt || src->info.encrypted)
		return 0;
	return msg_error("the image is not encrypted, but a key was given");
}

struct source *source_open(int fd, const struct source_options *opts)
{
	struct source peek = { .fd = fd }, *src;
	struct stat st;

	if (fstat(fd, &st)) {
		msg_error("cannot look at the image: %s", strerror(errno));
		return NULL;
	}
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)) {
		msg_error("the image is not a regular file or a pipe");
		return NULL;
	}
	peek.seekable = S_ISREG(st.st_mode);
	if (source_peek(&peek))
		return NULL;
	src = source_recognise(&peek);
	if (!src)
		return NULL;
	src->fd = fd;
	src->seekable = peek.seekable;
	src->opts = *opts;
	src->npeeked = peek.seekable ? 0 : peek.npeeked;
	memcpy(src->peeked, peek.peeked, src->npeeked);
	if (!source_check_encrypted(src))
		return src;
	source_free(src);
	return NULL;
}

int source_pump(struct source *src, struct image *to)
{
	if (src->opts.only_side && src->info.layout != IMAGE_PACKED)
		return msg_error("this is no side file of tmem pools");
	return src->ops->pump(src, to);
}

void source_free(struct source *src)
{
	if (src)
		src->ops->free(src);
}
