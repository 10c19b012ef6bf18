/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AGENT_SLURP_H
#define AGENT_SLURP_H

/*
 * Read a file of /proc or /sys whole, with a NUL at the end. *text is to be freed. Returns 0
 * or a negative errno; -EFBIG above 16 MiB.
 */
int slurp(const char *path, char **text);

#endif /* AGENT_SLURP_H */
