/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The park registers: what vCPU 0 of a parked guest holds, and how dom0
 * answers by rewriting rax.
 *
 * They hold while rip is inside [window_start, window_end) of the control
 * page. Outside of it, even inside the loop, the guest is reading the TSC:
 * unpause, and look again. A value that dom0 puts into rax while rip is inside
 * the window is always seen.
 *
 *   rax  STILLPOINT_RAX_PARKED
 *   rdx  machine frame of start_info (libxc's restore rewrites it; a frame
 *	  number in the image is a pfn)
 *   rsi  STILLPOINT_PARK_MAGIC
 *   rdi  guest_half.generation
 */
#ifndef STILLPOINT_PARK_H
#define STILLPOINT_PARK_H

#define STILLPOINT_RAX_PARKED 0
#define STILLPOINT_RAX_RUN_ON 1	  /* the checkpoint is over; go on */
#define STILLPOINT_RAX_RESTORED 2 /* only in an image: you were restored */

#define STILLPOINT_PARK_MAGIC 0x4b524150544e5053 /* "SPNTPARK" */

#endif /* STILLPOINT_PARK_H */
