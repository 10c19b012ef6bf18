/* SPDX-License-Identifier: GPL-2.0 */
/* The smallest image: 3 pfns, one of them with data, and one vCPU. */
#ifndef STILLPOINT_TINY_IMAGE_H
#define STILLPOINT_TINY_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/* Write it through the image writer to @path. Fails the test if it cannot. */
void tiny_image_write(const char *path);

/*
 * The same image byte by byte, made here without the writer. With @marked it has
 * Stillpoint's mark and trailer; without it is what `xl save` would write. free() it.
 */
uint8_t *tiny_image_bytes(int marked, size_t *size);

/*
 * The unmarked one, in which the pages come twice: between them the p2m is described
 * again, as of 4 pfns, and then pfn 1, which holds it, has @type (0 to 15).
 */
uint8_t *tiny_image_repeated(unsigned int type, size_t *size);

#endif /* STILLPOINT_TINY_IMAGE_H */
