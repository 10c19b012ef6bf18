/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stillpoint's own image format, version 1: the packed and the mapped layout.
 * docs/image-format.md has the rules that are not about bytes.
 *
 * A file is a header, sections, and a footer. All numbers are of the byte order
 * that the header names, which is little endian today; structures have no padding.
 * Whatever is called reserved, and what the mapped layout leaves unused, is zero,
 * and a reader checks that it is: no bit of a file is without a checksum or a rule.
 *
 *   packed   header, sections ..., END, footer; nothing needs a seek to write or read
 *   mapped   header, zeroes up to header.data; page pfn at data + pfn * 4096 for
 *            pfn < header.places; then sections ..., END, footer
 *
 * Sections follow each other without a gap. Order: HEAD sections (CONFIG, PLATFORM,
 * P2M), any number of PAGES and P2M in the packed layout, one PLACES or more in the
 * mapped one, TSC, SHARED_INFO, VCPU ..., INDEX in the packed layout, END. If a pfn or
 * a section that is unique comes again, the last counts, except where said otherwise.
 * TMEM sections may stand anywhere before INDEX and END, but that in the packed layout
 * only TMEM_POOLS may come before CONFIG and PLATFORM are complete. If there are any, the
 * first is a TMEM_POOLS; it belongs before the first P2M. TMEM_IMAGE is for side files,
 * which have one, behind all other TMEM sections.
 */
#ifndef STILLPOINT_IMAGE_H
#define STILLPOINT_IMAGE_H

#include <linux/types.h>

/* As PNG's: bit 7 set, a line end that text modes spoil, and the end of a DOS file. */
#define STILLPOINT_IMAGE_MAGIC "\x89SPIMG\r\n\x1a\n"
#define STILLPOINT_IMAGE_MAGIC_SIZE 10
#define STILLPOINT_IMAGE_VERSION 1
#define STILLPOINT_IMAGE_BYTEORDER 0x01020304U

enum stillpoint_image_layout {
	STILLPOINT_LAYOUT_PACKED = 1,
	STILLPOINT_LAYOUT_MAPPED = 2,
};

/* Features without which the image cannot be read: header.mandatory. */
#define STILLPOINT_IMAGE_ENCRYPTED (1ULL << 0)
/* A side file: packed, with TMEM sections and END alone. The rest is in another image. */
#define STILLPOINT_IMAGE_SIDE (1ULL << 1)

/* Features that a reader may ignore: header.optional. */
#define STILLPOINT_IMAGE_FREE_PAGES (1ULL << 0)

#define STILLPOINT_IMAGE_PAGE_BYTES 4096

/* Raw bytes of pages in one frame of the packed layout. */
#define STILLPOINT_FRAME_MIN (64U << 10)
#define STILLPOINT_FRAME_MAX (1U << 20)

/* Runs in one frame, at most. */
#define STILLPOINT_FRAME_RUNS_MAX 4096

/* No pfn is as high: 16 TiB. */
#define STILLPOINT_PFN_LIMIT (1ULL << 32)

/* Bounds of scrypt's parameters (RFC 7914): 256 MiB, and some seconds. */
#define STILLPOINT_SCRYPT_LOG_N_MAX 18
#define STILLPOINT_SCRYPT_R_MAX 8
#define STILLPOINT_SCRYPT_P_MAX 8

/**
 * struct stillpoint_image_header - the first bytes of the file
 * @magic: STILLPOINT_IMAGE_MAGIC
 * @version: STILLPOINT_IMAGE_VERSION; a reader refuses any other
 * @byteorder: STILLPOINT_IMAGE_BYTEORDER
 * @layout: enum stillpoint_image_layout
 * @mandatory: STILLPOINT_IMAGE_* features; a reader refuses one that it does not know
 * @optional: those that it may ignore
 * @page_bytes: STILLPOINT_IMAGE_PAGE_BYTES
 * @frame_bytes: packed: raw bytes of pages in a frame at most; mapped: 0
 * @places: mapped: number of places for pages; packed: 0
 * @data: mapped: offset of the first place, a multiple of 4096; packed: 0
 * @id: random, another for each file
 * @kdf: if encrypted 1, scrypt; else 0, as the rest of it
 * @kdf_log_n: scrypt's N is 2 to the power of it
 * @kdf_r: scrypt's r
 * @kdf_p: scrypt's p
 * @salt: scrypt's
 * @checksum: XXH3-128, canonical, of all before it
 */
struct stillpoint_image_header {
	__u8 magic[STILLPOINT_IMAGE_MAGIC_SIZE];
	__u16 version;
	__u32 byteorder;
	__u32 layout;
	__u32 reserved0;
	__u64 mandatory;
	__u64 optional;
	__u32 page_bytes;
	__u32 frame_bytes;
	__u64 places;
	__u64 data;
	__u8 id[16];
	__u32 kdf;
	__u32 kdf_log_n;
	__u32 kdf_r;
	__u32 kdf_p;
	__u8 salt[16];
	__u8 reserved1[128];
	__u8 checksum[16];
};

#define STILLPOINT_IMAGE_HEADER_BYTES 256

/* Who a section belongs to: the high half of its type. */
enum stillpoint_section_owner {
	STILLPOINT_OWNER_IMAGE = 0,	/* the file itself */
	STILLPOINT_OWNER_MEMORY = 1,	/* the guest's pages */
	STILLPOINT_OWNER_STATE = 2,	/* CPUs and the domain */
	STILLPOINT_OWNER_TOOLSTACK = 3, /* its configuration */
	STILLPOINT_OWNER_TMEM = 4,	/* pools outside of the guest's memory */
	STILLPOINT_OWNER_EXTENSION = 5,
};

#define STILLPOINT_SECTION(owner, kind) ((__u32)(owner) << 16 | (kind))

#define STILLPOINT_SECTION_END STILLPOINT_SECTION(STILLPOINT_OWNER_IMAGE, 1)
#define STILLPOINT_SECTION_INDEX STILLPOINT_SECTION(STILLPOINT_OWNER_IMAGE, 2)
#define STILLPOINT_SECTION_PAGES STILLPOINT_SECTION(STILLPOINT_OWNER_MEMORY, 1)
#define STILLPOINT_SECTION_PLACES STILLPOINT_SECTION(STILLPOINT_OWNER_MEMORY, 2)
#define STILLPOINT_SECTION_P2M STILLPOINT_SECTION(STILLPOINT_OWNER_MEMORY, 3)
#define STILLPOINT_SECTION_PLATFORM STILLPOINT_SECTION(STILLPOINT_OWNER_STATE, 1)
#define STILLPOINT_SECTION_TSC STILLPOINT_SECTION(STILLPOINT_OWNER_STATE, 2)
#define STILLPOINT_SECTION_SHARED_INFO STILLPOINT_SECTION(STILLPOINT_OWNER_STATE, 3)
#define STILLPOINT_SECTION_VCPU STILLPOINT_SECTION(STILLPOINT_OWNER_STATE, 4)
#define STILLPOINT_SECTION_CONFIG STILLPOINT_SECTION(STILLPOINT_OWNER_TOOLSTACK, 1)
#define STILLPOINT_SECTION_TMEM_POOLS STILLPOINT_SECTION(STILLPOINT_OWNER_TMEM, 1)
#define STILLPOINT_SECTION_TMEM_PAGES STILLPOINT_SECTION(STILLPOINT_OWNER_TMEM, 2)
#define STILLPOINT_SECTION_TMEM_INVALIDATE STILLPOINT_SECTION(STILLPOINT_OWNER_TMEM, 3)
#define STILLPOINT_SECTION_TMEM_IMAGE STILLPOINT_SECTION(STILLPOINT_OWNER_TMEM, 4)

#define STILLPOINT_SECTION_MAGIC 0x54434553U /* "SECT" */

/* Bits of stillpoint_section.flags. Without MANDATORY an unknown section is skipped. */
#define STILLPOINT_SECTION_MANDATORY (1U << 0)

/* Bytes of a section's body, at most. */
#define STILLPOINT_SECTION_MAX (64ULL << 20)

/* Most bytes of a domain's configuration, in any layout. */
#define STILLPOINT_CONFIG_MAX (1U << 20)

/**
 * struct stillpoint_section - what stands before a section's body
 * @magic: STILLPOINT_SECTION_MAGIC
 * @type: STILLPOINT_SECTION_*
 * @flags: STILLPOINT_SECTION_MANDATORY
 * @number: 0 in the first section, one more in each
 * @length: bytes of the body as it is stored
 * @body: XXH3-128, canonical, of the body as it is stored
 * @checksum: XXH3-64, canonical, of all before it, with the header's @id as if it
 *	stood in front
 *
 * In an encrypted image the stored body is the body's AES-256-GCM ciphertext and then
 * the tag, 16 bytes. The key is scrypt's 32 bytes of what the user gave; the
 * nonce is @number as 12 bytes, little endian; the additional data are the whole
 * header of the file, then this structure's fields before @length.
 */
struct stillpoint_section {
	__u32 magic;
	__u32 type;
	__u32 flags;
	__u32 number;
	__u64 length;
	__u8 body[16];
	__u8 checksum[8];
};

#define STILLPOINT_SECTION_BYTES 48

enum stillpoint_codec {
	STILLPOINT_CODEC_NONE = 0,
	STILLPOINT_CODEC_LZ4 = 1,  /* a block, as of LZ4_compress_default() */
	STILLPOINT_CODEC_ZSTD = 2, /* a frame of zstd */
};

/* What the bytes of a page are. */
enum stillpoint_page_kind {
	STILLPOINT_PAGE_NONE = 0, /* no page: a hole in the guest's memory */
	STILLPOINT_PAGE_DATA = 1, /* they are in the image */
	STILLPOINT_PAGE_ZERO = 2, /* all are zero */
	STILLPOINT_PAGE_FREE = 3, /* the guest's kernel does not need them; restored as zeroes */
};

/*
 * Pages that may come in PAGES, for each pfn: more than any save writes, few enough to be read, as
 * those without data take no place.
 */
#define STILLPOINT_PAGE_TIMES_MAX 64

/**
 * struct stillpoint_run - consecutive pages of one kind
 * @pfn: of the first
 * @count: their number, not 0
 * @kind: enum stillpoint_page_kind
 * @type: Xen's XEN_DOMCTL_PFINFO_* >> 28. KIND_NONE goes with XTAB, BROKEN and XALLOC,
 *	ZERO and FREE with NOTAB, DATA with whatever has data
 */
struct stillpoint_run {
	__u64 pfn;
	__u32 count;
	__u8 kind;
	__u8 type;
	__u16 reserved;
};

/**
 * struct stillpoint_frame - the body of a PAGES section
 * @codec: enum stillpoint_codec
 * @runs: number of runs, 1 to STILLPOINT_FRAME_RUNS_MAX
 * @raw: bytes of the pages of kind DATA, 4096 for each, header.frame_bytes at most
 * @stored: bytes that stand behind the runs: @raw compressed by @codec, fewer than
 *	@raw unless that is NONE
 *
 * Followed by the runs, then by the stored bytes, and nothing else. A frame has no
 * pfn twice.
 */
struct stillpoint_frame {
	__u32 codec;
	__u32 runs;
	__u32 raw;
	__u32 stored;
};

/**
 * struct stillpoint_index_entry - one PAGES or P2M section; INDEX is an array of them
 * @offset: of the section's struct stillpoint_section in the file
 * @lowest: pfn of a frame's pages; 0 for a P2M
 * @highest: pfn of a frame's pages; 0 for a P2M
 * @type: of the section
 * @number: of the section
 *
 * In order of @offset. Several INDEX sections are one index.
 */
struct stillpoint_index_entry {
	__u64 offset;
	__u64 lowest;
	__u64 highest;
	__u32 type;
	__u32 number;
};

/**
 * struct stillpoint_place - one page of the mapped layout; PLACES is an array of them
 * @checksum: XXH3-64 of the page's bytes if @kind is DATA, else 0
 * @kind: enum stillpoint_page_kind; what is not DATA is zeroes in the file, as a rule
 *	a hole
 * @type: as in struct stillpoint_run
 *
 * The sections PLACES together have header.places entries, one for each pfn, in order.
 */
struct stillpoint_place {
	__u64 checksum;
	__u8 kind;
	__u8 type;
	__u8 reserved[6];
};

/**
 * struct stillpoint_p2m - the guest's p2m; the body of a P2M section
 * @max_pfn: highest pfn
 *
 * Followed by a u64 for each 512 pfns: the pfn of the frame that holds that part of the p2m.
 */
struct stillpoint_p2m {
	__u64 max_pfn;
};

/**
 * struct stillpoint_platform - the body of PLATFORM
 * @xen_major: version of the hypervisor
 * @xen_minor: version of the hypervisor
 * @cpuid_bytes: of the CPUID policy, as in libxc's X86_CPUID_POLICY
 * @msr_bytes: of the MSR policy, as in libxc's X86_MSR_POLICY
 *
 * Followed by both policies.
 */
struct stillpoint_platform {
	__u32 xen_major;
	__u32 xen_minor;
	__u32 cpuid_bytes;
	__u32 msr_bytes;
};

/* The body of TSC, as libxc's X86_TSC_INFO. */
struct stillpoint_tsc {
	__u32 mode;
	__u32 khz;
	__u64 nsec;
	__u32 incarnation;
	__u32 reserved;
};

/**
 * struct stillpoint_vcpu - the body of VCPU; each online vCPU has one
 * @id: number of the vCPU
 * @basic_bytes: of a vcpu_guest_context_t for x86-64
 * @extended_bytes: as in libxc's X86_PV_VCPU_EXTENDED, without the vCPU's number; so on
 *
 * Followed by the four, in that order. Frame numbers in them are pfns.
 */
struct stillpoint_vcpu {
	__u32 id;
	__u32 basic_bytes;
	__u32 extended_bytes;
	__u32 xsave_bytes;
	__u32 msr_bytes;
	__u32 reserved;
};

/* Pools that a guest can have. */
#define STILLPOINT_TMEM_POOLS_MAX 256

/* A weight of a guest among others; at most. */
#define STILLPOINT_TMEM_WEIGHT_MAX 10000u

/* Bits of stillpoint_tmem_pools.flags. */
#define STILLPOINT_TMEM_POOLS_FINAL (1U << 0)	  /* no TMEM section follows; counts are exact */
#define STILLPOINT_TMEM_POOLS_EPHEMERAL (1U << 1) /* contents of ephemeral pools are in the image */

/**
 * struct stillpoint_tmem_pools - the guest's pools from here on; the body of TMEM_POOLS
 * @count: of the pools, at most STILLPOINT_TMEM_POOLS_MAX
 * @flags: STILLPOINT_TMEM_POOLS_FINAL and STILLPOINT_TMEM_POOLS_EPHEMERAL
 * @codecs: bit n: pages may have codec n
 * @weight: of the guest among others, when ephemeral pages have to go; at most
 *	STILLPOINT_TMEM_WEIGHT_MAX, 0 if unknown
 * @quota: pages that its persistent pools may have; 0 if unknown
 * @persistent: pages of persistent pools in the image, each handle counted once. That, and
 *	what follows, is exact in FINAL; before, it is about what there will be
 * @ephemeral: the same of the others
 * @bytes: of all these pages as they are stored, the zero ones being none
 *
 * Followed by as many struct stillpoint_tmem_pool, in ascending order of ids. A pool that
 * was in the TMEM_POOLS before and is not in this one is gone, with its pages; so is one
 * whose flags or uuid are others. The last TMEM_POOLS is the only one that is FINAL.
 */
struct stillpoint_tmem_pools {
	__u32 count;
	__u32 flags;
	__u32 codecs;
	__u32 weight;
	__u64 quota;
	__u64 persistent;
	__u64 ephemeral;
	__u64 bytes;
};

/**
 * struct stillpoint_tmem_pool - a pool
 * @id: the guest's number for it
 * @flags: STILLPOINT_TMEM_POOL_* and the size of a page, as in NEW_POOL (tmem.h)
 * @uuid: of a shared pool, else 0
 * @pages: in FINAL, how many of it are in the image, each handle counted once; else 0
 */
struct stillpoint_tmem_pool {
	__u32 id;
	__u32 flags;
	__u8 uuid[16];
	__u64 pages;
};

/**
 * struct stillpoint_tmem_records - what TMEM_PAGES and TMEM_INVALIDATE begin with
 * @count: of the records that follow, not 0
 *
 * If a handle comes again, the last counts: a page, or none after an invalidate.
 */
struct stillpoint_tmem_records {
	__u32 count;
	__u32 reserved;
};

/* Where a page of tmem belongs; an invalidate is no more than that. */
struct stillpoint_tmem_handle {
	__u64 object;
	__u32 pool;
	__u32 index;
};

/**
 * struct stillpoint_tmem_page - a page, followed by its bytes, and by the next page
 * @handle: where it belongs
 * @codec: enum stillpoint_codec
 * @zero: 1 if all of its bytes are zero, and then none follow and @codec is NONE; else 0
 * @stored: bytes that follow: 4096 if @codec is NONE, else fewer, but not 0
 */
struct stillpoint_tmem_page {
	struct stillpoint_tmem_handle handle;
	__u8 codec;
	__u8 zero;
	__u16 reserved;
	__u32 stored;
};

/**
 * struct stillpoint_tmem_image - the body of TMEM_IMAGE: what a side file belongs to
 * @length: of that image in xl's layout, as its trailer has it
 * @digest: the same
 */
struct stillpoint_tmem_image {
	__u64 length;
	__u8 digest[16];
};

/* CONFIG is the domain's configuration as JSON, without a final zero; SHARED_INFO a page. */

/**
 * struct stillpoint_end - the body of END
 * @sections: their number, END included
 * @pages: pages of kind DATA, ZERO or FREE in the whole image, each pfn counted once;
 *	~0 if the writer does not know
 * @digest: XXH3-128, canonical, of the file's header, then of the struct
 *	stillpoint_section of every section before END
 *
 * As each section's header has the checksum of its body, and places have those of
 * their pages, the digest is of all that the image means.
 */
struct stillpoint_end {
	__u64 sections;
	__u64 pages;
	__u8 digest[16];
};

#define STILLPOINT_FOOTER_MAGIC 0x544f4f4654504e53ULL /* "SNPTFOOT" */

/**
 * struct stillpoint_footer - the last bytes of the file
 * @magic: STILLPOINT_FOOTER_MAGIC
 * @length: of the file, this structure included
 * @sections: offset of the first section; packed: behind the header
 * @index: offset of the first INDEX section, or of END if there is none
 * @end: offset of END
 * @checksum: XXH3-128, canonical, of the image's id and of all before it
 */
struct stillpoint_footer {
	__u64 magic;
	__u64 length;
	__u64 sections;
	__u64 index;
	__u64 end;
	__u64 reserved;
	__u8 checksum[16];
};

#define STILLPOINT_FOOTER_BYTES 64

#endif /* STILLPOINT_IMAGE_H */
