// SPDX-License-Identifier: GPL-2.0
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <lz4.h>
#include <zstd.h>

#include "codec.h"
#include "msg.h"

static const char *const names[] = {
	[STILLPOINT_CODEC_NONE] = "none",
	[STILLPOINT_CODEC_LZ4] = "lz4",
	[STILLPOINT_CODEC_ZSTD] = "zstd",
};

/**
 * struct codec - state of the libraries
 * @lz4: NULL unless it compresses by lz4
 * @zstd: NULL unless it compresses by zstd
 * @unzstd: NULL until zstd decompresses
 */
struct codec {
	struct codec_choice choice;
	void *lz4;
	ZSTD_CCtx *zstd;
	ZSTD_DCtx *unzstd;
};

const char *codec_name(uint32_t codec)
{
	return codec < sizeof(names) / sizeof(names[0]) ? names[codec] : NULL;
}

static int codec_parse_level(const char *text, int *level)
{
	long value;
	char *end;

	value = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || value < 1 || value > ZSTD_maxCLevel())
		return msg_error("zstd has no level '%s'; it has 1 to %d", text, ZSTD_maxCLevel());
	*level = value;
	return 0;
}

int codec_parse(const char *text, struct codec_choice *choice)
{
	unsigned int i;

	choice->level = CODEC_ZSTD_LEVEL;
	if (!strncmp(text, "zstd:", 5)) {
		choice->codec = STILLPOINT_CODEC_ZSTD;
		return codec_parse_level(text + 5, &choice->level);
	}
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]))
			continue;
		choice->codec = i;
		return 0;
	}
	return msg_error("there is no compression '%s'; there are zstd, zstd:LEVEL, lz4 and none",
			 text);
}

/*
 * zstd takes longer matches for its fastest level when it has more than 256 KiB, which a
 * frame is too short for: with those of 6 bytes, as below that, it becomes 2 % smaller.
 */
#define CODEC_FAST_MATCH 6

static int codec_zstd_set(ZSTD_CCtx *zstd, int level)
{
	if (ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, level)))
		return -1;
	if (level == 1 &&
	    ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_minMatch, CODEC_FAST_MATCH)))
		return -1;
	return 0;
}

struct codec *codec_new(const struct codec_choice *choice)
{
	struct codec *codec = calloc(1, sizeof(*codec));

	if (!codec)
		goto fail;
	codec->choice = *choice;
	if (choice->codec == STILLPOINT_CODEC_LZ4) {
		codec->lz4 = malloc(LZ4_sizeofState());
		if (!codec->lz4)
			goto fail;
	}
	if (choice->codec == STILLPOINT_CODEC_ZSTD) {
		codec->zstd = ZSTD_createCCtx();
		if (!codec->zstd || codec_zstd_set(codec->zstd, choice->level))
			goto fail;
	}
	return codec;

fail:
	codec_free(codec);
	msg_error("out of memory for compression");
	return NULL;
}

void codec_free(struct codec *codec)
{
	if (!codec)
		return;
	free(codec->lz4);
	ZSTD_freeCCtx(codec->zstd);
	ZSTD_freeDCtx(codec->unzstd);
	free(codec);
}

size_t codec_bound(const struct codec_choice *choice, size_t size)
{
	switch (choice->codec) {
	case STILLPOINT_CODEC_LZ4:
		return size <= LZ4_MAX_INPUT_SIZE ? (size_t)LZ4_compressBound(size) : size;
	case STILLPOINT_CODEC_ZSTD:
		return ZSTD_compressBound(size);
	default:
		return size;
	}
}

static size_t codec_lz4(struct codec *codec, const void *src, size_t size, void *dst, size_t room)
{
	int n;

	if (size > LZ4_MAX_INPUT_SIZE)
		return 0;
	n = LZ4_compress_fast_extState(codec->lz4, src, dst, size, room > INT_MAX ? INT_MAX : room,
				       1);
	return n > 0 ? n : 0;
}

size_t codec_compress(struct codec *codec, const void *src, size_t size, void *dst, size_t room)
{
	size_t n = 0;

	if (codec->choice.codec == STILLPOINT_CODEC_LZ4)
		n = codec_lz4(codec, src, size, dst, room);
	if (codec->choice.codec == STILLPOINT_CODEC_ZSTD)
		n = ZSTD_compress2(codec->zstd, dst, room, src, size);
	/* zstd's errors are values that no size has. */
	return n < size ? n : 0;
}

/*
 * Several frames of zstd behind each other, or such that are skipped, are none of ours; nor are
 * those of its first versions, which a library may or may not know.
 */
static int codec_unzstd(struct codec *codec, const void *src, size_t stored, void *dst, size_t raw)
{
	static const uint8_t magic[] = { 0x28, 0xb5, 0x2f, 0xfd };

	if (stored < sizeof(magic) || memcmp(src, magic, sizeof(magic)) ||
	    ZSTD_findFrameCompressedSize(src, stored) != stored)
		return -1;
	if (!codec->unzstd)
		codec->unzstd = ZSTD_createDCtx();
	if (!codec->unzstd)
		return msg_error("out of memory to decompress");
	return ZSTD_decompressDCtx(codec->unzstd, dst, raw, src, stored) == raw ? 0 : -1;
}

int codec_decompress(struct codec *codec, uint32_t which, const void *src, size_t stored, void *dst,
		     size_t raw)
{
	switch (which) {
	case STILLPOINT_CODEC_NONE:
		if (stored != raw)
			return -1;
		memcpy(dst, src, raw);
		return 0;
	case STILLPOINT_CODEC_LZ4:
		if (stored > INT_MAX || raw > INT_MAX)
			return -1;
		return LZ4_decompress_safe(src, dst, stored, raw) == (int)raw ? 0 : -1;
	case STILLPOINT_CODEC_ZSTD:
		return codec_unzstd(codec, src, stored, dst, raw);
	default:
		return -1;
	}
}
