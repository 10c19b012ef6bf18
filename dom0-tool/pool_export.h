/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A domain's tmem pools, as a saver takes them out of the store; tmem/protocol.h has
 * what they do and in which order.
 */
#ifndef STILLPOINT_POOL_EXPORT_H
#define STILLPOINT_POOL_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tmem/protocol.h"

struct pool_export;

/**
 * struct pool_batch - some records
 * @state: whether there are more
 * @totals: of the mark, with TMEM_NEXT_END
 * @records: @size bytes of whole records, good until the next call
 */
struct pool_batch {
	enum tmem_next_state state;
	struct tmem_totals totals;
	const uint8_t *records;
	size_t size;
};

/**
 * struct pool_export_ops - an implementation of struct pool_export; all return 0, or -1
 *	with an error recorded
 * @next: take records
 * @hold: stop the ring and mark the pools; the domain is paused in its park
 * @release: ask for the end of the hold, without waiting for it
 * @released: wait for it, before anything else is asked for; an error if the hold had ended by
 *	itself
 * @close: end the export, and the hold if there is one; free all
 */
struct pool_export_ops {
	int (*next)(struct pool_export *e, struct pool_batch *batch);
	int (*hold)(struct pool_export *e);
	int (*release)(struct pool_export *e);
	int (*released)(struct pool_export *e);
	void (*close)(struct pool_export *e);
};

/**
 * struct pool_export - an export; the first member of an implementation's own
 * @begun: what there was when it began
 * @codecs: bit n: pages may have codec n
 */
struct pool_export {
	const struct pool_export_ops *ops;
	struct tmem_export_reply begun;
	uint32_t codecs;
};

/*
 * Begin an export of the pools of @domid from the daemon at @path, with the contents of
 * ephemeral ones if @ephemeral. *exp becomes NULL if it has none. @used: the domain's module
 * says that it uses tmem, so that it is an error if no daemon runs. 0 or -1, recorded.
 */
int pool_export_open(const char *path, uint32_t domid, bool ephemeral, bool used,
		     struct pool_export **exp);

/*
 * *record becomes the head of the record at *at of @batch, *data what follows it, and *at
 * moves on behind it. Returns 1, 0 if there is none, or
 * -1 with an error recorded if it is not whole.
 */
int pool_batch_next(const struct pool_batch *batch, size_t *at, struct tmem_record *record,
		    const uint8_t **data);

#endif /* STILLPOINT_POOL_EXPORT_H */
