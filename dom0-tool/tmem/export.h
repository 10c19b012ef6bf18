/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copying a domain's pools while it uses them; protocol.h says what the records mean.
 *
 * Every page of the pools is pending until the export takes it. Before the mark a taken page that
 * changes is pending again, and one that goes leaves a record behind. The mark itself takes
 * no time: what is pending then is what is still to be taken, and nothing is added. A pending
 * page that changes or goes afterwards leaves its blob to the export first.
 */
#ifndef STILLPOINT_TMEM_EXPORTER_H
#define STILLPOINT_TMEM_EXPORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tmem/protocol.h"

struct tmem_domain;
struct tmem_exporter;

/*
 * Begin. @reply's counts are filled in. Returns an enum tmem_status; if it is
 * TMEM_STATUS_OK, *@export is to be given to tmem_export_end().
 */
uint32_t tmem_export_begin(struct tmem_domain *d, uint32_t flags, struct tmem_exporter **export,
			   struct tmem_export_reply *reply);

/*
 * Take records into the @room bytes at @records; *@size are used. Returns an enum tmem_status;
 * reply->state and reply->totals are filled in.
 */
uint32_t tmem_export_next(struct tmem_exporter *x, void *records, uint32_t room,
			  struct tmem_next_reply *reply);

/* The domain's pools are wanted as they are now. Returns an enum tmem_status. */
uint32_t tmem_export_mark(struct tmem_exporter *x);

/* They are not. If anything changed since the mark, the export is given up. */
void tmem_export_unmark(struct tmem_exporter *x);

/* It is, and was not given up. */
bool tmem_export_marked(const struct tmem_exporter *x);

/* The domain that is exported, NULL if it is gone or the export was given up. */
struct tmem_domain *tmem_export_domain(const struct tmem_exporter *x);

void tmem_export_end(struct tmem_exporter *x);

#endif /* STILLPOINT_TMEM_EXPORTER_H */
