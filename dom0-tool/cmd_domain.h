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

/* A whole command that knows DOMAIN and --help only. @work as above. Returns the exit status. */
int cmd_only_domain(int argc, char **argv, const char *help,
		    int (*work)(struct domain *dom, void *arg));

#endif /* STILLPOINT_CMD_DOMAIN_H */
