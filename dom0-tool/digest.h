/* SPDX-License-Identifier: GPL-2.0 */
/* SHA-256 of whole files, as sha256sum(1) prints it. */
#ifndef STILLPOINT_DIGEST_H
#define STILLPOINT_DIGEST_H

#include <stdint.h>

#define DIGEST_HEX 65

/*
 * Read all of the file @fd from its beginning on; *bytes becomes its length. @name is for
 * messages. Returns 0, or -1 with an error recorded.
 */
int digest_file(int fd, const char *name, char hex[DIGEST_HEX], uint64_t *bytes);

#endif /* STILLPOINT_DIGEST_H */
