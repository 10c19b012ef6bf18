/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file that is a guest's memory, for all that save and load it: MACHINE_SPARE frames
 * of the machine, which QEMU passes over, then the guest's pages.
 */
#ifndef STILLPOINT_BENCH_MEMORY_H
#define STILLPOINT_BENCH_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* Open it, and tell how many pages the guest has. Returns -1 with an error recorded. */
int memory_open(const char *path, uint64_t *pfns);

/* Map all of it, writable; it may have huge pages. Returns NULL with an error recorded. */
uint8_t *memory_map(const char *path, uint64_t *pfns);

void memory_unmap(uint8_t *mem, uint64_t pfns);

/* Make it, with a guest of @mib MiB of zeroes. 0 or -1, recorded. */
int memory_create(const char *path, uint64_t mib);

/*
 * Make it, filled by data_make(), and with a guest of domain_file.h in it. The file @data
 * becomes all pages of the guest that are not zero. 0 or -1, recorded.
 */
int memory_make(const char *path, const char *data, uint64_t mib, uint64_t seed);

/*
 * Compare the guests in two such files; if @but_tables is true, not the pages that an
 * image has in another form. 0 if all else is the same, or -1, recorded.
 */
int memory_compare(const char *path, const char *other, bool but_tables);

#endif /* STILLPOINT_BENCH_MEMORY_H */
