// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/crypt.h"
#include "tempdir.h"

/* A header whose key costs nothing. */
static struct stillpoint_image_header cheap(void)
{
	return (struct stillpoint_image_header){
		.kdf = 1,
		.kdf_log_n = 4,
		.kdf_r = 1,
		.kdf_p = 1,
		.salt = "pinch of salt",
	};
}

static struct crypt *key_of(const char *text, const struct stillpoint_image_header *h)
{
	const struct crypt_secret secret = { .data = (uint8_t *)text, .size = strlen(text) };
	struct crypt *crypt;

	msg_error_clear();
	crypt = crypt_new(&secret, h);
	if (!crypt)
		fail_msg("no key: %s", msg_error_text());
	return crypt;
}

static void assert_secret(const char *path, const char *text)
{
	struct crypt_secret secret;

	assert_works(crypt_read_secret(path, &secret));
	assert_int_equal(secret.size, strlen(text));
	assert_memory_equal(secret.data, text, secret.size);
	crypt_free_secret(&secret);
	assert_null(secret.data);
	assert_int_equal(secret.size, 0);
}

static void key_file_is_read(void **state)
{
	int fds[2];
	char path[64];

	(void)state;
	tempdir_write("key", "open sesame\n", 12);
	assert_secret("key", "open sesame");
	tempdir_write("key", "open sesame", 11);
	assert_secret("key", "open sesame");
	tempdir_write("key", "two\n\n", 5);
	assert_secret("key", "two\n");
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "piped\n", 6), 6);
	close(fds[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", fds[0]);
	assert_secret(path, "piped");
	close(fds[0]);
}

static void key_file_may_be_large(void **state)
{
	const size_t max = 1 << 20;
	struct crypt_secret secret;
	uint8_t *data = malloc(max + 1);

	(void)state;
	assert_non_null(data);
	memset(data, 'k', max + 1);
	tempdir_write("key", data, max);
	assert_works(crypt_read_secret("key", &secret));
	assert_int_equal(secret.size, max);
	assert_memory_equal(secret.data, data, max);
	crypt_free_secret(&secret);
	tempdir_write("key", data, max + 1);
	assert_fails(crypt_read_secret("key", &secret), "more than 1048576 bytes");
	assert_null(secret.data);
	free(data);
}

static void other_key_files_are_refused(void **state)
{
	struct crypt_secret secret;

	(void)state;
	assert_fails(crypt_read_secret("none", &secret), "cannot open the key file 'none'");
	tempdir_write("key", "", 0);
	assert_fails(crypt_read_secret("key", &secret), "is empty");
	tempdir_write("key", "\n", 1);
	assert_fails(crypt_read_secret("key", &secret), "is empty");
	assert_fails(crypt_read_secret("/dev/zero", &secret), "neither a regular file nor a pipe");
	assert_fails(crypt_read_secret(".", &secret), "neither a regular file nor a pipe");
}

/* What goes to stderr while the key file is read. */
static void read_warned(mode_t mode, char *text, size_t size)
{
	struct crypt_secret secret;
	int fds[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	tempdir_write("key", "open sesame", 11);
	assert_int_equal(chmod("key", mode), 0);
	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	assert_works(crypt_read_secret("key", &secret));
	dup2(saved, STDERR_FILENO);
	close(saved);
	crypt_free_secret(&secret);
	n = read(fds[0], text, size - 1);
	assert_true(n >= 0);
	text[n] = '\0';
	close(fds[0]);
}

static void key_file_of_others_is_warned_about(void **state)
{
	char text[256];

	(void)state;
	read_warned(0600, text, sizeof(text));
	assert_string_equal(text, "");
	read_warned(0640, text, sizeof(text));
	assert_non_null(strstr(text, "others may use the key file 'key'"));
	read_warned(0604, text, sizeof(text));
	assert_non_null(strstr(text, "others may use the key file 'key'"));
}

static void new_images_resist_guessing(void **state)
{
	struct stillpoint_image_header one = { .version = 1 }, two = { .version = 1 };

	(void)state;
	assert_works(crypt_prepare(&one));
	assert_works(crypt_prepare(&two));
	assert_int_equal(one.kdf, 1);
	assert_true(one.kdf_log_n >= 16 && one.kdf_r >= 8 && one.kdf_p >= 1);
	assert_memory_not_equal(one.salt, two.salt, sizeof(one.salt));
	crypt_free(key_of("x", &one));
}

/* Computed once by other means: Python's hashlib.scrypt and cryptography's AESGCM. */
static void bytes_are_those_of_the_standards(void **state)
{
	static const uint8_t want[] = { 0x4e, 0xe5, 0xd5, 0x4e, 0x03, 0xb3, 0x7f,
					0x5e, 0xec, 0x4f, 0x64, 0x91, 0xd6, 0xef,
					0xa9, 0xc5, 0x31, 0x4f, 0xf2, 0xae, 0x82 };
	const struct stillpoint_image_header h = cheap();
	const struct stillpoint_section s = {
		.magic = STILLPOINT_SECTION_MAGIC,
		.type = 0x00010001,
		.flags = 1,
		.number = 7,
		.length = 5 + CRYPT_TAG_BYTES,
	};
	uint8_t body[5 + CRYPT_TAG_BYTES] = "hello";
	struct crypt *crypt = key_of("open sesame", &h);

	(void)state;
	assert_int_equal(sizeof(want), sizeof(body));
	assert_works(crypt_seal(crypt, &s, body, 5));
	assert_memory_equal(body, want, sizeof(body));
	assert_int_equal(crypt_open(crypt, &s, body, sizeof(body)), 0);
	assert_memory_equal(body, "hello", 5);
	crypt_free(crypt);
}

/* Seal "hello" with one key and section, open it with others. */
static int opens(const struct crypt *one, const struct stillpoint_section *s1,
		 const struct crypt *two, const struct stillpoint_section *s2, size_t flip)
{
	uint8_t body[5 + CRYPT_TAG_BYTES] = "hello";
	int ret;

	assert_works(crypt_seal(one, s1, body, 5));
	assert_memory_not_equal(body, "hello", 5);
	if (flip)
		body[(flip - 1) / 8] ^= 1 << (flip - 1) % 8;
	ret = crypt_open(two, s2, body, sizeof(body));
	if (!ret)
		assert_memory_equal(body, "hello", 5);
	return ret;
}

static void only_what_was_sealed_opens(void **state)
{
	struct stillpoint_image_header h = cheap(), other = cheap();
	struct stillpoint_section s = { .type = 1, .flags = 1, .number = 7 }, t;
	struct crypt *crypt = key_of("open sesame", &h), *two;
	size_t i;

	(void)state;
	assert_int_equal(opens(crypt, &s, crypt, &s, 0), 0);
	for (i = 1; i <= (5 + CRYPT_TAG_BYTES) * 8; i++)
		assert_int_not_equal(opens(crypt, &s, crypt, &s, i), 0);
	for (i = 0; i < offsetof(struct stillpoint_section, length) * 8; i++) {
		t = s;
		((uint8_t *)&t)[i / 8] ^= 1 << i % 8;
		assert_int_not_equal(opens(crypt, &s, crypt, &t, 0), 0);
	}
	two = key_of("open barley", &h);
	assert_int_not_equal(opens(crypt, &s, two, &s, 0), 0);
	crypt_free(two);
	other.salt[0] ^= 1;
	two = key_of("open sesame", &other);
	assert_int_not_equal(opens(crypt, &s, two, &s, 0), 0);
	crypt_free(two);
	/* The header counts too, in its final form. */
	other = h;
	other.optional = 1;
	two = key_of("open sesame", &other);
	assert_int_not_equal(opens(crypt, &s, two, &s, 0), 0);
	crypt_bind(two, &h);
	assert_int_equal(opens(crypt, &s, two, &s, 0), 0);
	crypt_free(two);
	crypt_free(crypt);
}

static void empty_and_short_bodies_are_no_trouble(void **state)
{
	const struct stillpoint_image_header h = cheap();
	const struct stillpoint_section s = { .number = 1 };
	struct crypt *crypt = key_of("x", &h);
	uint8_t body[CRYPT_TAG_BYTES];

	(void)state;
	assert_works(crypt_seal(crypt, &s, body, 0));
	assert_int_equal(crypt_open(crypt, &s, body, CRYPT_TAG_BYTES), 0);
	assert_int_not_equal(crypt_open(crypt, &s, body, CRYPT_TAG_BYTES - 1), 0);
	assert_int_not_equal(crypt_open(crypt, &s, body, 0), 0);
	crypt_free(crypt);
}

static void derivation_is_bounded(void **state)
{
	const struct crypt_secret secret = { .data = (uint8_t *)"x", .size = 1 };
	struct stillpoint_image_header h = cheap();

	(void)state;
	h.kdf_log_n = STILLPOINT_SCRYPT_LOG_N_MAX + 1;
	assert_fails(!crypt_new(&secret, &h), "asks for scrypt with N = 2^19");
	h = cheap();
	h.kdf_r = 0;
	assert_fails(!crypt_new(&secret, &h), "r = 0");
	h = cheap();
	h.kdf_p = STILLPOINT_SCRYPT_P_MAX + 1;
	assert_fails(!crypt_new(&secret, &h), "p = 9");
	h = cheap();
	h.kdf_r = STILLPOINT_SCRYPT_R_MAX + 1;
	assert_fails(!crypt_new(&secret, &h), "r = 9");
	h = cheap();
	h.kdf = 2;
	assert_fails(!crypt_new(&secret, &h), "unknown way 2");
	/* N must be less than 2^(16 * r) (RFC 7914, section 2), which OpenSSL knows. */
	h = cheap();
	h.kdf_log_n = 16;
	assert_fails(!crypt_new(&secret, &h), "cannot derive");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, tempdir_setup, tempdir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(key_file_is_read),
		TEST(key_file_may_be_large),
		TEST(other_key_files_are_refused),
		TEST(key_file_of_others_is_warned_about),
		TEST(new_images_resist_guessing),
		TEST(bytes_are_those_of_the_standards),
		TEST(only_what_was_sealed_opens),
		TEST(empty_and_short_bodies_are_no_trouble),
		TEST(derivation_is_bounded),
	};

	return cmocka_run_group_tests_name("crypt", tests, NULL, NULL);
}
