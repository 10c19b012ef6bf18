/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading an image of any layout from front to back. Everything is checked while it
 * is read, and nothing in it is trusted.
 */
#ifndef STILLPOINT_SOURCE_H
#define STILLPOINT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypt.h"
#include "image.h"
#include "tmem_state.h"

/* Types of sections that this version defines, and one more for all others. */
#define SECTION_TYPES 15

/**
 * struct section_tally - the sections of one type
 * @bytes: of their bodies, as stored
 */
struct section_tally {
	uint64_t count;
	uint64_t bytes;
};

/**
 * struct source_info - what is known of an image; all of it only after source_pump()
 * @layout: known at once
 * @digest: the image has one, and it matches
 * @encrypted: known at once
 * @hvm: of an HVM guest; only the xl layout can be
 * @config: JSON, NULL if it has none; the source's own
 * @xen_major: of the hypervisor that ran the guest
 * @xen_minor: of the same
 * @pfns: the guest's highest pfn and one more
 * @vcpus: online ones
 * @pages: pages by enum stillpoint_page_kind, each pfn counted once by what came last;
 *	pages[STILLPOINT_PAGE_NONE] counts those that are listed
 * @records: how often a page with data came, repeats among it
 * @frames: PAGES sections, or records of PAGE_DATA
 * @raw_bytes: bytes of pages before compression
 * @stored_bytes: the same after it
 * @codecs: bit n: a frame has codec n
 * @bytes: length of the image
 * @id: of the file; not in the xl layout
 * @sections: their number; not in the xl layout
 * @tally: these, in the order of section_at()
 * @tmem: the pools; the source's own, NULL if the layout can have none
 * @side: xl: there is a side file, without which it is not whole; else the image is one
 * @xl: of an xl layout with a digest, its own length and digest; in a side file those of
 *	the image that it belongs to
 */
struct source_info {
	enum image_layout layout;
	bool digest;
	bool encrypted;
	bool hvm;
	const char *config;
	unsigned int xen_major;
	unsigned int xen_minor;
	uint64_t pfns;
	uint64_t vcpus;
	uint64_t pages[4];
	uint64_t records;
	uint64_t frames;
	uint64_t raw_bytes;
	uint64_t stored_bytes;
	uint32_t codecs;
	uint64_t bytes;
	uint8_t id[16];
	uint64_t sections;
	struct section_tally tally[SECTION_TYPES];
	const struct tmem_state *tmem;
	bool side;
	struct stillpoint_tmem_image xl;
};

/* True of an image that is not whole without its side file. */
static inline bool source_has_side(const struct source_info *info)
{
	return info->layout == IMAGE_XL && info->side;
}

/**
 * struct source_options - how to read
 * @secret: the key, NULL for none
 * @must_decrypt: an image that is not encrypted is refused
 * @threads: that decompress and check, at least 1
 * @config: told of the domain's configuration as soon as it is read, before any page is
 *	passed on; NULL if nobody asks. Not 0 ends the pump with -1, and it has recorded
 * @tmem: told of the tmem pools, as the image describes them first, before @config is; not
 *	if they are first described behind it. Or NULL; else the same
 * @data: for @config and @tmem
 * @side: a side file will do
 * @only_side: and nothing else
 * @progress: told of bytes read, and of how many, 0 if that is unknown; or NULL
 */
struct source_options {
	const struct crypt_secret *secret;
	bool must_decrypt;
	unsigned int threads;
	int (*config)(void *data, const char *config);
	int (*tmem)(void *data, const struct tmem_state *tmem);
	void *data;
	bool side;
	bool only_side;
	void (*progress)(uint64_t done, uint64_t total);
};

struct source;

/**
 * struct source_ops - an implementation of struct source
 * @pump: see source_pump()
 * @free: free all
 */
struct source_ops {
	int (*pump)(struct source *src, struct image *to);
	void (*free)(struct source *src);
};

/**
 * struct source - an image that is read; the first member of an implementation's own
 * @fd: the caller's
 * @seekable: a regular file, else a pipe
 * @peeked: the first bytes, which were read from a pipe already
 * @npeeked: their number
 */
struct source {
	const struct source_ops *ops;
	int fd;
	bool seekable;
	struct source_options opts;
	struct source_info info;
	uint8_t peeked[STILLPOINT_IMAGE_HEADER_BYTES];
	size_t npeeked;
};

/*
 * Look at the first bytes of @fd, a regular file or a pipe, and choose the
 * implementation. A mapped image in a pipe is an error. Returns NULL with an error
 * recorded: no image, cut short, of a newer version, not encrypted where it must be.
 */
struct source *source_open(int fd, const struct source_options *opts);

/* Whether @src is as encrypted as its options want it. 0 or -1, recorded. */
int source_check_encrypted(const struct source *src);

/*
 * Read and check all of it, and pass it on to @to, unless that is NULL: head(), p2m(),
 * page() ..., flush(), and tail() only when everything was read and is right, the digest
 * and the end of the file included; tmem() anywhere between head() and tail(). Of a side
 * file there is tmem() alone. Page tables come after all other pages if the image has
 * them so, as each that Stillpoint wrote does. Once only. Returns 0, or -1 with an error
 * recorded that tells apart what is cut short, what is damaged, and what another key is
 * needed for, with offsets.
 */
int source_pump(struct source *src, struct image *to);

void source_free(struct source *src);

#endif /* STILLPOINT_SOURCE_H */
