/* SPDX-License-Identifier: GPL-2.0 */
/* Pages, frame numbers and page types, as Xen's domctl.h numbers them. */
#ifndef STILLPOINT_PAGE_H
#define STILLPOINT_PAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <xenctrl.h>

#define PAGE_BITS 12
#define PAGE_BYTES 4096u
#define ENTRIES_PER_PAGE 512u /* 64-bit words in a page */

#define INVALID_FRAME UINT64_MAX

/*
 * The widest machine frame number: 52 physical address bits. A p2m entry above
 * it is no frame of the domain; Linux marks identity and foreign entries in
 * bits 62 and 63 and missing ones with all bits set.
 */
#define MFN_MAX ((UINT64_C(1) << 40) - 1)

/* The bits of XEN_DOMCTL_PFINFO_LTAB_MASK, shifted down. */
static inline unsigned int page_type_number(uint32_t type)
{
	return (type & XEN_DOMCTL_PFINFO_LTAB_MASK) >> XEN_DOMCTL_PFINFO_LTAB_SHIFT;
}

/* The level of a page table, 1 to 4, or 0 if @type is none. */
static inline unsigned int page_type_level(uint32_t type)
{
	unsigned int n = page_type_number(type);

	if (n >= 9 && n <= 12)
		n -= 8;
	return n <= 4 ? n : 0;
}

/* True if the stream carries the bytes of such a page. */
static inline bool page_type_has_data(uint32_t type)
{
	return page_type_number(type) == 0 || page_type_level(type);
}

/* True if libxc's restore knows the type (xg_sr_common.h, is_known_page_type). */
static inline bool page_type_known(uint32_t type)
{
	return page_type_has_data(type) || page_type_number(type) >= 13;
}

/* Whether the PAGE_BYTES at @page are zero. */
static inline bool page_is_zero(const void *page)
{
	const uint8_t *p = page;
	uint64_t first;

	memcpy(&first, p, sizeof(first));
	return !first && !memcmp(p, p + sizeof(first), PAGE_BYTES - sizeof(first));
}

#endif /* STILLPOINT_PAGE_H */
