/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is in the folder of a backup: manifest.json. A folder may come from anywhere, so nothing
 * of it is believed before it is checked.
 */
#ifndef STILLPOINT_MANIFEST_H
#define STILLPOINT_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "disks.h"

#define MANIFEST_NAME "manifest.json"
#define MANIFEST_VERSION 1

/**
 * struct manifest_file - one file of the folder
 * @name: in the folder, without a slash; "" if there is none
 * @sha256: in hexadecimal
 */
struct manifest_file {
	char name[64];
	uint64_t bytes;
	char sha256[DIGEST_HEX];
};

/**
 * struct manifest - all of it
 * @domain: the guest's name
 * @created: when the guest held still; seconds since 1970
 * @quiesced: the guest's file systems were frozen
 * @encrypted: the memory image is
 * @memory: the memory image
 * @config: the configuration, as libxl has it in JSON
 * @disks: the disks, with where they were
 * @files: the file of each disk
 */
struct manifest {
	char *domain;
	uint64_t created;
	bool quiesced;
	bool encrypted;
	struct manifest_file memory;
	struct manifest_file config;
	struct disks disks;
	struct manifest_file *files;
};

/* Fill in @file for the file @name of the folder @dir, by reading it. 0 or -1, recorded. */
int manifest_measure(struct manifest_file *file, int dir, const char *name);

/* Write it into the folder @dir. Returns 0, or -1 with an error recorded. */
int manifest_write(const struct manifest *m, int dir);

/* Read it from there, and check all but the digests. Returns 0, or -1 with an error recorded. */
int manifest_read(struct manifest *m, int dir);

/* Open the file @file of the folder @dir and check its size. Returns it, or -1, recorded. */
int manifest_open(const struct manifest_file *file, int dir);

/* As manifest_open(), and check its digest. */
int manifest_open_checked(const struct manifest_file *file, int dir);

/* Check all files. Returns 0, or -1 with an error recorded. */
int manifest_check(const struct manifest *m, int dir);

void manifest_free(struct manifest *m);

#endif /* STILLPOINT_MANIFEST_H */
