/* SPDX-License-Identifier: GPL-2.0 */
/* Making a domain's pools from records, before the domain exists; see protocol.h. */
#ifndef STILLPOINT_TMEM_IMPORT_H
#define STILLPOINT_TMEM_IMPORT_H

#include "tmem/store.h"

struct tmem_importer;

/* All return an enum tmem_status. *@import is to be given to tmem_import_end(). */
uint32_t tmem_import_begin(struct tmem_store *s, const struct tmem_import_request *request,
			   struct tmem_importer **import);

/* Take the @size bytes of records. After anything but TMEM_STATUS_OK no more can be taken. */
uint32_t tmem_import_records(struct tmem_importer *im, const void *records, uint32_t size);

/* There are no more; @totals is what there should be. */
uint32_t tmem_import_finish(struct tmem_importer *im, const struct tmem_totals *totals);

uint32_t tmem_import_bind(struct tmem_importer *im, uint32_t domid, const uint8_t uuid[16]);

/* What was not bound is dropped. */
void tmem_import_end(struct tmem_importer *im);

#endif /* STILLPOINT_TMEM_IMPORT_H */
