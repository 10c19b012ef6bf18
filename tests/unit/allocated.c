// SPDX-License-Identifier: GPL-2.0
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "allocated.h"

/* Negative where what is older is freed. */
static atomic_long allocated;
static atomic_long most;
static atomic_long sum;

static void allocated_malloc(const volatile void *p, size_t size)
{
	long now = atomic_fetch_add(&allocated, size) + size;
	long old = atomic_load(&most);

	(void)p;
	atomic_fetch_add(&sum, size);
	while (now > old && !atomic_compare_exchange_weak(&most, &old, now))
		;
}

static void allocated_free(const volatile void *p)
{
	if (p)
		atomic_fetch_sub(&allocated, __sanitizer_get_allocated_size(p));
}

void allocated_begin(void)
{
	static bool installed;

	if (!installed &&
	    !__sanitizer_install_malloc_and_free_hooks(allocated_malloc, allocated_free))
		abort();
	installed = true;
	allocated = 0;
	most = 0;
	sum = 0;
}

size_t allocated_most(void)
{
	return most;
}

size_t allocated_sum(void)
{
	return sum;
}

size_t allocated_now(void)
{
	return allocated;
}
