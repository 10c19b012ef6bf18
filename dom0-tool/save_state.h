/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of a save share; see save.h for the whole. */
#ifndef STILLPOINT_SAVE_STATE_H
#define STILLPOINT_SAVE_STATE_H

#include "audit.h"
#include "copier.h"
#include "free_pages.h"
#include "image/image.h"
#include "p2m.h"
#include "park.h"
#include "save.h"
#include "sender.h"
#include "snapshot.h"
#include "image/tmem_writer.h"
#include "pool_export.h"
#include "tracker.h"

/**
 * struct save - one save; what is not set up yet is zero
 * @inverse: of the p2m; at first of the p2m before the rounds, in the end of the park's
 * @pending: pages of which the image does not have the newest bytes. A page's bit is
 *	cleared before it is copied, and set again when it is in a set
 * @set: the last set
 * @granted: pages that backends may write, when this round or the park began
 * @free: pages without meaning
 * @written: the p2m as the image describes it
 * @p2m_pages: those of the p2m's own pages that may have changed, by their number
 * @expected: pages that were pending, and not free, when the last set was made
 * @harvested_us: when that was, by clock_us()
 * @looked_us: when it was looked whether the domain is still there, by clock_us()
 * @most_pages: that the domain was seen to have
 * @set_us: how long it took to take it over, the p2m included
 * @tmem: the domain's tmem pools; NULL if it has none
 * @pools: what the image has of them; not set up if the layout has no place for them
 * @tmem_state: what the export said last
 * @tmem_pages: that were taken
 * @tmem_invalidates: the same of handles that became empty
 * @tmem_changes: the same of pools that came or went
 * @side_out: the side file
 * @side: its writer, NULL if none is asked for
 * @freeze: the round in which the guest's file systems are frozen
 * @frozen_us: when they were, by clock_us()
 * @disks: for the disk hook
 * @types_cost: of finding the type of a page
 */
struct save {
	struct domain *dom;
	struct tracker tracker;
	const struct save_options *opts;
	struct save_result *res;
	struct domain_info info;
	struct channel *channel;
	char *config;
	struct blob cpuid;
	struct blob msrs;
	struct p2m p2m;
	struct ram mem;
	struct inverse inverse;
	struct bitmap pending;
	struct bitmap set;
	struct bitmap granted;
	struct free_pages free;
	struct bitmap p2m_pages;
	struct staging staging;
	struct output out;
	struct image *img;
	struct image_p2m written;
	struct copier copier;
	struct sender sender;
	struct park park;
	struct snapshot snap;
	struct audit audit;
	uint64_t expected;
	uint64_t harvested_us;
	uint64_t looked_us;
	uint64_t most_pages;
	uint64_t set_us;
	struct pool_export *tmem;
	struct tmem_writer pools;
	enum tmem_next_state tmem_state;
	uint64_t tmem_pages;
	uint64_t tmem_invalidates;
	uint64_t tmem_changes;
	struct output side_out;
	struct image *side;
	struct freeze freeze;
	uint64_t frozen_us;
	struct disks disks;
	struct copier_cost types_cost;
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

/* Find the p2m, and make room for its pfns. */
int save_find_memory(struct save *s);

/*
 * Take the p2m as it is now, and map what is new in it, which becomes pending. If @set
 * is not NULL, nothing else was written since this was done last.
 */
int save_update_memory(struct save *s, const struct bitmap *set);

/* Take over the set that the tracker made: it is pending. */
int save_collect(struct save *s);

/* Copy what can be while the guest runs, until little is pending. */
int save_live(struct save *s);

/*
 * See that the guest has as many as @pages pages, which one round or the park copies. With one
 * under several pfns there may be more, for which the image's bound has no room.
 */
int save_check_pages(struct save *s, uint64_t pages);

/* See if the domain has tmem pools, and if the image has a place for them. */
int save_tmem_open(struct save *s);

/* Tell the image which there are. Behind its head, before its p2m. */
int save_tmem_begin(struct save *s);

/* While the guest runs: copy some of what changed, until @all was for now. */
int save_tmem_live(struct save *s, bool all);

/* The domain is paused in its park: what is in the pools now is what the image will have. */
int save_tmem_hold(struct save *s);

/* Its memory was copied: let the ring be served. Does not wait for it. */
int save_tmem_release(struct save *s);

/* See that the hold lasted as long as it had to; or that there still are no pools. */
int save_tmem_released(struct save *s);

/* Write what is missing of the pools at the hold. Before the image's tail. */
int save_tmem_finish(struct save *s);

/* End the copy, and the hold if there is one. */
void save_tmem_close(struct save *s);

void save_tmem_free(struct save *s);
/* Freeze the guest's file systems, if that is asked for. */
int save_freeze(struct save *s);

/* Thaw them, if they are frozen; they must have been so until now. */
int save_thaw(struct save *s);

/*
 * The guest is parked, but not paused: wait for its block requests and run the disk hook, if
 * there is one. After an error the guest runs on.
 */
int save_disks(struct save *s);

/* How long the guest stays in its park by itself, in milliseconds. */
uint64_t save_deadline_ms(const struct save *s);

/* Write what found no room in memory, while the guest is paused. */
int save_spill(struct save *s);

/*
 * Compare all that the image has or will have with the paused guest. Returns 0, or -1
 * with an error recorded; s->res->audit tells the differences.
 */
int save_audit(struct save *s);

/* Describe the p2m in the image, unless it is described as it is. */
int save_p2m(struct save *s);

/* Write all the rest, bring it to disk and give the file its name. */
int save_write(struct save *s);

#endif /* STILLPOINT_SAVE_STATE_H */
