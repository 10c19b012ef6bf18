/* SPDX-License-Identifier: GPL-2.0 */
/* Mutating images in xl's layout: the parts are libxc's records. */
#ifndef STILLPOINT_FUZZ_XL_PARTS_H
#define STILLPOINT_FUZZ_XL_PARTS_H

#include <stddef.h>
#include <stdint.h>

/* Change the image. Returns its new size, 0 if it cannot be taken apart. */
size_t xl_parts_mutate(uint8_t *data, size_t size, size_t room, unsigned int seed);

#endif /* STILLPOINT_FUZZ_XL_PARTS_H */
