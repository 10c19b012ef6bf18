/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SP_STATS_H
#define SP_STATS_H

/* /sys/hypervisor/stillpoint/, one counter a file. */
int sp_stats_init(void);
void sp_stats_exit(void);

#endif /* SP_STATS_H */
