// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "crypt.h"
#include "msg.h"
#include "signals.h"

#define CRYPT_SECRET_MAX (1u << 20)
#define CRYPT_KEY_BYTES 32
#define CRYPT_NONCE_BYTES 12

/* The value of header.kdf. */
#define CRYPT_SCRYPT 1

/* scrypt of new images: 64 MiB, and some tenths of a second. */
#define CRYPT_LOG_N 16
#define CRYPT_R 8
#define CRYPT_P 2

/**
 * struct crypt - a key
 * @header: of the image, to which all is bound
 */
struct crypt {
	uint8_t key[CRYPT_KEY_BYTES];
	struct stillpoint_image_header header;
};

static int crypt_check_file(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st))
		return msg_error("cannot look at the key file '%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		return msg_error("the key file '%s' is neither a regular file nor a pipe", path);
	if (S_ISREG(st.st_mode) && (st.st_mode & 0077))
		msg_warn("others may use the key file '%s'; make it yours with chmod 600", path);
	return 0;
}

/* Read what there is, up to @room bytes. Returns 0 or -1, recorded. */
static int crypt_read_all(int fd, const char *path, uint8_t *data, size_t room, size_t *size)
{
	ssize_t n;

	for (*size = 0; *size < room; *size += n) {
		if (signals_check())
			return -1;
		n = read(fd, data + *size, room - *size);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return msg_error("cannot read the key file '%s': %s", path,
					 strerror(errno));
		else if (!n)
			break;
	}
	return 0;
}

static int crypt_fill_secret(int fd, const char *path, struct crypt_secret *secret)
{
	const size_t room = CRYPT_SECRET_MAX + 1;

	secret->data = malloc(room);
	if (!secret->data)
		return msg_error("out of memory for the key");
	if (crypt_check_file(fd, path) ||
	    crypt_read_all(fd, path, secret->data, room, &secret->size))
		return -1;
	if (secret->size == room)
		return msg_error("the key file '%s' has more than %u bytes", path,
				 CRYPT_SECRET_MAX);
	if (secret->size && secret->data[secret->size - 1] == '\n')
		secret->size--;
	if (!secret->size)
		return msg_error("the key file '%s' is empty", path);
	return 0;
}

int crypt_read_secret(const char *path, struct crypt_secret *secret)
{
	int fd, ret;

	memset(secret, 0, sizeof(*secret));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return msg_error("cannot open the key file '%s': %s", path, strerror(errno));
	ret = crypt_fill_secret(fd, path, secret);
	close(fd);
	if (!ret)
		return 0;
	if (secret->data)
		secret->size = CRYPT_SECRET_MAX + 1;
	crypt_free_secret(secret);
	return -1;
}

void crypt_free_secret(struct crypt_secret *secret)
{
	if (secret->data)
		OPENSSL_cleanse(secret->data, secret->size);
	free(secret->data);
	memset(secret, 0, sizeof(*secret));
}

int crypt_prepare(struct stillpoint_image_header *header)
{
	header->kdf = CRYPT_SCRYPT;
	header->kdf_log_n = CRYPT_LOG_N;
	header->kdf_r = CRYPT_R;
	header->kdf_p = CRYPT_P;
	if (RAND_bytes(header->salt, sizeof(header->salt)) != 1)
		return msg_error("cannot get random numbers for the image's key");
	return 0;
}

static int crypt_check_kdf(const struct stillpoint_image_header *h)
{
	if (h->kdf != CRYPT_SCRYPT)
		return msg_error(
			"the image's key is derived in the unknown way %u; a newer tool is needed",
			h->kdf);
	if (!h->kdf_log_n || h->kdf_log_n > STILLPOINT_SCRYPT_LOG_N_MAX || !h->kdf_r ||
	    h->kdf_r > STILLPOINT_SCRYPT_R_MAX || !h->kdf_p || h->kdf_p > STILLPOINT_SCRYPT_P_MAX)
		return msg_error(
			"the image is damaged: its header asks for scrypt with N = 2^%u, r = %u, p = %u",
			h->kdf_log_n, h->kdf_r, h->kdf_p);
	return 0;
}

static int crypt_derive(struct crypt *crypt, const struct crypt_secret *secret)
{
	const struct stillpoint_image_header *h = &crypt->header;
	uint64_t n = UINT64_C(1) << h->kdf_log_n;
	/* What OpenSSL counts: N + 2 blocks, and p more, of 128 * r bytes each. */
	uint64_t memory = (n + 2 + h->kdf_p) * 128 * h->kdf_r;

	if (EVP_PBE_scrypt((const char *)secret->data, secret->size, h->salt, sizeof(h->salt), n,
			   h->kdf_r, h->kdf_p, memory, crypt->key, sizeof(crypt->key)) == 1)
		return 0;
	return msg_error("cannot derive the image's key, for which scrypt needs %llu MiB of memory",
			 (unsigned long long)(memory >> 20) + 1);
}

struct crypt *crypt_new(const struct crypt_secret *secret,
			const struct stillpoint_image_header *header)
{
	struct crypt *crypt;

	if (crypt_check_kdf(header))
		return NULL;
	crypt = calloc(1, sizeof(*crypt));
	if (!crypt) {
		msg_error("out of memory for the image's key");
		return NULL;
	}
	crypt->header = *header;
	if (!crypt_derive(crypt, secret))
		return crypt;
	crypt_free(crypt);
	return NULL;
}

void crypt_bind(struct crypt *crypt, const struct stillpoint_image_header *header)
{
	crypt->header = *header;
}

void crypt_free(struct crypt *crypt)
{
	if (!crypt)
		return;
	OPENSSL_cleanse(crypt->key, sizeof(crypt->key));
	free(crypt);
}

/* Give @ctx the key, the nonce and the additional data of @section. */
static bool crypt_begin(const struct crypt *crypt, const struct stillpoint_section *section,
			EVP_CIPHER_CTX *ctx, bool seal)
{
	const int fields = offsetof(struct stillpoint_section, length);
	uint8_t nonce[CRYPT_NONCE_BYTES] = { 0 };
	int n;

	memcpy(nonce, &section->number, sizeof(section->number));
	return EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, crypt->key, nonce, seal) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)&crypt->header,
				sizeof(crypt->header)) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)section, fields) == 1;
}

static bool crypt_do_seal(const struct crypt *crypt, const struct stillpoint_section *section,
			  EVP_CIPHER_CTX *ctx, uint8_t *body, size_t size)
{
	int n;

	return crypt_begin(crypt, section, ctx, true) &&
	       EVP_CipherUpdate(ctx, body, &n, body, size) == 1 && (size_t)n == size &&
	       EVP_CipherFinal_ex(ctx, body + size, &n) == 1 && !n &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, CRYPT_TAG_BYTES, body + size) == 1;
}

static bool crypt_do_open(const struct crypt *crypt, const struct stillpoint_section *section,
			  EVP_CIPHER_CTX *ctx, uint8_t *body, size_t size)
{
	int n;

	return crypt_begin(crypt, section, ctx, false) &&
	       EVP_CipherUpdate(ctx, body, &n, body, size) == 1 && (size_t)n == size &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, CRYPT_TAG_BYTES, body + size) == 1 &&
	       EVP_CipherFinal_ex(ctx, body + size, &n) == 1;
}

int crypt_seal(const struct crypt *crypt, const struct stillpoint_section *section, void *body,
	       size_t size)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool done;

	done = ctx && size <= STILLPOINT_SECTION_MAX &&
	       crypt_do_seal(crypt, section, ctx, body, size);
	EVP_CIPHER_CTX_free(ctx);
	return done ? 0 : msg_error("cannot encrypt %zu bytes", size);
}

int crypt_open(const struct crypt *crypt, const struct stillpoint_section *section, void *body,
	       size_t size)
{
	EVP_CIPHER_CTX *ctx;
	bool done;

	if (size < CRYPT_TAG_BYTES || size > STILLPOINT_SECTION_MAX)
		return -1;
	ctx = EVP_CIPHER_CTX_new();
	done = ctx && crypt_do_open(crypt, section, ctx, body, size - CRYPT_TAG_BYTES);
	EVP_CIPHER_CTX_free(ctx);
	return done ? 0 : -1;
}
