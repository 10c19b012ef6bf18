/* SPDX-License-Identifier: GPL-2.0 */
/* ASan's sanitizer/allocator_interface.h, which not every gcc comes with. */
#ifndef STILLPOINT_ALLOCATED_H
#define STILLPOINT_ALLOCATED_H

#include <stddef.h>

/* Bytes that were allocated and not freed. */
size_t __sanitizer_get_current_allocated_bytes(void);

#endif /* STILLPOINT_ALLOCATED_H */
