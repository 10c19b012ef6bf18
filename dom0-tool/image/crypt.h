/* SPDX-License-Identifier: GPL-2.0 */
/* Encryption of sections: AES-256-GCM, with a key that scrypt makes of a key file. */
#ifndef STILLPOINT_CRYPT_H
#define STILLPOINT_CRYPT_H

#include <stddef.h>
#include <stdint.h>

#include <stillpoint/image.h>

#define CRYPT_TAG_BYTES 16

/* What the user gave; the bytes of a key file, without one final newline. */
struct crypt_secret {
	uint8_t *data;
	size_t size;
};

/* The key of one image. Threads may use it at once. */
struct crypt;

/*
 * Read the key file @path: a regular file or a pipe, 1 byte to 1 MiB. Returns 0, or -1
 * with an error recorded. A file that others may read is warned about.
 */
int crypt_read_secret(const char *path, struct crypt_secret *secret);

/* Also wipes it. */
void crypt_free_secret(struct crypt_secret *secret);

/* Fill in the header's kdf fields and salt for a new image. 0 or -1, recorded. */
int crypt_prepare(struct stillpoint_image_header *header);

/*
 * The key for the image with @header, whose kdf fields are checked here. NULL with an
 * error recorded. @header is copied.
 */
struct crypt *crypt_new(const struct crypt_secret *secret,
			const struct stillpoint_image_header *header);

/* What is encrypted is bound to the whole header; it has its final form now. */
void crypt_bind(struct crypt *crypt, const struct stillpoint_image_header *header);

void crypt_free(struct crypt *crypt);

/*
 * Encrypt the @size bytes at @body in place, and append the tag, for which there must be
 * room. @section is complete but for its checksums; its length has the tag in it.
 * Returns 0, or -1 with an error recorded.
 */
int crypt_seal(const struct crypt *crypt, const struct stillpoint_section *section, void *body,
	       size_t size);

/*
 * The reverse: @size bytes with the tag in it become @size - CRYPT_TAG_BYTES. Returns 0,
 * or -1 if the tag does not match or on an error; nothing is recorded.
 */
int crypt_open(const struct crypt *crypt, const struct stillpoint_section *section, void *body,
	       size_t size);

#endif /* STILLPOINT_CRYPT_H */
