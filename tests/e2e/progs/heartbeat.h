/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters in a mapped file, by which a program under way shows that each of
 * its parts goes on. The program heartbeats reads them.
 */
#ifndef E2E_HEARTBEAT_H
#define E2E_HEARTBEAT_H

#include <stdatomic.h>
#include <stdint.h>

#define HEARTBEAT_MAGIC 0x5441454254524548ULL
#define HEARTBEAT_PARTS 32

/**
 * struct heartbeat - one part of a program
 * @name: of the part
 * @beats: only grows, at least once a second while the part is alive
 * @errors: what it found wrong
 */
struct heartbeat {
	char name[16];
	atomic_uint_least64_t beats;
	atomic_uint_least64_t errors;
};

struct heartbeat_file {
	uint64_t magic;
	uint64_t parts;
	struct heartbeat part[HEARTBEAT_PARTS];
};

/* Makes the file, or memory without a file for a NULL @path. Ends the program on error. */
struct heartbeat_file *heartbeat_create(const char *path);
/* A new part; @name is cut off at 15 characters. */
struct heartbeat *heartbeat_add(struct heartbeat_file *file, const char *name);
/* Maps an existing file for reading. Ends the program on error. */
const struct heartbeat_file *heartbeat_open(const char *path);

#endif /* E2E_HEARTBEAT_H */
