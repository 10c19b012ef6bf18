/* SPDX-License-Identifier: GPL-2.0 */
/* Mapping frames that must all be there. */
#ifndef STILLPOINT_FRAMES_H
#define STILLPOINT_FRAMES_H

#include "domain.h"

/*
 * Map @n machine frames of @dom read-only, all of them or none. @what names them
 * in messages. Returns the mapping, to be undone by the domain's unmap(), or NULL
 * with an error recorded.
 */
void *frames_map(struct domain *dom, const uint64_t *mfns, size_t n, const char *what);

/*
 * Copy 64-bit words [@first, @first + @count) out of @n frames that follow each
 * other. The copy is then safe from changes by the guest. free() it; NULL with an
 * error recorded.
 */
uint64_t *frames_copy(struct domain *dom, const uint64_t *mfns, size_t n, size_t first,
		      size_t count, const char *what);

#endif /* STILLPOINT_FRAMES_H */
