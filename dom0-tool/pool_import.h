/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tmem pools of an image on their way into the store, which keeps them for a domain
 * that does not exist yet; see tmem/protocol.h. What is not bound when the last process closes
 * the connection is gone from there.
 */
#ifndef STILLPOINT_POOL_IMPORT_H
#define STILLPOINT_POOL_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "image/image.h"
#include "tmem/protocol.h"

/**
 * struct pool_import - an import
 * @fd: the connection, -1 if there is none; processes may share it that do not use it at
 *	the same time
 * @why: why there is none
 * @hello: what the store is
 * @begun: the store knows what will come
 * @ended: it has all of it
 * @token: tells the store which pools to bind; 0 until it is known
 * @head: the last TMEM_POOLS
 * @pools: its pools
 * @out: the records that were not sent yet, out->size bytes
 * @codec: for pages that the store cannot decompress
 */
struct pool_import {
	int fd;
	char why[256];
	struct tmem_hello_reply hello;
	bool begun;
	bool ended;
	uint64_t token;
	struct stillpoint_tmem_pools head;
	struct stillpoint_tmem_pool pools[STILLPOINT_TMEM_POOLS_MAX];
	struct tmem_records *out;
	struct codec *codec;
};

/*
 * Connect to the daemon at @path. That none runs there is an error of whatever needs it
 * later. 0, or -1 with an error recorded. pool_import_close() is due in both cases.
 */
int pool_import_open(struct pool_import *imp, const char *path);

void pool_import_close(struct pool_import *imp);

/* All below return 0, or -1 with an error recorded. */

/* See if a store runs and has room for what @head expects. */
int pool_import_check(const struct pool_import *imp, const struct stillpoint_tmem_pools *head);

/*
 * See if a store runs and has room for what @head, the image's first TMEM_POOLS, expects,
 * and tell it of that.
 */
int pool_import_begin(struct pool_import *imp, const struct stillpoint_tmem_pools *head);

/* Send a part of the pools, which was checked; begins if that was not done. */
int pool_import_take(struct pool_import *imp, const struct image_tmem *part);

/* That was all of it; nothing happens if there was nothing. */
int pool_import_end(struct pool_import *imp);

/* Give the pools of @token to @domid, which has not run yet. */
int pool_import_bind(struct pool_import *imp, uint64_t token, uint32_t domid);

#endif /* STILLPOINT_POOL_IMPORT_H */
