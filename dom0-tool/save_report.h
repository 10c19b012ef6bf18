/* SPDX-License-Identifier: GPL-2.0 */
/* Telling how a save went. */
#ifndef STILLPOINT_SAVE_REPORT_H
#define STILLPOINT_SAVE_REPORT_H

#include "domain.h"
#include "save.h"

/* The result as JSON on stdout. Returns 0, or -1 with an error recorded. */
int save_report_json(const struct save_options *opts, const struct domain *dom,
		     const struct save_result *res, bool failed);

/* One line on stderr. */
void save_report_terminal(const struct save_options *opts, const struct save_result *res);

/* The rounds and the pause as tables on stderr. */
void save_report_rounds(const struct save_result *res);

/* A line on stderr for each difference that an audit found. */
void save_report_audit(const struct save_result *res);

#endif /* STILLPOINT_SAVE_REPORT_H */
