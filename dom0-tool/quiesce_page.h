/* SPDX-License-Identifier: GPL-2.0 */
/* The quiesce page of a guest's module (quiesce.h) and the event channel beside it. */
#ifndef STILLPOINT_QUIESCE_PAGE_H
#define STILLPOINT_QUIESCE_PAGE_H

#include <stdint.h>

#include <stillpoint/quiesce.h>

struct quiesce_page;

/* What is wanted of a quiesce page. */
enum quiesce_use {
	QUIESCE_LOOK, /* it is mapped read-only */
	QUIESCE_TELL, /* also written; the channel is somebody else's */
	QUIESCE_ASK,  /* with the channel, which one tool at a time can have */
};

/**
 * struct quiesce_page_ops - an implementation of struct quiesce_page
 * @notify: signal the guest, if we have the channel; 0 or a negative errno
 * @wait: sleep until the guest signals or @us microseconds passed; 0 or a negative
 *	errno (-EINTR on a caught signal)
 * @report: copy the first @bytes of the report, whose pages have the grants @refs, to
 *	@text, which has room for them; 0 or a negative errno
 * @close: unmap, unbind and free
 */
struct quiesce_page_ops {
	int (*notify)(struct quiesce_page *page);
	int (*wait)(struct quiesce_page *page, uint64_t us);
	int (*report)(struct quiesce_page *page, const uint32_t refs[STILLPOINT_REPORT_PAGES],
		      char *text, uint32_t bytes);
	void (*close)(struct quiesce_page *page);
};

/**
 * struct quiesce_page - an open quiesce page
 * @guest: the half that the guest writes, at any time
 * @host: the half that is ours to write, NULL with QUIESCE_LOOK
 */
struct quiesce_page {
	const struct quiesce_page_ops *ops;
	const volatile struct stillpoint_quiesce_guest *guest;
	volatile struct stillpoint_quiesce_host *host;
};

/* Copy the guest's half, each field once, and check it. Returns 0, or -1, recorded. */
int quiesce_page_get(const struct quiesce_page *page, struct stillpoint_quiesce_guest *guest);

/* A word for an enum stillpoint_quiesce_state or _result; "unknown" for what is none. */
const char *quiesce_state_name(uint32_t state);
const char *quiesce_result_name(uint32_t result);

/*
 * The report of the round that @guest tells of, as a string; free() it. It has whole lines
 * only, of printable characters, tabs and newlines. NULL with an error recorded.
 */
char *quiesce_page_report(struct quiesce_page *page, const struct stillpoint_quiesce_guest *guest);

#endif /* STILLPOINT_QUIESCE_PAGE_H */
