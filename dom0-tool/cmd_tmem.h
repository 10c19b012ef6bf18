/* SPDX-License-Identifier: GPL-2.0 */
/* The commands of 'stillpoint tmem'. */
#ifndef STILLPOINT_CMD_TMEM_H
#define STILLPOINT_CMD_TMEM_H

int cmd_tmem_serve(int argc, char **argv);
int cmd_tmem_list(int argc, char **argv);
int cmd_tmem_stats(int argc, char **argv);
int cmd_tmem_set(int argc, char **argv);

#endif /* STILLPOINT_CMD_TMEM_H */
