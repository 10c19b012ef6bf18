/* SPDX-License-Identifier: GPL-2.0 */
/* Commands that are about one running domain. */
#ifndef STILLPOINT_CMD_DOMAIN_H
#define STILLPOINT_CMD_DOMAIN_H

#include <stdbool.h>

#include "domain.h"

/**
 * cmd_with_domain - open a domain, have something done with it, and close it
 * @name: its name or number
 * @verbose: let libxc and libxl say what they do on stderr
 * @work: returns 0 or more, or -1 with an error recorded
 * @arg: for @work
 *
 * Returns what @work does, or -1 with an error recorded if there is no such domain.
 */
int cmd_with_domain(const char *name, bool verbose, int (*work)(struct domain *dom, void *arg),
		    void *arg);

/**
 * cmd_keep_domain - have something done with a domain that nobody else is at work on
 * @dom: of the real host; see cmd_with_domain()
 * @work: returns 0, or -1 with an error recorded
 * @arg: for @work
 *
 * If this process is killed while @work has the domain paused, it runs on all the same. To be
 * called before there are other threads. Returns what @work does, or -1 with an error recorded.
 */
int cmd_keep_domain(struct domain *dom, int (*work)(struct domain *dom, void *arg), void *arg);

/* A whole command that knows DOMAIN and --help only. @work as above. Returns the exit status. */
int cmd_only_domain(int argc, char **argv, const char *help,
		    int (*work)(struct domain *dom, void *arg));

#endif /* STILLPOINT_CMD_DOMAIN_H */
