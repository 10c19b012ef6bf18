/* SPDX-License-Identifier: GPL-2.0 */
/* The part of an image that libxc reads. */
#ifndef STILLPOINT_LIBXC_CHECK_H
#define STILLPOINT_LIBXC_CHECK_H

#include "check.h"
#include "reader.h"

/*
 * Check the stream from its image header to its END record, with every rule that
 * libxc's restore would fail on after it made a domain. Fills in info->hvm and
 * info->pages. Returns 0 or -1, recorded.
 */
int libxc_check(struct reader *r, struct image_info *info);

#endif /* STILLPOINT_LIBXC_CHECK_H */
