/* SPDX-License-Identifier: GPL-2.0 */
/* An image that a command reads. */
#ifndef STILLPOINT_INPUT_H
#define STILLPOINT_INPUT_H

#include "image/source.h"

/**
 * struct input - the image
 * @path: as given
 * @fd: -1 if it is not open
 * @secret: of the key file; empty without one
 * @strict: with a key, only an encrypted image will do
 */
struct input {
	const char *path;
	int fd;
	struct crypt_secret secret;
	bool strict;
	struct source *src;
};

/*
 * Open @path, "-" being standard input, and read the key file @key_file unless that is
 * NULL. @path must stay valid. 0 or -1, recorded. In both cases input_close() is due.
 */
int input_open(struct input *in, const char *path, const char *key_file);

/*
 * As input_open(). With a key file, an image that is not encrypted is an error later: someone
 * could have put it in the place of one that is.
 */
int input_open_strict(struct input *in, const char *path, const char *key_file);

/*
 * Recognise what was opened. @opts is completed by the key. 0 or -1, recorded.
 */
int input_recognise(struct input *in, const struct source_options *opts);

/*
 * The same, then read and check all of it, pass it on to @to unless that is NULL, and tell
 * the progress on a terminal. With @to it is no side file.
 */
int input_read(struct input *in, unsigned int threads, struct image *to);

void input_close(struct input *in);

/* Pages that a restore makes. */
uint64_t input_pages(const struct source_info *info);

/* Pages of tmem pools that are in the image. */
uint64_t input_tmem_pages(const struct source_info *info);

#endif /* STILLPOINT_INPUT_H */
