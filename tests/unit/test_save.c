// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <stillpoint/park.h>

#include "domain_file.h"
#include "image_check.h"
#include "image_parse.h"
#include "pagetable.h"
#include "save.h"
#include "signals.h"
#include "tempdir.h"

#define PFNS 1500
#define DATA_PAGES 1498 /* two pages have no data, see setup() */

static struct machine *m;
static struct save_options opts;
static struct save_result res;

/* The phases told so far; a signal is raised at phase number @raise_at. */
static char phases[256];
static int phase_count;
static int raise_at;

static void on_phase(const char *name)
{
	snprintf(phases + strlen(phases), sizeof(phases) - strlen(phases), "%s ", name);
	if (++phase_count == raise_at)
		raise(SIGINT);
}

/* A guest that runs again changes everything at once. */
static void on_run(struct machine *mach)
{
	uint64_t pfn;

	if (!mach->vcpu[0].user_regs.rax)
		return;
	for (pfn = 0; pfn < PFNS; pfn++)
		memset(machine_page(mach, pfn), 0xee, PAGE_BYTES);
}

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	signals_catch();
	signals_reset();
	msg_error_clear();
	m = machine_build(PFNS);
	/* A ballooned page, and one that is not the guest's. */
	machine_set_p2m(m, 30, UINT64_MAX);
	m->types[m->p2m_mfn[31]] = XEN_DOMCTL_PFINFO_XTAB;
	memset(&opts, 0, sizeof(opts));
	opts.path = "image";
	opts.park_timeout_ms = 200;
	opts.deadline_ms = 200;
	opts.staging = UINT64_C(1) << 30;
	opts.track = &tracker_none;
	opts.threads = 2;
	opts.max_rounds = 10;
	opts.phase = on_phase;
	phases[0] = '\0';
	phase_count = 0;
	raise_at = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	/* Nothing leaks, whatever happened. */
	assert_int_equal(m->mapped, 0);
	assert_int_equal(m->channels, 0);
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

static void assert_guest_runs(void)
{
	assert_int_equal(m->pauses, 0);
	assert_false(m->destroyed);
	/*
	 * If it was in its park, it was told to go on, unless it could not be seen where
	 * it is: then its deadline lets it go.
	 */
	if (m->fail_op == OP_INFO || m->fail_op == OP_PAUSE || m->fail_op == OP_GET_REGS ||
	    m->fail_op == OP_GET_XSAVE)
		machine_pass_deadline(m);
	assert_int_not_equal(machine_guest_half(m)->state, STILLPOINT_STATE_PARKED);
	/* Its extended processor state was not lost on the way. */
	assert_int_equal(m->xsave[0][0], 0xa0);
	assert_int_equal(m->xsave[0][63], 0xa0);
}

/* The save failed, and left nothing but a running guest. */
static void assert_save_fails(const char *text)
{
	assert_fails(save(), text);
	assert_guest_runs();
	assert_int_equal(tempdir_count("."), 0);
}

/* What the guest holds now, by pfn; free() it. */
static uint8_t *copy_guest(void)
{
	uint8_t *copy = malloc(PFNS * PAGE_BYTES);
	start_info_t *si;
	uint64_t pfn;

	assert_non_null(copy);
	for (pfn = 0; pfn < PFNS; pfn++)
		memcpy(copy + pfn * PAGE_BYTES, machine_page(m, pfn), PAGE_BYTES);
	/* The park canonicalizes these two. */
	si = (void *)(copy + MACHINE_START_INFO * PAGE_BYTES);
	si->store_mfn = MACHINE_STORE;
	si->console.domU.mfn = MACHINE_CONSOLE;
	return copy;
}

/* A table of the image with machine frames put back, as a restore does it. */
static void localise(const uint8_t *page, uint32_t type, uint64_t *table)
{
	unsigned int i;

	memcpy(table, page, PAGE_BYTES);
	if (!type)
		return;
	for (i = 0; i < ENTRIES_PER_PAGE; i++)
		if (table[i] & 1) {
			uint64_t pfn = (table[i] & PTE_FRAME_MASK) >> 12;

			assert_true(pfn < PFNS);
			table[i] = (table[i] & ~PTE_FRAME_MASK) | m->p2m_mfn[pfn] << 12;
		}
}

static void assert_pages(const struct parsed *p, const uint8_t *guest)
{
	uint64_t table[ENTRIES_PER_PAGE];
	uint64_t pfn;

	for (pfn = 0; pfn < PFNS; pfn++) {
		uint64_t want[ENTRIES_PER_PAGE];

		assert_int_not_equal(p->order[pfn], 0);
		if (pfn == 30 || pfn == 31) {
			assert_int_equal(p->type[pfn], 15);
			continue;
		}
		memcpy(want, guest + pfn * PAGE_BYTES, PAGE_BYTES);
		if (pfn == MACHINE_L4)
			memset(want + PAGETABLE_XEN_FIRST, 0, 16 * sizeof(*want));
		localise(p->page[pfn], p->type[pfn], table);
		assert_memory_equal(table, want, PAGE_BYTES);
	}
}

static void assert_image(const uint8_t *guest)
{
	struct parsed p;
	struct image_info info;
	uint64_t pfn;
	int fd;

	fd = open("image", O_RDONLY);
	assert_works(image_check(fd, &info));
	assert_true(info.marked);
	assert_int_equal(info.pages, DATA_PAGES);
	free(info.config);
	close(fd);
	image_parse("image", &p);
	assert_int_equal(p.max_pfn, PFNS - 1);
	assert_int_equal(p.np2m_frames, 3);
	for (pfn = 0; pfn < 3; pfn++)
		assert_int_equal(p.p2m_frames[pfn], MACHINE_P2M + pfn);
	assert_int_equal(p.pages, PFNS);
	assert_pages(&p, guest);
	assert_int_equal(p.type[MACHINE_L4], 12);
	assert_int_equal(p.type[MACHINE_L1], 1);
	/* Page tables come last. */
	for (pfn = MACHINE_L4; pfn <= MACHINE_USER_L4; pfn++)
		assert_true(p.order[pfn] > PFNS - 5);
	assert_int_equal(p.vcpu[0]->user_regs.rax, STILLPOINT_RAX_RESTORED);
	assert_int_equal(p.vcpu[0]->user_regs.rdx, MACHINE_START_INFO);
	assert_int_equal(p.vcpu[0]->user_regs.rsi, STILLPOINT_PARK_MAGIC);
	assert_int_equal(p.vcpu[0]->ctrlreg[3], MACHINE_L4 << 12);
	assert_int_equal(p.vcpu[0]->ctrlreg[1], 0);
	assert_int_equal(p.vcpu[1]->ctrlreg[1], MACHINE_USER_L4 << 12 | 1);
	assert_int_equal(p.vcpu[1]->gdt_frames[0], MACHINE_GDT);
	assert_int_equal(p.xsave[0][0], 0xa0);
	assert_int_equal(p.xsave[1][0], 0xa1);
	assert_memory_equal(p.shared_info, machine_shared_info(m), PAGE_BYTES);
	free(p.file);
}

static void guest_is_saved_and_runs_on(void **state)
{
	uint8_t *guest = copy_guest();

	(void)state;
	m->on_run = on_run;
	assert_works(save());
	assert_guest_runs();
	assert_image(guest);
	assert_string_equal(
		phases,
		"requesting parked paused copying copied flipped running writing written synced renamed ");
	assert_true(res.confirmed);
	assert_int_equal(res.guest_park_us, 1234);
	assert_int_equal(res.pages, DATA_PAGES);
	assert_int_equal(res.staged, DATA_PAGES);
	assert_true(res.pause_us >= res.domain_pause_us);
	assert_true(res.total_us >= res.pause_us);
	assert_int_equal(m->total_pauses, 1);
	assert_int_equal(machine_guest_half(m)->checkpoints, 1);
	assert_int_equal(tempdir_count("."), 1);
	free(guest);
}

static void saves_are_numbered(void **state)
{
	(void)state;
	machine_guest_half(m)->taken = 0xffffffff;
	machine_guest_half(m)->done = 0xffffffff;
	machine_host_half(m)->request = 0xfffffffe;
	assert_works(save());
	assert_int_equal(machine_host_half(m)->request, 1);
	opts.replace = true;
	assert_works(save());
	assert_int_equal(machine_host_half(m)->request, 2);
	assert_int_equal(machine_guest_half(m)->done, 2);
}

static void what_does_not_fit_memory_is_written_while_parked(void **state)
{
	static const uint64_t budgets[] = { 0, 1, 100, 1490, 1497 };
	uint8_t *guest = copy_guest();
	size_t i;

	(void)state;
	opts.replace = true;
	for (i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
		opts.staging = budgets[i] * PAGE_BYTES;
		assert_works(save());
		assert_image(guest);
		assert_true(res.staged < DATA_PAGES);
		assert_true(res.staged >= 5);
		assert_guest_runs();
		/* The park of the save before left pfns in start_info. */
		free(guest);
		guest = copy_guest();
	}
	free(guest);
}

static void spilled_pages_are_those_of_the_park(void **state)
{
	uint8_t *guest = copy_guest();

	(void)state;
	m->on_run = on_run;
	opts.staging = 64 * PAGE_BYTES;
	assert_works(save());
	assert_image(guest);
	free(guest);
}

/* Right before the park: a page moves to another frame, and its p2m entry with it. */
static void move_a_page(struct machine *mach)
{
	uint64_t mfn = 9; /* an odd frame is free */

	memset(machine_frame(mach, mfn), 0x77, PAGE_BYTES);
	mach->types[mfn] = XEN_DOMCTL_PFINFO_NOTAB;
	mach->types[mach->p2m_mfn[40]] = XEN_DOMCTL_PFINFO_XTAB;
	mach->p2m_mfn[40] = mfn;
	machine_set_p2m(mach, 40, mfn);
}

static void frames_that_move_before_the_park_are_followed(void **state)
{
	struct parsed p;

	(void)state;
	m->on_pause = move_a_page;
	assert_works(save());
	image_parse("image", &p);
	assert_int_equal(p.page[40][0], 0x77);
	assert_int_equal(p.data_pages, DATA_PAGES);
	free(p.file);
}

static void offline_vcpu_is_not_saved(void **state)
{
	struct parsed p;

	(void)state;
	m->online[1] = false;
	assert_works(save());
	image_parse("image", &p);
	assert_non_null(p.vcpu[0]);
	assert_null(p.vcpu[1]);
	assert_int_equal(p.records[4], 1);
	free(p.file);
}

static void guest_that_reads_the_tsc_is_looked_at_again(void **state)
{
	uint8_t *guest = copy_guest();

	(void)state;
	m->tsc_looks = 5;
	assert_works(save());
	assert_image(guest);
	assert_int_equal(m->total_pauses, 6);
	assert_guest_runs();
	free(guest);
}

static void guest_that_is_never_in_its_window_is_given_up(void **state)
{
	(void)state;
	m->tsc_looks = 1u << 30;
	assert_fails(save(), "not found in its park");
	assert_int_equal(m->pauses, 0);
	assert_int_equal(tempdir_count("."), 0);
}

static void silent_module_times_out(void **state)
{
	(void)state;
	m->module = MODULE_SILENT;
	assert_save_fails("does not answer");
	assert_int_equal(machine_host_half(m)->cancel, machine_host_half(m)->request);
	assert_int_equal(m->total_pauses, 0);
}

static void park_that_comes_too_late_is_ended(void **state)
{
	(void)state;
	m->module = MODULE_LATE;
	assert_save_fails("does not answer");
	assert_int_equal(m->total_pauses, 1);
	assert_int_equal(machine_guest_half(m)->result, STILLPOINT_RESULT_CHECKPOINT);
}

static void failed_park_is_told(void **state)
{
	(void)state;
	m->module = MODULE_FAILS;
	m->error = 16;
	assert_save_fails("could not park: Device or resource busy");
	m->error = -5;
	assert_save_fails("could not park: no reason given");
	m->error = 1 << 30;
	assert_save_fails("could not park: no reason given");
	m->module = MODULE_CANCELS;
	assert_save_fails("cancelled");
}

static void guest_that_left_is_told(void **state)
{
	(void)state;
	m->module = MODULE_LEAVES;
	assert_save_fails("by itself");
}

static void busy_module_is_told(void **state)
{
	(void)state;
	machine_guest_half(m)->state = STILLPOINT_STATE_RESUMING;
	assert_save_fails("busy (resuming)");
	assert_int_equal(m->total_pauses, 0);
}

static void unfit_domains_are_refused_before_anything(void **state)
{
	(void)state;
	m->info.hvm = true;
	assert_save_fails("HVM or PVH");
	m->info.hvm = false;
	m->info.width = 4;
	assert_save_fails("32-bit");
	m->info.width = 8;
	m->info.dying = true;
	assert_save_fails("dying");
	m->info.dying = false;
	m->info.shutdown = true;
	assert_save_fails("shut down");
	m->info.shutdown = false;
	m->info.paused = true;
	assert_save_fails("paused");
	assert_int_equal(m->calls[OP_PAUSE], 0);
	assert_int_equal(m->calls[OP_MAP], 0);
	assert_int_equal(machine_host_half(m)->request, 0);
}

/* Each operation fails once, at each of its calls; the guest always runs on. */
static void every_failure_leaves_a_running_guest(void **state)
{
	static const enum machine_op ops[] = {
		OP_INFO,  OP_PAUSE, OP_GET_REGS, OP_GET_XSAVE, OP_GET_VCPU,    OP_MAP,
		OP_TYPES, OP_TSC,   OP_POLICY,	 OP_CONFIG,    OP_SHARED_INFO,
	};
	unsigned int calls[OP_COUNT], spill;
	size_t i;

	(void)state;
	for (spill = 0; spill < 2; spill++) {
		opts.staging = spill ? 0 : UINT64_C(1) << 30;
		memset(m->calls, 0, sizeof(m->calls));
		assert_works(save());
		assert_int_equal(unlink("image"), 0);
		memcpy(calls, m->calls, sizeof(calls));
		for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
			assert_int_not_equal(calls[ops[i]], 0);
			m->fail_op = ops[i];
			for (m->fail_after = 0; m->fail_after < calls[ops[i]]; m->fail_after++) {
				memset(m->calls, 0, sizeof(m->calls));
				assert_save_fails("");
			}
			m->fail_op = OP_NONE;
		}
	}
	assert_works(save());
}

static const char *meddle_at;
static bool pause_again;
static vcpu_guest_context_t its_own;

/* An administrator unpauses the domain, whose deadline is over. */
static void meddle(const char *name)
{
	if (strcmp(name, meddle_at))
		return;
	m->pauses = 0;
	machine_pass_deadline(m);
	its_own = m->vcpu[0];
	m->pauses = pause_again;
}

static void guest_that_somebody_unpaused_is_left_alone(void **state)
{
	static const enum save_after after[] = { SAVE_RUN_ON, SAVE_PAUSE, SAVE_STOP };
	size_t i;

	(void)state;
	opts.phase = meddle;
	meddle_at = SAVE_COPIED;
	for (i = 0; i < 6; i++) {
		opts.after = after[i % 3];
		pause_again = i > 2;
		assert_save_fails("somebody unpaused the domain");
		/* Its registers are its own. */
		assert_memory_equal(&its_own, &m->vcpu[0], sizeof(its_own));
	}
	meddle_at = SAVE_RENAMED;
	for (i = 1; i < 3; i++) {
		opts.after = after[i];
		pause_again = false;
		assert_fails(save(), "the image is complete, but somebody unpaused");
		assert_guest_runs();
		assert_int_equal(unlink("image"), 0);
	}
}

/* It runs on, and says that it was not dom0 who let it. */
static void leave_by_itself(struct machine *mach)
{
	if (machine_guest_half(mach)->result == STILLPOINT_RESULT_CHECKPOINT)
		machine_guest_half(mach)->result = STILLPOINT_RESULT_ABANDONED;
}

static void guest_that_left_by_itself_has_no_image(void **state)
{
	(void)state;
	m->on_run = leave_by_itself;
	assert_save_fails("did not leave its park as a checkpoint");
}

/* The guest cannot be told to go on: it is unpaused, and has its deadline. */
static void failed_flip_unpauses_at_least(void **state)
{
	(void)state;
	m->fail_op = OP_SET_REGS;
	assert_fails(save(), "cannot write vCPU 0");
	assert_int_equal(m->pauses, 0);
	assert_int_equal(tempdir_count("."), 0);
}

static void hangup_is_ignored_under_nohup(void **state)
{
	(void)state;
	signal(SIGHUP, SIG_IGN);
	signals_catch();
	raise(SIGHUP);
	assert_int_equal(signals_stop(), 0);
	signal(SIGHUP, SIG_DFL);
	signals_catch();
	raise(SIGHUP);
	assert_int_equal(signals_stop(), SIGHUP);
}

static void signal_at_each_phase_leaves_a_running_guest(void **state)
{
	static const enum save_after after[] = { SAVE_RUN_ON, SAVE_PAUSE, SAVE_STOP };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		opts.after = after[i];
		/* Ten phases come before the file has its name. */
		for (raise_at = 1; raise_at <= (after[i] == SAVE_RUN_ON ? 10 : 8); raise_at++) {
			phase_count = 0;
			assert_save_fails("interrupted by signal 2");
			assert_int_equal(signals_stop(), SIGINT);
			signals_reset();
		}
	}
}

static void hostile_memory_is_refused_and_the_guest_runs(void **state)
{
	uint64_t *l1 = machine_page(m, MACHINE_L1);
	shared_info_t *si = machine_shared_info(m);
	uint64_t old;

	(void)state;
	old = l1[200];
	l1[200] = 1 << 12 | 1; /* the frame of shared_info */
	assert_save_fails("level 1 table at pfn 0x3 has machine frame 0x1 in slot 200");
	l1[200] = m->p2m_mfn[31] << 12 | 1; /* in the p2m, but not the guest's */
	assert_save_fails("slot 200");
	l1[200] = old;
	machine_set_p2m(m, 41, m->p2m_mfn[42]);
	assert_save_fails("under both pfn 0x29 and pfn 0x2a");
	machine_set_p2m(m, 41, m->p2m_mfn[41]);
	m->types[m->p2m_mfn[50]] = 5u << 28;
	assert_save_fails("unknown type");
	m->types[m->p2m_mfn[50]] = XEN_DOMCTL_PFINFO_NOTAB;
	opts.staging = 0;
	m->types[m->p2m_mfn[MACHINE_P2M]] = XEN_DOMCTL_PFINFO_L1TAB;
	assert_save_fails("not plain memory");
	m->types[m->p2m_mfn[MACHINE_P2M]] = XEN_DOMCTL_PFINFO_NOTAB;
	si->arch.p2m_cr3 = 0;
	si->arch.pfn_to_mfn_frame_list_list = UINT64_MAX;
	assert_save_fails("no p2m");
}

static void lose_rdx(struct machine *mach)
{
	mach->vcpu[0].user_regs.rdx = *(uint64_t *)mach->arg;
}

static void hostile_start_info_is_refused(void **state)
{
	uint64_t rdx;

	(void)state;
	m->on_pause = lose_rdx;
	m->arg = &rdx;
	rdx = 2;
	assert_save_fails("not the frame of start_info");
	rdx = UINT64_MAX;
	assert_save_fails("not the frame of start_info");
	rdx = m->p2m_mfn[MACHINE_L1];
	assert_save_fails("not the frame of start_info");
	/* A frame of the guest, but without pfns where a restore wants them. */
	rdx = m->p2m_mfn[60];
	assert_save_fails("did not canonicalize");
}

static void lose_registers(struct machine *mach)
{
	struct cpu_user_regs *regs = &mach->vcpu[0].user_regs;

	switch ((*(int *)mach->arg)) {
	case 0:
		regs->rip = MACHINE_WINDOW_START - 1;
		break;
	case 1:
		regs->rip = MACHINE_WINDOW_END;
		break;
	case 2:
		regs->rsi = STILLPOINT_PARK_MAGIC ^ 1;
		break;
	case 3:
		regs->rdi++;
		break;
	case 4:
		regs->rax = STILLPOINT_RAX_RUN_ON;
		break;
	case 5:
		regs->rax = UINT64_C(1) << 32;
		break;
	}
}

static void registers_that_lie_are_not_believed(void **state)
{
	int what;

	(void)state;
	opts.deadline_ms = 5;
	m->on_pause = lose_registers;
	m->arg = &what;
	for (what = 0; what < 6; what++) {
		machine_guest_half(m)->state = STILLPOINT_STATE_IDLE;
		/* One that tells itself to run on does so. */
		assert_fails(save(), what == 4 ? "without a park" : "not found in its park");
		assert_int_equal(m->pauses, 0);
		assert_int_equal(tempdir_count("."), 0);
	}
}

static void pause_leaves_it_paused_and_flipped(void **state)
{
	uint8_t *guest = copy_guest();

	(void)state;
	opts.after = SAVE_PAUSE;
	assert_works(save());
	assert_int_equal(m->pauses, 1);
	assert_true(m->disowned);
	assert_int_equal(m->vcpu[0].user_regs.rax, STILLPOINT_RAX_RUN_ON);
	assert_int_equal(m->xsave[0][0], 0xa0);
	assert_image(guest);
	assert_string_equal(
		phases,
		"requesting parked paused copying copied writing written synced renamed flipped ");
	free(guest);
}

static void stop_destroys_after_the_image(void **state)
{
	uint8_t *guest = copy_guest();

	(void)state;
	opts.after = SAVE_STOP;
	assert_works(save());
	assert_true(m->destroyed);
	assert_true(m->disowned);
	assert_image(guest);
	free(guest);
}

static void failed_destroy_keeps_the_image_and_the_pause(void **state)
{
	(void)state;
	opts.after = SAVE_STOP;
	m->fail_op = OP_DESTROY;
	assert_fails(save(), "the image is complete");
	assert_true(m->disowned);
	assert_int_equal(m->pauses, 1);
	assert_int_equal(tempdir_count("."), 1);
}

static void failed_write_lets_the_guest_run(void **state)
{
	static const enum save_after after[] = { SAVE_RUN_ON, SAVE_PAUSE, SAVE_STOP };
	struct rlimit old, small;
	size_t i;

	(void)state;
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 3000000;
	for (i = 0; i < 3; i++) {
		opts.after = after[i];
		setrlimit(RLIMIT_FSIZE, &small);
		assert_save_fails("File too large");
		setrlimit(RLIMIT_FSIZE, &old);
	}
}

static void existing_file_is_refused_before_the_guest_is_asked(void **state)
{
	(void)state;
	tempdir_write("image", "x", 1);
	assert_fails(save(), "use --force");
	assert_int_equal(machine_host_half(m)->request, 0);
	assert_int_equal(tempdir_count("."), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(guest_is_saved_and_runs_on),
		TEST(saves_are_numbered),
		TEST(what_does_not_fit_memory_is_written_while_parked),
		TEST(spilled_pages_are_those_of_the_park),
		TEST(frames_that_move_before_the_park_are_followed),
		TEST(offline_vcpu_is_not_saved),
		TEST(guest_that_reads_the_tsc_is_looked_at_again),
		TEST(guest_that_is_never_in_its_window_is_given_up),
		TEST(silent_module_times_out),
		TEST(park_that_comes_too_late_is_ended),
		TEST(failed_park_is_told),
		TEST(guest_that_left_is_told),
		TEST(busy_module_is_told),
		TEST(unfit_domains_are_refused_before_anything),
		TEST(every_failure_leaves_a_running_guest),
		TEST(guest_that_somebody_unpaused_is_left_alone),
		TEST(guest_that_left_by_itself_has_no_image),
		TEST(failed_flip_unpauses_at_least),
		TEST(hangup_is_ignored_under_nohup),
		TEST(signal_at_each_phase_leaves_a_running_guest),
		TEST(hostile_memory_is_refused_and_the_guest_runs),
		TEST(hostile_start_info_is_refused),
		TEST(registers_that_lie_are_not_believed),
		TEST(pause_leaves_it_paused_and_flipped),
		TEST(stop_destroys_after_the_image),
		TEST(failed_destroy_keeps_the_image_and_the_pause),
		TEST(failed_write_lets_the_guest_run),
		TEST(existing_file_is_refused_before_the_guest_is_asked),
	};

	return cmocka_run_group_tests_name("save", tests, NULL, NULL);
}
