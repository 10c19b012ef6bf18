/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of a save share; see save.h for the whole. */
#ifndef STILLPOINT_SAVE_STATE_H
#define STILLPOINT_SAVE_STATE_H

#include "image_xl.h"
#include "p2m.h"
#include "park.h"
#include "save.h"
#include "snapshot.h"

/**
 * struct save - one save; what is not set up yet is zero
 * @head_written: the image has begun
 */
struct save {
	struct domain *dom;
	struct tracker *tracker;
	const struct save_options *opts;
	struct save_result *res;
	struct domain_info info;
	struct channel *channel;
	char *config;
	struct blob cpuid;
	struct blob msrs;
	struct p2m p2m;
	struct ram mem;
	struct staging staging;
	struct output out;
	struct image_xl xl;
	struct park park;
	struct snapshot snap;
	struct inverse inverse;
	bool head_written;
};

static inline void save_phase(const struct save *s, const char *name)
{
	if (s->opts->phase)
		s->opts->phase(name);
}

/*
 * Everything that can be done before the guest is asked: check the domain, open the
 * control page, map all memory, begin the file. All below return 0, or -1 with an
 * error recorded.
 */
int save_prepare(struct save *s);

/* Take the p2m as it is now, and map what is new in it. */
int save_update_memory(struct save *s);

/* Write what found no room in memory, while its mapping still holds. */
int save_spill(struct save *s);

/* Write all the rest, bring it to disk and give the file its name. */
int save_write(struct save *s);

#endif /* STILLPOINT_SAVE_STATE_H */
