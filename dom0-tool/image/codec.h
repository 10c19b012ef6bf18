/* SPDX-License-Identifier: GPL-2.0 */
/* Compression of frames, by lz4 and zstd. */
#ifndef STILLPOINT_CODEC_H
#define STILLPOINT_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include <stillpoint/image.h>

#define CODEC_ZSTD_LEVEL 1 /* unless another is asked for */

/**
 * struct codec_choice - how to compress
 * @codec: one of enum stillpoint_codec
 * @level: zstd's; no meaning for the others
 */
struct codec_choice {
	enum stillpoint_codec codec;
	int level;
};

/* State that compressing or decompressing reuses; one thread at a time may use it. */
struct codec;

/* Understand "zstd", "zstd:LEVEL", "lz4" or "none". Returns 0, or -1 with an error recorded. */
int codec_parse(const char *text, struct codec_choice *choice);

/* "none", "lz4", "zstd"; NULL if there is no such codec. */
const char *codec_name(uint32_t codec);

/* NULL, with an error recorded, if there is no memory. */
struct codec *codec_new(const struct codec_choice *choice);

void codec_free(struct codec *codec);

/* Room that @size bytes may need when compressed. */
size_t codec_bound(const struct codec_choice *choice, size_t size);

/*
 * Compress @size bytes at @src into @room bytes at @dst. Returns the length, or 0 if
 * they do not become smaller, and then they are to be stored as they are.
 */
size_t codec_compress(struct codec *codec, const void *src, size_t size, void *dst, size_t room);

/*
 * Decompress @stored bytes at @src, which may be hostile, by @which into exactly @raw
 * bytes at @dst. Returns 0, or -1 if they are not that; only a lack of memory is
 * recorded.
 */
int codec_decompress(struct codec *codec, uint32_t which, const void *src, size_t stored, void *dst,
		     size_t raw);

#endif /* STILLPOINT_CODEC_H */
