/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The layout of xl's save files. Sources: Xen's docs/specs/
 * libxl-migration-stream.pandoc and libxc-migration-stream.pandoc, and for the
 * envelope tools/xl/xl.h (struct save_file_header). Little endian where nothing
 * else is said.
 */
#ifndef STILLPOINT_XL_FORMAT_H
#define STILLPOINT_XL_FORMAT_H

#include <stdint.h>

/* The envelope. */
#define XL_MAGIC_SIZE 32
#define XL_MAGIC "Xen saved domain, xl format\n \0 \r"
#define XL_BYTEORDER 0x01020304u
#define XL_FLAG_JSON (1u << 0)
#define XL_FLAG_STREAMV2 (1u << 1)

/**
 * struct xl_header - followed by @optional_length bytes: the u32 length of the
 *	configuration, the configuration with its final zero byte, and bytes that
 *	xl does not read
 */
struct xl_header {
	char magic[XL_MAGIC_SIZE];
	uint32_t byteorder;
	uint32_t mandatory_flags;
	uint32_t optional_flags;
	uint32_t optional_length;
};

/* The libxl stream; its header is big endian. */
#define LIBXL_IDENT 0x4c6962786c466d74ull /* "LibxlFmt" */
#define LIBXL_VERSION 2u
#define LIBXL_OPTION_BIG_ENDIAN (1u << 0)
#define LIBXL_OPTION_LEGACY (1u << 1)

struct libxl_header {
	uint64_t ident;
	uint32_t version;
	uint32_t options;
};

enum libxl_record {
	LIBXL_END = 0,
	LIBXL_LIBXC_CONTEXT = 1,
	LIBXL_EMULATOR_XENSTORE_DATA = 2,
	LIBXL_EMULATOR_CONTEXT = 3,
};

/* The libxc stream: id, version and options of its image header are big endian. */
#define LIBXC_MARKER 0xffffffffffffffffull
#define LIBXC_ID 0x58454e46u /* "XENF" */
#define LIBXC_VERSION 3u
#define LIBXC_OPTION_BIG_ENDIAN (1u << 0)

struct libxc_image_header {
	uint64_t marker;
	uint32_t id;
	uint32_t version;
	uint16_t options;
	uint16_t reserved1;
	uint32_t reserved2;
};

#define LIBXC_TYPE_X86_PV 1u
#define LIBXC_TYPE_X86_HVM 2u

struct libxc_domain_header {
	uint32_t type;
	uint16_t page_shift;
	uint16_t reserved;
	uint32_t xen_major;
	uint32_t xen_minor;
};

/* Both streams have such records; the body is padded with zeroes to 8 bytes. */
struct record_header {
	uint32_t type;
	uint32_t length;
};

#define RECORD_ALIGN 8u
#define RECORD_LENGTH_MAX (128u << 20)
#define RECORD_OPTIONAL (1u << 31) /* in libxc's stream only */

enum libxc_record {
	LIBXC_END = 0x00,
	LIBXC_PAGE_DATA = 0x01,
	LIBXC_X86_PV_INFO = 0x02,
	LIBXC_X86_PV_P2M_FRAMES = 0x03,
	LIBXC_X86_PV_VCPU_BASIC = 0x04,
	LIBXC_X86_PV_VCPU_EXTENDED = 0x05,
	LIBXC_X86_PV_VCPU_XSAVE = 0x06,
	LIBXC_SHARED_INFO = 0x07,
	LIBXC_X86_TSC_INFO = 0x08,
	LIBXC_HVM_CONTEXT = 0x09,
	LIBXC_HVM_PARAMS = 0x0a,
	LIBXC_X86_PV_VCPU_MSRS = 0x0c,
	LIBXC_STATIC_DATA_END = 0x10,
	LIBXC_X86_CPUID_POLICY = 0x11,
	LIBXC_X86_MSR_POLICY = 0x12,
};

/* PAGE_DATA: then count pfns with types, then a page for each that has data. */
struct libxc_page_data {
	uint32_t count;
	uint32_t reserved;
};

#define PAGE_DATA_PFN_MASK 0x000fffffffffffffull
#define PAGE_DATA_TYPE_SHIFT 32 /* a type's bits are 28 to 31 of a u32 */
#define PAGE_DATA_MAX 1024u	/* pfns in a record that libxc writes */

struct libxc_x86_pv_info {
	uint8_t guest_width;
	uint8_t pt_levels;
	uint8_t reserved[6];
};

/* Then one u64 pfn for each frame of the p2m. */
struct libxc_x86_pv_p2m_frames {
	uint32_t start_pfn;
	uint32_t end_pfn;
};

/* Then the context. */
struct libxc_x86_pv_vcpu {
	uint32_t vcpu_id;
	uint32_t reserved;
};

struct libxc_x86_tsc_info {
	uint32_t mode;
	uint32_t khz;
	uint64_t nsec;
	uint32_t incarnation;
	uint32_t reserved;
};

#endif /* STILLPOINT_XL_FORMAT_H */
