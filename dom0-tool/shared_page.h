/* SPDX-License-Identifier: GPL-2.0 */
/* A page that a guest granted to dom0, and an event channel of its own. */
#ifndef STILLPOINT_SHARED_PAGE_H
#define STILLPOINT_SHARED_PAGE_H

#include <stdbool.h>
#include <stdint.h>

/* xenctrl.h must be the first of Xen's headers: it makes the others the tools' variant. */
#include "domain_xen.h"

#include <xenevtchn.h>
#include <xengnttab.h>

/**
 * struct shared_page - mapped and bound
 * @page: NULL if it is not mapped
 * @evtchn: NULL if the channel is not wanted
 * @port: our end of the event channel, negative if it is not bound
 */
struct shared_page {
	xengnttab_handle *gnttab;
	void *page;
	xenevtchn_handle *evtchn;
	xenevtchn_port_or_error_t port;
};

/*
 * Map the page with the grant @ref, which the messages call @what. Returns 0, or -1 with an
 * error recorded; shared_page_close() is due either way.
 */
int shared_page_map(struct shared_page *sp, struct domain_xen *dx, const char *what, uint32_t ref,
		    bool write);

/* Bind the guest's @port. Returns 0, or -1 with an error recorded. */
int shared_page_bind(struct shared_page *sp, struct domain_xen *dx, uint32_t port);

/* Signal the guest. Returns 0 or a negative errno. */
int shared_page_notify(struct shared_page *sp);

/* Sleep until the guest signals or @us microseconds passed. Returns 0 or a negative errno. */
int shared_page_wait(struct shared_page *sp, uint64_t us);

void shared_page_close(struct shared_page *sp);

#endif /* STILLPOINT_SHARED_PAGE_H */
