// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "digest.h"
#include "msg.h"
#include "signals.h"

#define DIGEST_BUFFER (1u << 20)

static int digest_all(int fd, const char *name, EVP_MD_CTX *ctx, uint8_t *buffer, uint64_t *bytes)
{
	ssize_t n;

	*bytes = 0;
	for (;;) {
		if (signals_check())
			return -1;
		n = pread(fd, buffer, DIGEST_BUFFER, *bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return msg_error("cannot read '%s': %s", name, strerror(errno));
		if (!n)
			return 0;
		if (!EVP_DigestUpdate(ctx, buffer, n))
			return msg_error("cannot make a digest of '%s'", name);
		*bytes += n;
	}
}

int digest_file(int fd, const char *name, char hex[DIGEST_HEX], uint64_t *bytes)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t *buffer = malloc(DIGEST_BUFFER);
	uint8_t digest[32];
	unsigned int i;
	int ret = -1;

	if (!ctx || !buffer)
		msg_error("out of memory");
	else if (!EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
		msg_error("cannot make a digest of '%s'", name);
	else if (!digest_all(fd, name, ctx, buffer, bytes))
		ret = EVP_DigestFinal_ex(ctx, digest, NULL) ?
			      0 :
			      msg_error("cannot make a digest of '%s'", name);
	for (i = 0; !ret && i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	free(buffer);
	EVP_MD_CTX_free(ctx);
	return ret;
}
