/* SPDX-License-Identifier: GPL-2.0 */
/* A module's quiesce page that answers as the real one does, or as a test tells it to. */
#ifndef STILLPOINT_QUIESCE_FAKE_H
#define STILLPOINT_QUIESCE_FAKE_H

#include "quiesce_page.h"

/* What becomes of a request to freeze. */
enum quiesce_module {
	QUIESCE_WORKS,
	QUIESCE_SILENT, /* nothing */
	QUIESCE_ENDS,	/* the round ends with fake.result and fake.error before it is frozen */
	QUIESCE_BREAKS, /* it ends so after fake.looks further looks at it */
};

/**
 * struct quiesce_fake - one
 * @module: what it does
 * @result: see @module
 * @error: see @module
 * @looks: see @module
 * @report: its report
 * @open: pages that are open
 * @rounds: rounds that were frozen
 * @thaws: rounds that dom0 ended
 * @fail_map: no page can be opened
 * @blind: the agent ends before it has looked for what is not held
 * @mounted: it finds something, but only then
 */
struct quiesce_fake {
	struct stillpoint_quiesce_guest guest;
	struct stillpoint_quiesce_host host;
	enum quiesce_module module;
	enum stillpoint_quiesce_result result;
	int error;
	unsigned int looks;
	const char *report;
	unsigned int open;
	unsigned int rounds;
	unsigned int thaws;
	bool fail_map;
	bool blind;
	bool mounted;
};

void quiesce_fake_init(struct quiesce_fake *fake);

/* As the operation of a domain. */
int quiesce_fake_open(struct quiesce_fake *fake, enum quiesce_use use, struct quiesce_page **page);

/* The round that is under way ends. */
void quiesce_fake_end(struct quiesce_fake *fake, enum stillpoint_quiesce_result result);

#endif /* STILLPOINT_QUIESCE_FAKE_H */
