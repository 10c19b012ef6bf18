/* SPDX-License-Identifier: GPL-2.0 */
/* Mutating Stillpoint's own images (image.h): the parts are sections. */
#ifndef STILLPOINT_FUZZ_OWN_PARTS_H
#define STILLPOINT_FUZZ_OWN_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/crypt.h"

/* scrypt's N of an encrypted input is not more than 2 to the power of it: it is fast. */
#define OWN_LOG_N_MAX 3

/*
 * Change the image. Bodies are changed in the clear, if @secret decrypts them. Returns its
 * new size, 0 if it cannot be taken apart.
 */
size_t own_parts_mutate(uint8_t *data, size_t size, size_t room, const struct crypt_secret *secret,
			unsigned int seed);

/* Encrypt an image that is not encrypted. Returns its new size. */
size_t own_parts_encrypt(uint8_t *data, size_t size, size_t room,
			 const struct crypt_secret *secret);

/* True if the key of the image takes long to derive. */
bool own_parts_slow(const uint8_t *data, size_t size);

/* The key of all encrypted inputs. */
extern const struct crypt_secret own_secret;

#endif /* STILLPOINT_FUZZ_OWN_PARTS_H */
