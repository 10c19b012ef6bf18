/* SPDX-License-Identifier: GPL-2.0 */
/* An image against the guest that it is of. */
#ifndef STILLPOINT_IMAGE_COMPARE_H
#define STILLPOINT_IMAGE_COMPARE_H

#include "domain_file.h"
#include "image_parse.h"

/*
 * Fail the test unless a restore of the image @path would make the guest that @m has
 * now; a page that is free may be zero. *p becomes what stands in it; free() p->file.
 */
void image_compare(const char *path, struct machine *m, struct parsed *p);

#endif /* STILLPOINT_IMAGE_COMPARE_H */
