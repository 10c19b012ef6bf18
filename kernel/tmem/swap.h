/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The block device /dev/tmemswap0, whose pages are in the store. It has no size until
 * one is written to /sys/block/tmemswap0/disksize; see docs/tmem.md.
 */
#ifndef SP_TMEM_SWAP_H
#define SP_TMEM_SWAP_H

int sp_swap_init(void);
void sp_swap_exit(void);

#endif /* SP_TMEM_SWAP_H */
