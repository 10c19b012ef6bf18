/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The inverse of a p2m snapshot: which pfn a machine frame has. It is the
 * saver's own, so that it does not change while the guest runs on.
 */
#ifndef STILLPOINT_INVERSE_H
#define STILLPOINT_INVERSE_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct inverse - hash table with open addressing
 * @p2m: the snapshot; must outlive this
 * @slots: pfns, UINT32_MAX where free
 * @mask: number of slots - 1
 * @seed: of the hash
 */
struct inverse {
	const uint64_t *p2m;
	uint32_t *slots;
	size_t mask;
	uint64_t seed;
};

/*
 * Index @n entries. Entries above MFN_MAX have no machine frame. A machine frame
 * under two pfns is an error, since a restore would part them. Returns 0, or -1
 * with an error recorded.
 */
int inverse_build(struct inverse *inv, const uint64_t *p2m, size_t n);

/* The pfn of @mfn, or INVALID_FRAME. */
uint64_t inverse_pfn(const struct inverse *inv, uint64_t mfn);

void inverse_free(struct inverse *inv);

#endif /* STILLPOINT_INVERSE_H */
