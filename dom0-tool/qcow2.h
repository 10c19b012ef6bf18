/* SPDX-License-Identifier: GPL-2.0 */
/* Disks that are files of the qcow2 format. */
#ifndef STILLPOINT_QCOW2_H
#define STILLPOINT_QCOW2_H

/*
 * Check the header of the qcow2 file @fd, which messages call @name: nothing of it may be in
 * another file, whose name anyone may have written there. Returns 0, or -1 with an error recorded.
 */
int qcow2_check(int fd, const char *name);

#endif /* STILLPOINT_QCOW2_H */
