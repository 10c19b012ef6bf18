// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "image_input.h"

size_t image_input_mutate(uint8_t *data, size_t size, size_t max_size, unsigned int seed,
			  size_t (*parts)(uint8_t *data, size_t size, size_t room,
					  unsigned int seed))
{
	size_t changed = 0;
	uint8_t *copy;

	if (size > 1 && seed % 16 == 0) {
		data[0] = seed >> 8;
		return size;
	}
	/* libFuzzer calls several times for one input: one that is raw spoils it. */
	if (size > 1 && seed % 16 > 1) {
		copy = malloc(max_size);
		fuzz_check(copy);
		memcpy(copy, data, size);
		changed = parts(copy + 1, size - 1, max_size - 1, seed);
		if (changed)
			memcpy(data, copy, ++changed);
		free(copy);
	}
	return changed ? changed : LLVMFuzzerMutate(data, size, max_size);
}
