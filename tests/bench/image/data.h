/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory as a guest's might be, made from a seed: the same bytes for the same seed and
 * size. Of each MiB a quarter are zero pages, in runs of 1 to 32. The rest are extents
 * of 1 to 64 pages: 38 % text of words whose frequency falls with their rank, 32 %
 * instructions with operands, 18 % tables of structures with pointers and counters, and
 * 12 % random bytes, as of files that are compressed. zstd -1 makes the data less than half.
 */
#ifndef STILLPOINT_BENCH_DATA_H
#define STILLPOINT_BENCH_DATA_H

#include <stddef.h>
#include <stdint.h>

#define DATA_BLOCK (1u << 20)

/* Fill @blocks blocks at @mem, which are zero, with @threads threads. 0 or -1, recorded. */
int data_make(uint8_t *mem, size_t blocks, uint64_t seed, unsigned int threads);

#endif /* STILLPOINT_BENCH_DATA_H */
