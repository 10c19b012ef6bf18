/* SPDX-License-Identifier: GPL-2.0 */
/* How much memory is in use, by the hooks that ASan has. */
#ifndef STILLPOINT_ALLOCATED_H
#define STILLPOINT_ALLOCATED_H

#include <stddef.h>

/* As in sanitizer/allocator_interface.h, which not every gcc comes with. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *p,
								size_t size),
					      void (*on_free)(const volatile void *p));
size_t __sanitizer_get_allocated_size(const volatile void *p);

/* Begin to count; memory that is in use by now does not count. */
void allocated_begin(void);

/* The most bytes that were in use at once since then. */
size_t allocated_most(void);

/* All bytes that were asked for since then, freed or not. */
size_t allocated_sum(void);

/* Those that are in use now. */
size_t allocated_now(void);

#endif /* STILLPOINT_ALLOCATED_H */
