/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What Stillpoint adds to an image in xl's layout. Stock `xl restore` reads
 * neither part: the mark stands behind the JSON configuration in xl's optional
 * data, the trailer behind libxl's END record. An image with the mark must end
 * in a trailer, so that a cut-off trailer is an error and not an older image.
 *
 * Both are little endian, without padding. The file ends with the trailer.
 */
#ifndef STILLPOINT_TRAILER_H
#define STILLPOINT_TRAILER_H

#include <linux/types.h>

#define STILLPOINT_MARK_MAGIC 0x4b52414d544e5053ULL    /* "SPNTMARK" */
#define STILLPOINT_TRAILER_MAGIC 0x524c5254544e5053ULL /* "SPNTTRLR" */
#define STILLPOINT_TRAILER_VERSION 1

enum stillpoint_digest {
	STILLPOINT_DIGEST_XXH3_128 = 1, /* canonical form: big endian */
};

/* Bits of stillpoint_image_mark.flags; a reader refuses one that it does not know. */
#define STILLPOINT_MARK_SIDE \
	(1U << 0) /* there is a side file (image.h), without which it is not whole */

/**
 * struct stillpoint_image_mark - the last bytes of xl's optional data
 * @magic: STILLPOINT_MARK_MAGIC
 * @version: STILLPOINT_TRAILER_VERSION of the trailer that must follow
 * @flags: STILLPOINT_MARK_SIDE
 */
struct stillpoint_image_mark {
	__u64 magic;
	__u32 version;
	__u32 flags;
};

/**
 * struct stillpoint_image_trailer - the last bytes of the file
 * @magic: STILLPOINT_TRAILER_MAGIC
 * @version: STILLPOINT_TRAILER_VERSION
 * @algorithm: enum stillpoint_digest
 * @digest: of all bytes before the trailer
 * @length: number of bytes before the trailer
 */
struct stillpoint_image_trailer {
	__u64 magic;
	__u32 version;
	__u32 algorithm;
	__u8 digest[16];
	__u64 length;
};

#endif /* STILLPOINT_TRAILER_H */
