/* SPDX-License-Identifier: GPL-2.0 */
/* QEMU saving and loading the memory that its arguments name. */
#ifndef STILLPOINT_BENCH_PEER_H
#define STILLPOINT_BENCH_PEER_H

#include "usage.h"

/* Ways of QEMU's; the last two are its stream through a compressor and a pipe. */
enum peer_way {
	PEER_MAPPED, /* mapped-ram, multifd of 2 channels, direct-io */
	PEER_CACHED, /* the same without direct-io */
	PEER_ZSTD,
	PEER_LZ4,
};

/* Understand "mapped", "cached", "zstd" or "lz4". 0, or -1 with an error recorded. */
int peer_parse(const char *text, enum peer_way *way);

/*
 * Start @argv, have it save to the file @image, or load from it, and measure from the
 * command until it completed and, for a save, the data are on disk. @image has nothing
 * in it that a shell understands. 0 or -1, recorded.
 */
int peer_save(enum peer_way way, const char *image, char *const argv[], struct usage *usage);
int peer_load(enum peer_way way, const char *image, char *const argv[], struct usage *usage);

#endif /* STILLPOINT_BENCH_PEER_H */
