// SPDX-License-Identifier: GPL-2.0
/* Images in the packed layout, encrypted with a key that is known. */
#include "fuzz.h"
#include "image_input.h"
#include "own_parts.h"
#include "pump.h"

static size_t encrypted_parts(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
	return own_parts_mutate(data, size, room, &own_secret, seed);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return image_input_mutate(data, size, max_size, seed, encrypted_parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || own_parts_slow(data + 1, size - 1))
		return -1;
	pump(data, size, &own_secret);
	return 0;
}
