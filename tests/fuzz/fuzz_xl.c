// SPDX-License-Identifier: GPL-2.0
/* Images in xl's layout. */
#include "fuzz.h"
#include "image_input.h"
#include "pump.h"
#include "xl_parts.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return image_input_mutate(data, size, max_size, seed, xl_parts_mutate);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pump(data, size, NULL);
	return 0;
}
