/* SPDX-License-Identifier: GPL-2.0 */
/* Inputs that are images: a byte for pump.h, then the file. */
#ifndef STILLPOINT_FUZZ_IMAGE_INPUT_H
#define STILLPOINT_FUZZ_IMAGE_INPUT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Mutate the input: mostly with @parts, which changes the file and puts its checksums
 * right; sometimes as libFuzzer does it, sometimes only the first byte. @parts returns the
 * file's new size, 0 if it cannot.
 */
size_t image_input_mutate(uint8_t *data, size_t size, size_t max_size, unsigned int seed,
			  size_t (*parts)(uint8_t *data, size_t size, size_t room,
					  unsigned int seed));

#endif /* STILLPOINT_FUZZ_IMAGE_INPUT_H */
