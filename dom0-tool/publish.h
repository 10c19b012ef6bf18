/* SPDX-License-Identifier: GPL-2.0 */
/* What a module published in xenstore. The guest wrote it: nothing is believed. */
#ifndef STILLPOINT_PUBLISH_H
#define STILLPOINT_PUBLISH_H

#include <stdint.h>

/**
 * struct publish - checked values
 * @abi: STILLPOINT_XS_ABI
 * @ref: grant reference of the control page
 * @port: the guest's event channel port
 * @features: STILLPOINT_FEATURE_*
 * @version: of the module; printable ASCII
 */
struct publish {
	uint32_t abi;
	uint32_t ref;
	uint32_t port;
	uint64_t features;
	char version[33];
};

/* The longest value that is looked at, in bytes. */
#define PUBLISH_VALUE_MAX 63

/*
 * Reads the value of @key under STILLPOINT_XS_DIR into @value, NUL terminated.
 * Returns its length in bytes (which may be larger than what was stored, and
 * then is refused), or -ENOENT if there is none, or another negative errno.
 */
typedef int (*publish_get)(void *arg, const char *key, char value[PUBLISH_VALUE_MAX + 1]);

/*
 * Read and check all keys. Returns 0, or -1 with an error recorded. An ABI
 * other than ours is an error, after pub->abi and pub->version are filled in.
 */
int publish_read(struct publish *pub, publish_get get, void *arg);

/**
 * struct publish_quiesce - of the quiesce page
 * @ref: its grant reference
 * @port: the guest's event channel port
 */
struct publish_quiesce {
	uint32_t ref;
	uint32_t port;
};

/* Read and check the keys of a module that can quiesce. Returns 0, or -1, recorded. */
int publish_read_quiesce(struct publish_quiesce *pub, publish_get get, void *arg);

/* True if a module published anything. */
int publish_present(publish_get get, void *arg);

#endif /* STILLPOINT_PUBLISH_H */
