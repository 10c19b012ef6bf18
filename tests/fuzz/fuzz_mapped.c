// SPDX-License-Identifier: GPL-2.0
/* Images in the mapped layout. */
#include "fuzz.h"
#include "image_input.h"
#include "own_parts.h"
#include "pump.h"

static size_t mapped_parts(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
	return own_parts_mutate(data, size, room, NULL, seed);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return image_input_mutate(data, size, max_size, seed, mapped_parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pump(data, size, NULL);
	return 0;
}
