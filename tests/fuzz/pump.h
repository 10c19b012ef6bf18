/* SPDX-License-Identifier: GPL-2.0 */
/* Reading an image that is the input, in several ways that must agree. */
#ifndef STILLPOINT_FUZZ_PUMP_H
#define STILLPOINT_FUZZ_PUMP_H

#include <stddef.h>
#include <stdint.h>

#include "image/crypt.h"

/* What the first byte of an input says; the image stands behind it. */
#define PUMP_PIPE 1    /* also from a pipe, by threads, if it fits into one */
#define PUMP_CHECK 2   /* also pass it on, and check what is passed on */
#define PUMP_FAIL 4    /* who it is passed on to fails at some time */
#define PUMP_CONVERT 8 /* also convert it, and read the result */

/*
 * Read the image. What one way of reading takes, all take; what is passed on keeps
 * image.h's rules; what it is converted to is taken, and a restore makes the same of it.
 */
void pump(const uint8_t *data, size_t size, const struct crypt_secret *secret);

#endif /* STILLPOINT_FUZZ_PUMP_H */
