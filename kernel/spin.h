/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SP_SPIN_H
#define SP_SPIN_H

#include <linux/linkage.h>
#include <linux/types.h>

/* See spin.S. @deadline is a TSC value. */
asmlinkage u64 stillpoint_spin(u64 generation, u64 magic, u64 start_info, u64 deadline);

extern const char stillpoint_window_start[], stillpoint_window_end[];

#endif /* SP_SPIN_H */
