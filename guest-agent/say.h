/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AGENT_SAY_H
#define AGENT_SAY_H

/*
 * One line on stderr, after "stillpoint-agent: ". Never while file systems may be frozen:
 * whoever reads it may have to write it down.
 */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

#endif /* AGENT_SAY_H */
