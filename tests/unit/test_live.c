// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <xenctrl.h>

#include <xen/event_channel.h>

#include "domain_file.h"
#include "image_compare.h"
#include "pagetable.h"
#include "pump.h"
#include "save.h"
#include "signals.h"
#include "sink.h"
#include "tempdir.h"

#define PFNS 1500

static struct machine *m;
static struct save_options opts;
static struct save_result res;
static struct parsed p;

/* Sets made so far, the useless first one and the one at the park included. */
static unsigned int sets;

static char phases[1024];
static int phase_count;
static int raise_at;

static void on_phase(const char *name)
{
	snprintf(phases + strlen(phases), sizeof(phases) - strlen(phases), "%s, ", name);
	if (++phase_count == raise_at)
		raise(SIGINT);
}

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	signals_catch();
	signals_reset();
	msg_error_clear();
	m = machine_build(PFNS);
	machine_track(m);
	machine_set_p2m(m, 30, UINT64_MAX);
	m->types[m->p2m_mfn[30]] = XEN_DOMCTL_PFINFO_XTAB;
	memset(&opts, 0, sizeof(opts));
	opts.path = "image";
	opts.park_timeout_ms = 200;
	opts.deadline_ms = 200;
	opts.track = &tracker_guest;
	opts.max_rounds = 10;
	opts.threads = 3;
	opts.staging = UINT64_C(1) << 30;
	opts.phase = on_phase;
	phases[0] = '\0';
	phase_count = 0;
	raise_at = 0;
	sets = 0;
	memset(&p, 0, sizeof(p));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(p.file);
	/* Nothing leaks, whatever happened. */
	assert_int_equal(m->mapped, 0);
	assert_int_equal(m->channels, 0);
	assert_false(m->logging);
	machine_free(m);
	tempdir_leave();
	signals_reset();
	msg_error_clear();
	return 0;
}

static int save(void)
{
	return save_run(&m->dom, &opts, &res);
}

static void assert_untouched(void)
{
	assert_int_equal(m->pauses, 0);
	assert_int_equal(m->total_pauses, 0);
	assert_int_equal(machine_guest_half(m)->generation, 0);
	assert_int_equal(tempdir_count("."), 0);
}

static void assert_untracked(void)
{
	assert_int_equal(machine_guest_half(m)->epoch, 0);
	assert_int_equal(machine_host_half(m)->op, STILLPOINT_OP_UNTRACK);
}

/* The save works, and the image is the guest. */
static void assert_saved(void)
{
	assert_works(save());
	assert_int_equal(m->pauses, 0);
	assert_true(res.confirmed);
	free(p.file);
	image_compare("image", m, &p);
	assert_int_equal(machine_guest_half(m)->epoch, 0);
}

/* A guest that writes fewer pages each time, and others: all, 600, 150, 37, ... */
static void write_fewer(struct machine *mach)
{
	unsigned int n = 9600 >> (2 * ++sets), i;

	for (i = 0; i < n; i++)
		machine_write(mach, 50 + (i * 2 + sets % 2) % 1400, sets * 16 + i);
}

static void rounds_bring_what_changed(void **state)
{
	unsigned int i;

	(void)state;
	m->on_harvest = write_fewer;
	assert_saved();
	assert_string_equal(res.tracker, "guest");
	assert_true(res.nrounds >= 3 && res.nrounds < 10);
	assert_int_equal(res.rounds[0].set, PFNS - 1);
	/* Neither page tables nor what has no frame. */
	assert_int_equal(res.rounds[0].sent, PFNS - 1 - 5);
	for (i = 1; i < res.nrounds; i++) {
		assert_true(res.rounds[i].set < res.rounds[i - 1].set);
		assert_int_equal(res.rounds[i].guest_harvest_us, 77);
	}
	assert_true(res.pending < 50);
	assert_int_equal(res.staged, res.pending);
	assert_int_equal(res.pages, PFNS - 1);
	assert_int_equal(p.data_pages, res.sent + res.staged);
	assert_int_equal(res.guest_stop_us, 200);
	assert_int_equal(res.guest_set_us, 77);
	assert_int_equal(m->total_pauses, 1);
	assert_non_null(strstr(phases, "tracking, round 1, harvested, round 2, "));
	assert_non_null(strstr(phases, "requesting, parked, paused, copying, copied, flipped, "));
}

/* A backend gives its grant back when the third set is made. */
static void give_back(struct machine *mach)
{
	write_fewer(mach);
	machine_write(mach, 700, sets);
	if (sets == 3)
		mach->granted = 0;
}

static void granted_pages_wait(void **state)
{
	(void)state;
	m->on_harvest = write_fewer;
	m->granted = m->p2m_mfn[700];
	assert_saved();
	assert_int_equal(res.rounds[0].sent, PFNS - 1 - 5 - 1);
	assert_true(res.pending > 0);
	sets = 0;
	opts.replace = true;
	m->on_harvest = give_back;
	m->granted = m->p2m_mfn[700];
	assert_saved();
	/* Nobody may know who has grants. */
	sets = 0;
	m->fail_op = OP_GRANTED;
	m->granted = m->p2m_mfn[700];
	assert_saved();
	assert_int_equal(res.rounds[0].sent, PFNS - 1 - 5);
}

/* Pages change while they are copied, before and after their own copy. */
static void write_meanwhile(struct machine *mach)
{
	static unsigned int seed;
	unsigned int i;

	for (i = 0; i < 20 && !mach->pauses; i++) {
		seed = seed * 1103515245 + 12345;
		machine_write(mach, 50 + (seed >> 8) % 1400, seed >> 16);
	}
}

static void pages_that_change_while_copied_are_copied_again(void **state)
{
	(void)state;
	m->on_types = write_meanwhile;
	assert_saved();
	opts.replace = true;
	opts.track = &tracker_logdirty;
	assert_saved();
	opts.track = &tracker_compare;
	assert_saved();
	opts.track = NULL;
	opts.audit = true;
	assert_saved();
	assert_string_equal(res.tracker, "guest");
	assert_int_equal(res.audit.pages, PFNS - 1);
	assert_int_equal(res.audit.missed, 0);
	assert_int_equal(res.audit.late, 0);
}

static void write_much(struct machine *mach)
{
	unsigned int i;

	sets++;
	for (i = 0; i < 1000; i++)
		machine_write(mach, 100 + i, sets + i);
}

static void endless_dirtier_is_parked_after_few_rounds(void **state)
{
	(void)state;
	m->on_harvest = write_much;
	assert_saved();
	assert_int_equal(res.nrounds, 3);
	assert_true(res.pending >= 1000);
}

/* Always an eighth and a bit less, so that it looks worth another round. */
static void write_a_bit_less(struct machine *mach)
{
	static unsigned int n;
	unsigned int i;

	n = sets++ ? n * 6 / 7 : 1300;
	for (i = 0; i < n; i++)
		machine_write(mach, 100 + i, sets + i);
}

static void rounds_are_bounded(void **state)
{
	(void)state;
	m->on_harvest = write_a_bit_less;
	opts.max_rounds = 100;
	assert_saved();
	/* Three times the memory, and the round that went beyond. */
	assert_true(res.sent > 3 * PFNS || res.nrounds < 10);
	assert_true(res.sent < 4 * PFNS);
	opts.replace = true;
	sets = 0;
	opts.max_rounds = 2;
	assert_saved();
	assert_int_equal(res.nrounds, 2);
	sets = 0;
	opts.max_rounds = 1;
	assert_saved();
	assert_int_equal(res.nrounds, 1);
}

/* Between rounds 1 and 2, a page becomes a page table, and a page table a page. */
static void change_types(struct machine *mach)
{
	uint64_t *table = machine_page(mach, 300);

	if (++sets != 2)
		return;
	memset(table, 0, PAGE_BYTES);
	table[7] = mach->p2m_mfn[301] << PAGE_BITS | 0x63;
	mach->types[mach->p2m_mfn[300]] = XEN_DOMCTL_PFINFO_L1TAB;
	mach->types[mach->p2m_mfn[MACHINE_USER_L4]] = XEN_DOMCTL_PFINFO_NOTAB;
	mach->vcpu[1].ctrlreg[1] = 0;
	machine_write(mach, MACHINE_USER_L4, 0x33);
}

static void types_that_change_between_rounds_are_followed(void **state)
{
	(void)state;
	m->on_harvest = change_types;
	assert_saved();
	assert_int_equal(p.type[300], 1);
	assert_int_equal(p.type[MACHINE_USER_L4], 0);
}

static unsigned int balloon_at;

static void balloon(struct machine *mach)
{
	write_fewer(mach);
	if (sets != balloon_at)
		return;
	/* A page goes, another comes. */
	machine_set_p2m(mach, 200, UINT64_MAX);
	mach->types[mach->p2m_mfn[200]] = XEN_DOMCTL_PFINFO_XTAB;
	mach->types[mach->p2m_mfn[30]] = XEN_DOMCTL_PFINFO_NOTAB;
	machine_set_p2m(mach, 30, mach->p2m_mfn[30]);
	memset(machine_page(mach, 30), 0x44, PAGE_BYTES);
	/* The p2m is memory of the guest. */
	machine_mark(mach, MACHINE_P2M);
}

static void balloon_what_was_written(struct machine *mach)
{
	if (sets + 1 == balloon_at)
		machine_write(mach, 200, 7);
	balloon(mach);
}

static void ballooned_pages_are_followed(void **state)
{
	/* In the first set that is looked at, in the second, in the park's. */
	(void)state;
	opts.replace = true;
	m->on_harvest = balloon;
	for (balloon_at = 2; balloon_at <= 4; balloon_at++) {
		machine_set_p2m(m, 200, m->p2m_mfn[200]);
		m->types[m->p2m_mfn[200]] = XEN_DOMCTL_PFINFO_NOTAB;
		machine_set_p2m(m, 30, UINT64_MAX);
		m->types[m->p2m_mfn[30]] = XEN_DOMCTL_PFINFO_XTAB;
		sets = 0;
		assert_saved();
		assert_int_equal(sets, 4);
		assert_int_equal(p.type[200], 15);
		assert_int_equal(p.page[30][0], 0x44);
		assert_int_equal(res.pages, PFNS - 1);
	}
}

static void images_that_no_domain_could_hold_are_refused(void **state)
{
	(void)state;
	m->on_harvest = balloon;
	balloon_at = 2;
	m->info.max_pages = PFNS - 1;
	assert_fails(save(), "gave 1 pages back");
	assert_int_equal(m->pauses, 0);
	assert_int_equal(tempdir_count("."), 0);
}

/* Pfns that are empty at first, and get pages when the second set is made. */
#define EMPTY 1100
#define EMPTY_END 1400

static void empty_some(void)
{
	uint64_t pfn;

	for (pfn = EMPTY; pfn < EMPTY_END; pfn++) {
		machine_set_p2m(m, pfn, UINT64_MAX);
		m->types[m->p2m_mfn[pfn]] = XEN_DOMCTL_PFINFO_XTAB;
	}
	m->info.pages = PFNS - 1 - (EMPTY_END - EMPTY);
	sets = 0;
}

static void mark_all(struct machine *mach)
{
	uint64_t pfn;

	for (pfn = 0; pfn < PFNS; pfn++)
		machine_mark(mach, pfn);
}

/* All of them are the same page, of which there are not more. */
static void alias_one_page(struct machine *mach)
{
	uint64_t pfn;

	if (++sets != 2)
		return;
	for (pfn = EMPTY; pfn < EMPTY_END; pfn++)
		machine_set_p2m(mach, pfn, mach->p2m_mfn[600]);
	mark_all(mach);
}

static void grow(struct machine *mach)
{
	uint64_t pfn;

	if (++sets != 2)
		return;
	for (pfn = EMPTY; pfn < EMPTY_END; pfn++) {
		mach->types[mach->p2m_mfn[pfn]] = XEN_DOMCTL_PFINFO_NOTAB;
		machine_set_p2m(mach, pfn, mach->p2m_mfn[pfn]);
	}
	mach->info.pages = PFNS - 1;
	mark_all(mach);
}

/* In a round, and, with no room in memory, at the park. */
static void aliases_do_not_make_the_image_large(void **state)
{
	static const enum image_layout layouts[] = { IMAGE_XL, IMAGE_PACKED, IMAGE_MAPPED };
	unsigned int i, rounds;

	(void)state;
	m->on_harvest = alias_one_page;
	opts.staging = 0;
	for (i = 0; i < 3; i++) {
		for (rounds = 1; rounds <= 2; rounds++) {
			opts.image.layout = layouts[i];
			opts.max_rounds = rounds;
			empty_some();
			assert_fails(save(), rounds == 2 && layouts[i] == IMAGE_MAPPED ?
						     "machine frame" :
						     "of a guest that has 1199");
			assert_int_equal(m->pauses, 0);
			assert_int_equal(tempdir_count("."), 0);
		}
	}
}

static void guest_may_grow(void **state)
{
	(void)state;
	m->on_harvest = grow;
	opts.replace = true;
	for (opts.max_rounds = 1; opts.max_rounds <= 2; opts.max_rounds++) {
		empty_some();
		assert_saved();
		assert_int_equal(res.pages, PFNS - 1);
	}
}

/* The second frame of the p2m moves to another page. */
static void move_p2m(struct machine *mach)
{
	uint64_t *l1 = machine_page(mach, MACHINE_L1);

	if (++sets != 2)
		return;
	memcpy(machine_page(mach, 400), machine_page(mach, MACHINE_P2M + 1), PAGE_BYTES);
	machine_mark(mach, 400);
	l1[(MACHINE_P2M_VADDR >> 12 & 511) + 1] = mach->p2m_mfn[400] << PAGE_BITS | 0x63;
	machine_shared_info(mach)->arch.p2m_generation += 2;
}

static void p2m_that_moves_is_described_again(void **state)
{
	(void)state;
	m->on_harvest = move_p2m;
	assert_saved();
	assert_int_equal(p.records[3], 2);
	assert_int_equal(p.p2m_frames[1], 400);
}

static void shrink_p2m(struct machine *mach)
{
	if (++sets == 2)
		machine_shared_info(mach)->arch.max_pfn = 1000;
}

static void p2m_that_shrinks_is_an_error(void **state)
{
	(void)state;
	m->on_harvest = shrink_p2m;
	assert_fails(save(), "shrank from 1500 to 1000");
	assert_untouched();
	assert_untracked();
}

static void what_does_not_fit_memory_is_written_while_parked(void **state)
{
	static const uint64_t budgets[] = { 0, 1, 100, 1100 };
	static const enum save_after after[] = { SAVE_RUN_ON, SAVE_PAUSE, SAVE_STOP };
	unsigned int i;

	(void)state;
	m->on_harvest = write_much;
	opts.replace = true;
	opts.audit = true;
	for (i = 0; i < 4; i++) {
		opts.staging = budgets[i] * PAGE_BYTES;
		assert_saved();
	}
	for (i = 1; i < 3; i++) {
		opts.after = after[i];
		assert_works(save());
		free(p.file);
		image_compare("image", m, &p);
		m->pauses = 0;
		machine_pass_deadline(m);
		machine_guest_half(m)->state = STILLPOINT_STATE_IDLE;
		machine_guest_half(m)->epoch = 0;
	}
}

static void hostile_directories_are_refused(void **state)
{
	static const uint64_t bad[] = { PFNS, 30, UINT64_MAX, UINT64_C(1) << 40 };
	struct stillpoint_guest_half *g = machine_guest_half(m);
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		g->bitmap_dir[0] = bad[i];
		assert_fails(save(), "directory 0");
		assert_untouched();
		assert_untracked();
	}
	g->bitmap_dir[0] = MACHINE_DIR;
	for (i = 0; i < 4; i++) {
		m->entry = bad[i];
		assert_fails(save(), "page 0 of the guest's bitmap");
		assert_untouched();
		assert_untracked();
	}
}

static void lie_at_the_park(struct machine *mach)
{
	machine_guest_half(mach)->bitmap_dir[0] = UINT64_MAX;
}

static void hostile_directory_at_the_park_lets_the_guest_run(void **state)
{
	(void)state;
	m->on_pause = lie_at_the_park;
	assert_fails(save(), "directory 0");
	assert_int_equal(m->pauses, 0);
	assert_int_equal(machine_guest_half(m)->result, STILLPOINT_RESULT_CHECKPOINT);
	assert_int_equal(tempdir_count("."), 0);
}

static void odd_bitmaps_spoil_nothing_but_the_image(void **state)
{
	struct stillpoint_guest_half *g = machine_guest_half(m);

	(void)state;
	opts.replace = true;
	g->bitmap_pfns = UINT64_MAX;
	assert_saved();
	/* What it does not cover may always have changed. */
	g->bitmap_pfns = 700;
	assert_saved();
	assert_true(res.pending >= 800);
	g->bitmap_pfns = 0;
	assert_saved();
	assert_int_equal(res.pending, PFNS);
	g->bitmap_pfns = PFNS;
	/* A directory that names itself. */
	m->entry = MACHINE_DIR;
	assert_works(save());
	assert_int_equal(m->pauses, 0);
}

static unsigned int lose_what;

static void lose_epoch(struct machine *mach)
{
	struct stillpoint_guest_half *g = machine_guest_half(mach);

	if (++sets != (lose_what & 4 ? 3 : 2))
		return;
	switch (lose_what & 3) {
	case 0:
		g->epoch++;
		break;
	case 1:
		g->harvests++;
		break;
	case 2:
		g->harvests--;
		break;
	case 3:
		g->epoch = 0;
		break;
	}
}

static void lost_epochs_are_errors(void **state)
{
	(void)state;
	m->on_harvest = lose_epoch;
	opts.max_rounds = 2;
	for (lose_what = 0; lose_what < 4; lose_what++) {
		sets = 0;
		assert_fails(save(), "lost track");
		assert_untouched();
		assert_untracked();
	}
	for (; lose_what < 8; lose_what++) {
		sets = 0;
		assert_fails(save(), "lost track");
		assert_int_equal(m->pauses, 0);
		assert_int_equal(tempdir_count("."), 0);
	}
}

static void fall_silent(struct machine *mach)
{
	(void)mach;
	m->track = TRACK_SILENT;
}

static void silent_module_times_out(void **state)
{
	(void)state;
	m->track = TRACK_SILENT;
	assert_fails(save(), "does not answer");
	assert_untouched();
	assert_untracked();
	m->track = TRACK_WORKS;
	m->on_harvest = fall_silent;
	assert_fails(save(), "does not answer");
	assert_untouched();
	assert_untracked();
}

static void failed_sets_are_told(void **state)
{
	(void)state;
	m->track = TRACK_FAILS;
	m->error = 12;
	assert_fails(save(), "could not track its pages: Cannot allocate memory");
	m->error = -1;
	assert_fails(save(), "no reason given");
	assert_untouched();
}

static void epoch_of_a_killed_tool_is_ended_first(void **state)
{
	struct stillpoint_guest_half *g = machine_guest_half(m);

	(void)state;
	g->epoch = 3;
	g->harvests = 9;
	assert_saved();
	assert_int_equal(g->harvests, 1 + res.nrounds);
}

/* The guest was still at the first set of a killed tool when it was asked again. */
static void begin_unseen(struct machine *mach)
{
	if (++sets <= lose_what)
		machine_guest_half(mach)->harvests++;
}

static void epoch_that_begins_for_a_killed_tool_is_ended(void **state)
{
	(void)state;
	m->on_harvest = begin_unseen;
	lose_what = 2;
	assert_saved();
	assert_int_equal(machine_guest_half(m)->harvests, 1 + res.nrounds);
	sets = 0;
	lose_what = 3;
	opts.path = "other";
	assert_fails(save(), "begins to track its pages with epoch");
	assert_untracked();
}

static void failed_park_ends_the_epoch(void **state)
{
	(void)state;
	m->module = MODULE_FAILS;
	m->error = 16;
	assert_fails(save(), "could not park");
	assert_untouched();
	assert_untracked();
}

static void long_pauses_are_refused(void **state)
{
	(void)state;
	m->on_harvest = write_much;
	opts.max_pause_us = 1;
	assert_fails(save(), "--force-pause");
	assert_untouched();
	assert_untracked();
	assert_true(res.predicted_pause_us > 20000);
	opts.track = &tracker_none;
	assert_fails(save(), "--force-pause");
	assert_untouched();
	opts.track = &tracker_guest;
	opts.max_pause_us = 3600000000;
	assert_saved();
	opts.replace = true;
	opts.max_pause_us = 1;
	opts.force_pause = true;
	assert_saved();
	/* It is counted upon that the next park is like the one before. */
	machine_guest_half(m)->last_park_us = 3000000000;
	machine_guest_half(m)->park_stop_us = 2000000000;
	machine_guest_half(m)->park_run_us = 0;
	assert_saved();
	assert_true(res.predicted_pause_us > 2000000000);
	assert_saved();
	assert_true(res.predicted_pause_us < 2000000000);
}

static void rounds_go_on_while_the_pause_gets_shorter(void **state)
{
	(void)state;
	m->on_harvest = write_fewer;
	assert_saved();
	assert_true(res.rounds[res.nrounds - 1].sent <= 512);
	assert_true(res.nrounds == 3);
	sets = 0;
	opts.replace = true;
	opts.max_pause_us = 1;
	assert_fails(save(), "--force-pause");
	assert_true(res.nrounds > 3);
}

static void best_tracker_that_works_is_taken(void **state)
{
	(void)state;
	opts.track = NULL;
	opts.replace = true;
	assert_saved();
	assert_string_equal(res.tracker, "guest");
	assert_string_equal(res.why, "");
	m->track = TRACK_FAILS;
	m->error = 12;
	m->fail_op = OP_LOGDIRTY_ON;
	assert_saved();
	assert_string_equal(res.tracker, "none");
	assert_non_null(strstr(res.why, "guest: the guest could not track"));
	assert_non_null(strstr(res.why, "logdirty: the hypervisor cannot log"));
	assert_int_equal(res.nrounds, 0);
	m->track = TRACK_NOT;
	machine_guest_half(m)->features = STILLPOINT_FEATURE_PARK;
	assert_saved();
	assert_non_null(strstr(res.why, "guest: the module in the guest cannot track"));
}

static void log_that_cannot_be_switched_on_is_an_error(void **state)
{
	(void)state;
	m->fail_op = OP_LOGDIRTY_ON;
	opts.track = &tracker_logdirty;
	assert_fails(save(), "cannot log the domain's writes: Operation not supported");
	assert_untouched();
	opts.track = &tracker_compare;
	assert_fails(save(), "cannot log the domain's writes");
	assert_untouched();
	assert_int_equal(m->logs_on, 0);
	m->fail_op = OP_LOGDIRTY_CLEAN;
	assert_fails(save(), "cannot read the hypervisor's log");
	assert_untouched();
	assert_int_equal(m->logs_on, 1);
	assert_false(m->logging);
}

static void switch_log_off(const char *name)
{
	if (!strcmp(name, SAVE_PARKED))
		m->logging = false;
}

static void log_that_somebody_switched_off_is_noticed(void **state)
{
	(void)state;
	opts.track = &tracker_logdirty;
	opts.phase = switch_log_off;
	assert_fails(save(), "somebody else switched the hypervisor's log");
	assert_int_equal(m->pauses, 0);
	assert_int_equal(tempdir_count("."), 0);
}

static void log_is_switched_off_in_the_end(void **state)
{
	(void)state;
	m->on_harvest = write_fewer;
	opts.track = &tracker_logdirty;
	assert_saved();
	assert_int_equal(m->logs_on, 1);
	assert_int_equal(machine_host_half(m)->flags, 0);
	/* Without the module's help as well. */
	machine_guest_half(m)->features = STILLPOINT_FEATURE_PARK;
	m->on_harvest = NULL;
	opts.replace = true;
	assert_saved();
}

/* A backend writes to memory that it may write, and has not done with it. */
static void write_granted(struct machine *mach)
{
	memset(machine_page(mach, 700), 0x70, PAGE_BYTES);
}

/* As above, and the module knows. */
static void write_outside_of_the_log(struct machine *mach)
{
	memset(machine_page(mach, 700), 0x70 + ++sets, PAGE_BYTES);
	mach->dirty[700] = true;
}

static void module_tells_what_no_log_sees(void **state)
{
	(void)state;
	opts.track = &tracker_logdirty;
	m->on_harvest = write_outside_of_the_log;
	assert_saved();
}

static void log_without_the_module_looks_at_grants(void **state)
{
	(void)state;
	machine_guest_half(m)->features = STILLPOINT_FEATURE_PARK;
	opts.track = &tracker_logdirty;
	opts.audit = true;
	m->granted = m->p2m_mfn[700];
	m->on_pause = write_granted;
	assert_saved();
	assert_int_equal(res.audit.missed, 0);
	opts.replace = true;
	m->fail_op = OP_GRANTED;
	assert_fails(save(), "cannot read the guest's grants");
	assert_int_equal(m->pauses, 0);
}

/* Right before the last set, a page changes. */
static void write_last(struct machine *mach)
{
	static uint8_t byte;

	if (++sets >= 2)
		machine_write(mach, *(uint64_t *)mach->arg, ++byte);
}

static void pages_that_the_module_misses_are_found(void **state)
{
	uint64_t pfn = 500;

	(void)state;
	m->on_harvest = write_last;
	m->arg = &pfn;
	m->forget = pfn;
	opts.track = &tracker_compare;
	assert_fails(save(), "missed pfn 0x1f4");
	assert_int_equal(m->pauses, 0);
	assert_int_equal(tempdir_count("."), 0);
	m->forget = UINT64_MAX;
	sets = 0;
	assert_saved();
}

/* One that is written once and never again, long before the last set. */
static void page_that_the_module_owes_is_found(void **state)
{
	(void)state;
	m->on_harvest = write_fewer;
	m->forget = 1200;
	opts.track = &tracker_compare;
	opts.max_pause_us = 1;
	assert_fails(save(), "missed pfn 0x4b0");
	assert_untouched();
}

/* Nor is one missed that was written, and went to the hypervisor with what was in it. */
static void page_that_is_gone_is_not_owed(void **state)
{
	(void)state;
	m->on_harvest = balloon_what_was_written;
	balloon_at = 3;
	m->forget = 200;
	opts.track = &tracker_compare;
	assert_works(save());
}

static void assert_miss(const char *owner)
{
	const struct audit_miss *miss = &res.audit.miss[0];

	sets = 0;
	opts.audit = true;
	assert_fails(save(), "the image differs from the guest in 1 of 1499 pages");
	assert_int_equal(m->pauses, 0);
	assert_int_equal(tempdir_count("."), 0);
	assert_int_equal(res.audit.missed, 1);
	assert_int_equal(res.audit.told, 1);
	assert_int_equal(miss->pfn, m->forget);
	assert_int_equal(miss->mfn, m->p2m_mfn[m->forget]);
	assert_string_equal(miss->owner, owner);
	assert_true(miss->round >= 1);
	assert_false(miss->late);
}

/* After the rounds, a backend is let to write the page in question. */
static void grant_late(const char *name)
{
	if (!strcmp(name, SAVE_REQUESTING))
		m->granted = m->p2m_mfn[m->forget];
}

static void audit_names_the_owner(void **state)
{
	uint64_t *l1 = machine_page(m, MACHINE_L1);
	uint64_t pfn = 500;

	(void)state;
	m->on_harvest = write_last;
	m->arg = &pfn;
	m->forget = pfn;
	assert_miss("unknown");
	assert_int_equal(res.audit.miss[0].offset, 0);
	l1[300] = m->p2m_mfn[pfn] << PAGE_BITS | PTE_GUEST_KERNEL | 0x63;
	assert_miss("kernel");
	l1[7] = m->p2m_mfn[pfn] << PAGE_BITS | 0x167;
	assert_miss("user");
	opts.phase = grant_late;
	assert_miss("granted");
	m->fail_op = OP_GRANTED;
	assert_miss("user");
}

/* After the first round a page becomes a page table as it is, and nobody says so. */
static void become_table(struct machine *mach)
{
	if (++sets >= 2)
		mach->types[mach->p2m_mfn[600]] = XEN_DOMCTL_PFINFO_L1TAB;
}

static void audit_finds_a_page_table_that_was_copied_as_memory(void **state)
{
	(void)state;
	memset(machine_page(m, 600), 0, PAGE_BYTES);
	m->on_harvest = become_table;
	m->forget = 600;
	assert_miss("page table");
	assert_int_equal(res.audit.miss[0].offset, PAGE_BYTES);
	assert_int_equal(res.audit.miss[0].type, XEN_DOMCTL_PFINFO_L1TAB);
	assert_int_equal(res.audit.miss[0].image_type, XEN_DOMCTL_PFINFO_NOTAB);
}

/* While the guest is paused and was copied, a backend writes. */
static void write_late(const char *name)
{
	if (strcmp(name, SAVE_COPIED))
		return;
	memset(machine_page(m, MACHINE_START_INFO), 0x55, 200);
	((uint64_t *)machine_page(m, MACHINE_L1))[100]++;
}

/* A page of event channels. */
#define EVENTS 700

static event_word_t not_an_event;

/* The hypervisor raises and links events. */
static void raise_events(const char *name)
{
	event_word_t *words = (event_word_t *)machine_page(m, EVENTS);

	if (!strcmp(name, SAVE_REQUESTING))
		m->dirty[EVENTS] = true;
	if (strcmp(name, SAVE_COPIED))
		return;
	words[1] ^= 1u << EVTCHN_FIFO_PENDING;
	words[40] ^= 1u << EVTCHN_FIFO_PENDING | 1u << EVTCHN_FIFO_LINKED | 17;
	words[900] |= not_an_event;
}

static void events_after_the_copy_are_no_misses(void **state)
{
	(void)state;
	opts.audit = true;
	opts.phase = raise_events;
	not_an_event = 0;
	memset(machine_page(m, EVENTS), 0, PAGE_BYTES);
	((event_word_t *)machine_page(m, EVENTS))[17] = 1u << EVTCHN_FIFO_MASKED;
	assert_works(save());
	assert_int_equal(res.audit.late, 1);
	assert_int_equal(res.audit.missed, 0);
	not_an_event = 1u << 27;
	opts.replace = true;
	assert_fails(save(), "differs from the guest in 1 of");
}

static void writes_of_backends_after_the_copy_are_no_misses(void **state)
{
	(void)state;
	opts.audit = true;
	opts.phase = write_late;
	m->granted = m->p2m_mfn[MACHINE_START_INFO];
	assert_works(save());
	assert_int_equal(res.audit.late, 2);
	assert_int_equal(res.audit.missed, 0);
	/* Not a backend's, and too much for the hypervisor. */
	m->granted = 0;
	opts.replace = true;
	assert_fails(save(), "differs from the guest in 1 of");
	assert_string_equal(res.audit.miss[1].owner, "unknown");
}

/* Pages that are free from the start. */
#define FREE 800
#define FREE_PAGES 300

static void free_pages(void)
{
	machine_tell_free(m);
	machine_free_pages(m, FREE, FREE_PAGES);
}

/* The image has @pfn as zeroes, though there is something in the guest. */
static void assert_zero(uint64_t pfn)
{
	static const uint8_t zeroes[PAGE_BYTES];

	assert_memory_equal(p.page[pfn], zeroes, PAGE_BYTES);
	assert_memory_not_equal(machine_page(m, pfn), zeroes, PAGE_BYTES);
}

static void assert_kept(uint64_t pfn)
{
	assert_memory_equal(p.page[pfn], machine_page(m, pfn), PAGE_BYTES);
}

static void free_pages_are_not_copied(void **state)
{
	unsigned int i;

	(void)state;
	free_pages();
	assert_saved();
	assert_int_equal(res.rounds[0].set, PFNS - 1 - FREE_PAGES);
	assert_int_equal(res.rounds[0].sent, PFNS - 1 - 5 - FREE_PAGES);
	assert_int_equal(res.pages, PFNS - 1);
	assert_int_equal(res.free, FREE_PAGES);
	assert_int_equal(res.guest_free_us, 55);
	assert_true(res.pending < 20);
	assert_int_equal(res.staged, res.pending);
	assert_int_equal(p.data_pages, res.sent + res.staged + FREE_PAGES);
	for (i = 0; i < FREE_PAGES; i++) {
		assert_zero(FREE + i);
		assert_int_equal(p.type[FREE + i], 0);
	}
}

static void every_tracker_leaves_free_pages_out(void **state)
{
	static const struct tracker_ops *const trackers[] = { &tracker_guest, &tracker_logdirty,
							      &tracker_compare, &tracker_none };
	size_t i;

	(void)state;
	free_pages();
	opts.replace = true;
	for (i = 0; i < sizeof(trackers) / sizeof(trackers[0]); i++) {
		opts.track = trackers[i];
		m->on_harvest = write_fewer;
		sets = 0;
		memset(m->free, 0, PFNS);
		machine_free_pages(m, 1450, 20);
		assert_saved();
		assert_int_equal(res.free, 20);
		assert_zero(1450);
		assert_zero(1469);
		assert_kept(1470);
	}
}

/* Between two sets and before the park pages are taken, and others become free. */
static void take_and_give(struct machine *mach)
{
	switch (++sets) {
	case 2:
		mach->free[900] = false;
		machine_write(mach, 900, 0x90);
		/* Taken, and not written yet. */
		mach->free[901] = false;
		machine_free_pages(mach, 600, 1);
		machine_write(mach, 600, 0x60);
		machine_write(mach, 610, 0x61);
		break;
	case 3:
		mach->free[902] = false;
		machine_write(mach, 902, 0x92);
		mach->free[903] = false;
		mach->free[600] = false;
		machine_free_pages(mach, 610, 1);
		machine_free_pages(mach, 601, 2);
		machine_write(mach, 602, 0x62);
		break;
	}
}

static void pages_taken_and_given_back_are_followed(void **state)
{
	(void)state;
	free_pages();
	m->on_harvest = take_and_give;
	opts.max_rounds = 2;
	assert_saved();
	assert_int_equal(sets, 3);
	assert_kept(900);
	assert_kept(901);
	assert_kept(902);
	assert_kept(903);
	assert_zero(904);
	/* Free when it was written, and not any more. */
	assert_kept(600);
	/* Free now, as they are in the image already. */
	assert_kept(601);
	assert_kept(610);
	/* Written since, and free now. */
	assert_zero(602);
	assert_int_equal(res.free, FREE_PAGES - 4 + 1);
}

static void read_image(struct sink *sink)
{
	struct source_options how = pump_options(NULL);
	int fd = open("image", O_RDONLY);

	assert_true(fd >= 0);
	sink_init(sink);
	assert_works(pump_fd(fd, &how, &sink->img, NULL));
	close(fd);
}

static void own_layouts_say_what_is_free(void **state)
{
	static const enum image_layout layouts[] = { IMAGE_PACKED, IMAGE_MAPPED };
	struct sink sink;
	size_t i;

	(void)state;
	m->on_harvest = take_and_give;
	opts.max_rounds = 2;
	opts.replace = true;
	opts.audit = true;
	opts.image.threads = 1;
	for (i = 0; i < 2; i++) {
		sets = 0;
		memset(m->free, 0, PFNS);
		free_pages();
		opts.image.layout = layouts[i];
		assert_works(save());
		read_image(&sink);
		assert_int_equal(sink.kind[904], STILLPOINT_PAGE_FREE);
		assert_int_equal(sink.kind[602], STILLPOINT_PAGE_FREE);
		assert_int_equal(sink.type[602], XEN_DOMCTL_PFINFO_NOTAB);
		assert_int_equal(sink.kind[903], STILLPOINT_PAGE_DATA);
		assert_memory_equal(sink.data[903], machine_page(m, 903), PAGE_BYTES);
		/* Where it makes the file smaller, what was copied before it was free as well. */
		assert_int_equal(sink.kind[601], layouts[i] == IMAGE_MAPPED ? STILLPOINT_PAGE_FREE :
									      STILLPOINT_PAGE_DATA);
		assert_int_equal(res.free, FREE_PAGES - 4 + (layouts[i] == IMAGE_MAPPED ? 3 : 1));
		assert_int_equal(res.audit.free, FREE_PAGES - 4 + 1);
		sink_free(&sink);
	}
}

static void granted_pages_are_not_free(void **state)
{
	(void)state;
	free_pages();
	m->granted = m->p2m_mfn[FREE + 7];
	assert_saved();
	assert_kept(FREE + 7);
	assert_zero(FREE + 8);
	assert_int_equal(res.free, FREE_PAGES - 1);
	opts.track = &tracker_none;
	opts.replace = true;
	assert_saved();
	assert_kept(FREE + 7);
	assert_int_equal(res.free, FREE_PAGES - 1);
}

/* A free page becomes a page table, and the module says that it is free still. */
static void table_from_free(struct machine *mach)
{
	uint64_t *table = machine_page(mach, FREE);

	if (++sets != 3)
		return;
	memset(table, 0, PAGE_BYTES);
	table[7] = mach->p2m_mfn[301] << PAGE_BITS | 0x63;
	mach->types[mach->p2m_mfn[FREE]] = XEN_DOMCTL_PFINFO_L1TAB;
}

static void page_tables_are_not_free(void **state)
{
	(void)state;
	free_pages();
	m->on_harvest = table_from_free;
	opts.max_rounds = 2;
	machine_free_pages(m, MACHINE_L1, 1);
	assert_saved();
	assert_int_equal(sets, 3);
	assert_int_equal(p.type[FREE], 1);
	assert_int_equal(p.type[MACHINE_L1], 1);
	assert_int_equal(res.free, FREE_PAGES - 1);
}

/* Bits for pfns that there are not, and for one that has no frame. */
static void tell_too_much(struct machine *mach)
{
	const unsigned int used = (PFNS + 7) / 8;

	memset((uint8_t *)machine_page(mach, MACHINE_FREE) + used, 0xff, PAGE_BYTES - used);
}

static void bits_beyond_the_memory_are_ignored(void **state)
{
	(void)state;
	free_pages();
	machine_free_pages(m, 30, 1);
	m->on_pause = tell_too_much;
	assert_saved();
	assert_int_equal(p.type[30], 15);
	assert_int_equal(res.free, FREE_PAGES);
	opts.replace = true;
	m->on_pause = NULL;
	machine_guest_half(m)->free_pfns = FREE + 70;
	assert_saved();
	assert_int_equal(res.free, 70);
	assert_zero(FREE + 69);
	assert_kept(FREE + 70);
	machine_guest_half(m)->free_pfns = 0;
	assert_saved();
	assert_int_equal(res.free, 0);
	machine_guest_half(m)->free_pfns = UINT64_MAX;
	assert_saved();
	assert_int_equal(res.free, FREE_PAGES);
}

static void bad_bitmaps_of_free_pages_are_refused(void **state)
{
	static const uint64_t bad[] = { 30, PFNS, UINT64_MAX };
	size_t i;

	(void)state;
	free_pages();
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		machine_guest_half(m)->free_dir[0] = bad[i];
		opts.track = &tracker_guest;
		assert_fails(save(), "directory 0 of the guest's bitmap of free pages has the bad");
		assert_untouched();
		opts.track = &tracker_none;
		assert_fails(save(), "directory 0 of the guest's bitmap of free pages has the bad");
		assert_int_equal(m->pauses, 0);
		machine_guest_half(m)->generation = 0;
		m->total_pauses = 0;
	}
	machine_guest_half(m)->free_dir[0] = MACHINE_FREE_DIR;
	*(uint64_t *)machine_page(m, MACHINE_FREE_DIR) = 30;
	assert_fails(save(), "page 0 of the guest's bitmap of free pages has the bad pfn 0x1e");
	assert_int_equal(m->pauses, 0);
}

/* When tracking begins: the directory is in a page that came after memory was mapped. */
static void move_directory(struct machine *mach)
{
	if (++sets != 1)
		return;
	mach->types[mach->p2m_mfn[30]] = XEN_DOMCTL_PFINFO_NOTAB;
	machine_set_p2m(mach, 30, mach->p2m_mfn[30]);
	memcpy(machine_page(mach, 30), machine_page(mach, MACHINE_FREE_DIR), PAGE_BYTES);
	machine_guest_half(mach)->free_dir[0] = 30;
	machine_mark(mach, 30);
	machine_mark(mach, MACHINE_P2M);
}

static void bitmap_in_a_page_that_came_late_is_found(void **state)
{
	(void)state;
	free_pages();
	m->on_harvest = move_directory;
	sets = 0;
	assert_saved();
	assert_true(sets > 1);
	assert_int_equal(res.free, FREE_PAGES);
	assert_int_equal(p.type[30], 0);
}

static void guest_that_does_not_tell_has_no_free_pages(void **state)
{
	(void)state;
	free_pages();
	machine_guest_half(m)->features &= ~STILLPOINT_FEATURE_FREE;
	assert_saved();
	assert_int_equal(res.free, 0);
	assert_int_equal(res.rounds[0].sent, PFNS - 1 - 5);
	assert_kept(FREE);
}

/* A page that was said to be free is not, though the image has it so already. */
static void take_back(const char *name)
{
	uint64_t *bits = machine_page(m, MACHINE_FREE);

	if (!strcmp(name, SAVE_COPIED))
		bits[(FREE + 1) / 64] &= ~(UINT64_C(1) << (FREE + 1) % 64);
}

static void audit_looks_at_free_pages(void **state)
{
	uint64_t *l1 = machine_page(m, MACHINE_L1);
	const struct audit_miss *miss = &res.audit.miss[0];

	(void)state;
	free_pages();
	opts.audit = true;
	assert_saved();
	assert_int_equal(res.audit.free, FREE_PAGES);
	assert_int_equal(res.audit.pages, PFNS - 1 - FREE_PAGES);
	/* The kernel maps what is free, a process does not. */
	opts.replace = true;
	l1[300] = m->p2m_mfn[FREE] << PAGE_BITS | PTE_GUEST_KERNEL | 0x63;
	assert_saved();
	l1[7] = m->p2m_mfn[FREE] << PAGE_BITS | 0x167;
	assert_fails(save(), "the image differs from the guest in 1 of");
	assert_int_equal(miss->pfn, FREE);
	assert_string_equal(miss->owner, "user");
	assert_int_equal(miss->round, AUDIT_PAUSED);
	assert_false(miss->late);
	l1[7] = 0;
	opts.phase = take_back;
	assert_fails(save(), "the image differs from the guest in 1 of");
	/* Beside the bitmap itself. */
	assert_true(miss[0].late);
	assert_int_equal(miss[1].pfn, FREE + 1);
	assert_false(miss[1].late);
	assert_int_equal(m->pauses, 0);
}

static uint32_t beat_then;

/* Signs of life come, but not into a guest that is copied. */
static void watch_beat(const char *name)
{
	const volatile struct stillpoint_host_half *half = machine_host_half(m);

	beat_then = half->heartbeat;
	if (!strcmp(name, SAVE_COPIED)) {
		usleep(1100000);
		assert_int_equal(half->heartbeat, beat_then);
	} else if (!strcmp(name, SAVE_TRACKING)) {
		while (half->heartbeat - beat_then < 2)
			usleep(1000);
	}
}

static void signs_of_life_end_at_the_park(void **state)
{
	(void)state;
	opts.phase = watch_beat;
	opts.park_timeout_ms = 5000;
	opts.deadline_ms = 5000;
	assert_saved();
	assert_true(beat_then > 0);
}

static void every_failure_leaves_a_running_guest(void **state)
{
	static const enum machine_op ops[] = { OP_MAP,		 OP_TYPES, OP_PAUSE,
					       OP_GET_VCPU,	 OP_TSC,   OP_SHARED_INFO,
					       OP_LOGDIRTY_CLEAN };
	unsigned int calls[OP_COUNT];
	size_t i;

	(void)state;
	opts.track = &tracker_compare;
	m->on_harvest = write_fewer;
	assert_works(save());
	assert_int_equal(unlink("image"), 0);
	memcpy(calls, m->calls, sizeof(calls));
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		assert_int_not_equal(calls[ops[i]], 0);
		m->fail_op = ops[i];
		for (m->fail_after = 0; m->fail_after < calls[ops[i]]; m->fail_after++) {
			memset(m->calls, 0, sizeof(m->calls));
			sets = 0;
			assert_fails(save(), "");
			machine_pass_deadline(m);
			assert_int_equal(m->pauses, 0);
			assert_int_equal(tempdir_count("."), 0);
			assert_false(m->logging);
			assert_int_equal(machine_guest_half(m)->epoch, 0);
		}
		m->fail_op = OP_NONE;
	}
}

static void signal_at_each_phase_leaves_a_running_guest(void **state)
{
	(void)state;
	m->on_harvest = write_fewer;
	opts.max_rounds = 3;
	/* tracking, 3 rounds with 2 sets between, and ten as without tracking. */
	for (raise_at = 1; raise_at <= 16; raise_at++) {
		phase_count = 0;
		phases[0] = '\0';
		sets = 0;
		assert_fails(save(), "interrupted by signal 2");
		assert_int_equal(m->pauses, 0);
		assert_int_equal(tempdir_count("."), 0);
		assert_int_equal(machine_guest_half(m)->epoch, 0);
		signals_reset();
	}
	phase_count = 0;
	sets = 0;
	assert_works(save());
}

static void attach_a_disk(const char *name)
{
	if (!strcmp(name, SAVE_HARVESTED))
		m->config = "{\"c_info\":{\"type\":\"pv\",\"name\":\"file\"},\n"
			    "\"disks\":[{\"vdev\":\"xvdb\"}]}";
}

/* The memory knows it, and the configuration would not. */
static void device_that_comes_in_a_round_is_noticed(void **state)
{
	(void)state;
	opts.phase = attach_a_disk;
	assert_fails(save(), "devices changed while it was saved");
	assert_int_equal(m->pauses, 0);
	assert_int_equal(tempdir_count("."), 0);
	assert_works(save());
}

/* How long it takes to write what has no room is not known. */
static void longest_pause_needs_room_for_what_is_copied(void **state)
{
	(void)state;
	opts.max_pause_us = 3600000000;
	opts.staging = 0;
	assert_fails(save(), "more than --staging has room for");
	assert_untouched();
	opts.force_pause = true;
	assert_saved();
}

static void end_while_tracked(const char *name)
{
	m->info.dying |= !strcmp(name, SAVE_TRACKING);
}

/* Its memory is not free for another before it is unmapped. */
static void domain_that_ends_in_a_round_is_noticed(void **state)
{
	(void)state;
	opts.phase = end_while_tracked;
	assert_fails(save(), "the domain ended while it was saved");
	assert_untouched();
}

static void failed_write_in_a_round_leaves_the_guest_alone(void **state)
{
	struct rlimit old, small;

	(void)state;
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 3000000;
	setrlimit(RLIMIT_FSIZE, &small);
	assert_fails(save(), "File too large");
	setrlimit(RLIMIT_FSIZE, &old);
	assert_untouched();
	assert_untracked();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rounds_bring_what_changed),
		TEST(granted_pages_wait),
		TEST(pages_that_change_while_copied_are_copied_again),
		TEST(endless_dirtier_is_parked_after_few_rounds),
		TEST(rounds_are_bounded),
		TEST(types_that_change_between_rounds_are_followed),
		TEST(ballooned_pages_are_followed),
		TEST(images_that_no_domain_could_hold_are_refused),
		TEST(aliases_do_not_make_the_image_large),
		TEST(guest_may_grow),
		TEST(p2m_that_moves_is_described_again),
		TEST(p2m_that_shrinks_is_an_error),
		TEST(what_does_not_fit_memory_is_written_while_parked),
		TEST(hostile_directories_are_refused),
		TEST(hostile_directory_at_the_park_lets_the_guest_run),
		TEST(odd_bitmaps_spoil_nothing_but_the_image),
		TEST(lost_epochs_are_errors),
		TEST(silent_module_times_out),
		TEST(failed_sets_are_told),
		TEST(epoch_of_a_killed_tool_is_ended_first),
		TEST(epoch_that_begins_for_a_killed_tool_is_ended),
		TEST(failed_park_ends_the_epoch),
		TEST(long_pauses_are_refused),
		TEST(rounds_go_on_while_the_pause_gets_shorter),
		TEST(best_tracker_that_works_is_taken),
		TEST(log_that_cannot_be_switched_on_is_an_error),
		TEST(log_that_somebody_switched_off_is_noticed),
		TEST(log_is_switched_off_in_the_end),
		TEST(module_tells_what_no_log_sees),
		TEST(log_without_the_module_looks_at_grants),
		TEST(pages_that_the_module_misses_are_found),
		TEST(page_that_the_module_owes_is_found),
		TEST(page_that_is_gone_is_not_owed),
		TEST(audit_names_the_owner),
		TEST(audit_finds_a_page_table_that_was_copied_as_memory),
		TEST(writes_of_backends_after_the_copy_are_no_misses),
		TEST(events_after_the_copy_are_no_misses),
		TEST(free_pages_are_not_copied),
		TEST(every_tracker_leaves_free_pages_out),
		TEST(pages_taken_and_given_back_are_followed),
		TEST(own_layouts_say_what_is_free),
		TEST(granted_pages_are_not_free),
		TEST(page_tables_are_not_free),
		TEST(bits_beyond_the_memory_are_ignored),
		TEST(bitmap_in_a_page_that_came_late_is_found),
		TEST(bad_bitmaps_of_free_pages_are_refused),
		TEST(guest_that_does_not_tell_has_no_free_pages),
		TEST(audit_looks_at_free_pages),
		TEST(signs_of_life_end_at_the_park),
		TEST(every_failure_leaves_a_running_guest),
		TEST(signal_at_each_phase_leaves_a_running_guest),
		TEST(device_that_comes_in_a_round_is_noticed),
		TEST(longest_pause_needs_room_for_what_is_copied),
		TEST(domain_that_ends_in_a_round_is_noticed),
		TEST(failed_write_in_a_round_leaves_the_guest_alone),
	};

	return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}
