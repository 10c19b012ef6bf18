// SPDX-License-Identifier: GPL-2.0
/* Saving in every layout: live, bounded, interrupted, into a pipe. */
#define _GNU_SOURCE
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "convert.h"
#include "domain_file.h"
#include "image_compare.h"
#include "input.h"
#include "save.h"
#include "save_size.h"
#include "signals.h"
#include "tempdir.h"

#define PFNS 1500

static struct crypt_secret secret = { .data = (uint8_t *)"a secret", .size = 8 };

static const struct image_options layouts[] = {
	{ .layout = IMAGE_XL },
	{ .layout = IMAGE_MAPPED },
	{ .layout = IMAGE_PACKED, .compress = { STILLPOINT_CODEC_NONE, 0 } },
	{ .layout = IMAGE_PACKED, .compress = { STILLPOINT_CODEC_LZ4, 0 } },
	{ .layout = IMAGE_PACKED, .compress = { STILLPOINT_CODEC_ZSTD, 1 } },
	{ .layout = IMAGE_PACKED, .compress = { STILLPOINT_CODEC_ZSTD, 1 }, .secret = &secret },
};

#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static struct machine *m;
static struct save_options opts;
static struct save_result res;
static struct parsed p;

/* Sets made so far; phases told so far, a signal being raised at number @raise_at. */
static unsigned int sets;
static int phase_count;
static int raise_at;

static void on_phase(const char *name)
{
	(void)name;
	if (++phase_count == raise_at)
		raise(SIGINT);
}

static void build(void)
{
	m = machine_build(PFNS);
	machine_track(m);
	machine_set_p2m(m, 30, UINT64_MAX);
	m->types[m->p2m_mfn[30]] = XEN_DOMCTL_PFINFO_XTAB;
	sets = 0;
	phase_count = 0;
}

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	signals_catch();
	signals_reset();
	msg_error_clear();
	build();
	memset(&opts, 0, sizeof(opts));
	opts.path = "image";
	opts.replace = true;
	opts.park_timeout_ms = 200;
	opts.deadline_ms = 200;
	opts.track = &tracker_guest;
	opts.max_rounds = 10;
	opts.threads = 2;
	opts.staging = UINT64_C(1) << 30;
	opts.phase = on_phase;
	raise_at = 0;
	memset(&p, 0, sizeof(p));
	return 0;
}

static void unbuild(void)
{
	/* Nothing leaks, whatever happened. */
	assert_int_equal(m->mapped, 0);
	assert_int_equal(m->channels, 0);
	machine_free(m);
}

static int teardown(void **state)
{
	(void)state;
	free(p.file);
	unbuild();
	tempdir_leave();
	signals_reset();
	msg_error_clear();
	return 0;
}

static int save(void)
{
	return save_run(&m->dom, &opts, &res);
}

/* Make @path an image in xl's layout, which can be compared with a guest. */
static void to_xl(const char *path, const char *xl)
{
	struct source_options with = { .threads = 1, .secret = &secret };
	struct convert_options how = { .path = xl, .replace = true };
	int fd = open(path, O_RDONLY);
	struct source *src = source_open(fd, &with);
	uint64_t bytes;

	assert_non_null(src);
	assert_works(convert_run(src, &how, &bytes));
	assert_true(src->info.digest);
	assert_int_equal(src->info.layout, opts.image.layout);
	source_free(src);
	close(fd);
}

/* The image is the guest as it is now. */
static void assert_image_is_guest(void)
{
	to_xl("image", "xl");
	free(p.file);
	image_compare("xl", m, &p);
}

static void write_fewer(struct machine *mach)
{
	unsigned int n = 9600 >> (2 * ++sets), i;

	for (i = 0; i < n; i++)
		machine_write(mach, 50 + (i * 2 + sets % 2) % 1400, sets * 16 + i);
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

static void live_image_is_the_guest(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < LAYOUTS; i++) {
		opts.image = layouts[i];
		opts.audit = true;
		m->on_harvest = write_fewer;
		m->on_types = write_meanwhile;
		assert_works(save());
		assert_true(res.nrounds > 1);
		assert_true(res.sent > PFNS);
		assert_int_equal(res.audit.missed, 0);
		assert_int_equal(res.audit.pages, PFNS - 1);
		assert_image_is_guest();
		unbuild();
		build();
	}
}

static void image_of_a_spilled_guest_is_the_guest(void **state)
{
	size_t i;

	(void)state;
	opts.track = &tracker_none;
	opts.staging = 0;
	opts.audit = true;
	for (i = 0; i < LAYOUTS; i++) {
		opts.image = layouts[i];
		assert_works(save());
		assert_true(res.staged < 10);
		assert_int_equal(res.audit.missed, 0);
		assert_image_is_guest();
		unbuild();
		build();
	}
}

/* A page changes each time, and is never in a set. */
static void lose_a_write(struct machine *mach)
{
	write_fewer(mach);
	memset(machine_page(mach, 900), 0x90 + sets, PAGE_BYTES);
}

static void audit_finds_lost_writes(void **state)
{
	size_t i;

	(void)state;
	opts.audit = true;
	for (i = 0; i < LAYOUTS; i++) {
		opts.image = layouts[i];
		m->forget = 900;
		m->on_harvest = lose_a_write;
		assert_fails(save(), "differs from the guest in 1 of");
		assert_int_equal(res.audit.miss[0].pfn, 900);
		assert_int_equal(tempdir_count("."), 0);
		unbuild();
		build();
	}
}

/* An eighth and a bit less each time, so that it looks worth another round. */
static void write_a_bit_less(struct machine *mach)
{
	static unsigned int n;
	unsigned int i;

	n = sets++ ? n * 6 / 7 : 1300;
	for (i = 0; i < n; i++)
		machine_write(mach, 100 + i, sets + i);
}

static void no_image_is_larger_than_was_said(void **state)
{
	struct save_size size, none;
	unsigned int rounds = 0;
	struct stat st;
	size_t i;

	(void)state;
	opts.max_rounds = 100;
	for (i = 0; i < LAYOUTS; i++) {
		opts.image = layouts[i];
		assert_works(save_find_size(&m->dom, &opts, &size));
		assert_int_equal(size.pfns, PFNS);
		m->on_harvest = write_a_bit_less;
		assert_works(save());
		assert_int_equal(stat("image", &st), 0);
		assert_int_equal(st.st_size, res.bytes);
		assert_true((uint64_t)st.st_size <= size.bytes);
		opts.track = &tracker_none;
		assert_works(save_find_size(&m->dom, &opts, &none));
		opts.track = &tracker_guest;
		if (opts.image.layout == IMAGE_MAPPED) {
			/* However much is written. */
			assert_int_equal(none.bytes, size.bytes);
			assert_true(size.bytes < (PFNS + 400) * PAGE_BYTES);
			assert_true(res.nrounds > rounds);
			assert_true(res.sent > 4 * PFNS);
		} else {
			rounds = res.nrounds;
			assert_true(res.sent < 4 * PFNS);
			assert_true(none.bytes < size.bytes);
		}
		unbuild();
		build();
	}
}

/* Less each time, so that there are all rounds; then all, also once frozen and for the park. */
static void write_all_when_frozen(struct machine *mach)
{
	static const unsigned int less[] = { 1400, 1300, 1130 };
	unsigned int n = sets < 3 ? less[sets] : 1400, i;

	sets++;
	for (i = 0; i < n; i++)
		machine_write(mach, 50 + i, sets + i);
}

static void write_frozen_meanwhile(struct machine *mach)
{
	if (mach->quiesce.rounds && !mach->pauses)
		write_all_when_frozen(mach);
}

/* The round of what is written while the guest freezes is one more. */
static void no_image_of_a_frozen_guest_is_larger_than_was_said(void **state)
{
	struct freeze_options freeze;
	struct save_size size, none;
	struct stat st;

	(void)state;
	freeze_options_init(&freeze);
	freeze.lock_dir = "locks";
	opts.max_rounds = 100;
	opts.image = layouts[0];
	assert_works(save_find_size(&m->dom, &opts, &none));
	opts.freeze = &freeze;
	assert_works(save_find_size(&m->dom, &opts, &size));
	m->on_harvest = write_all_when_frozen;
	m->on_types = write_frozen_meanwhile;
	assert_works(save());
	assert_int_equal(m->quiesce.rounds, 1);
	assert_int_equal(stat("image", &st), 0);
	assert_true((uint64_t)st.st_size > none.bytes);
	assert_true((uint64_t)st.st_size <= size.bytes);
}

static void size_is_told_without_a_park(void **state)
{
	struct save_size size;

	(void)state;
	m->module = MODULE_SILENT;
	assert_works(save_find_size(&m->dom, &opts, &size));
	assert_int_equal(size.pages, m->info.pages);
	assert_int_equal(m->total_pauses, 0);
	assert_int_equal(machine_host_half(m)->request, 0);
	m->info.hvm = true;
	assert_fails(save_find_size(&m->dom, &opts, &size), "no 64-bit PV guest");
	m->info.hvm = false;
	m->fail_op = OP_CONFIG;
	assert_fails(save_find_size(&m->dom, &opts, &size), "configuration");
	m->fail_op = OP_INFO;
	assert_fails(save_find_size(&m->dom, &opts, &size), "cannot look at the domain");
}

static void grow(struct machine *mach)
{
	write_fewer(mach);
	machine_shared_info(mach)->arch.max_pfn = PFNS;
}

/* Only the mapped layout has no place for what was not there in the beginning. */
static void guest_that_grows_is_saved_or_runs_on(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < LAYOUTS; i++) {
		opts.image = layouts[i];
		machine_shared_info(m)->arch.max_pfn = PFNS - 60;
		m->on_harvest = grow;
		if (layouts[i].layout == IMAGE_MAPPED) {
			assert_fails(save(), "grew from 1440 to 1500 pfns");
			assert_int_equal(m->pauses, 0);
			assert_int_equal(m->total_pauses, 0);
			assert_int_equal(tempdir_count("."), i ? 2 : 0);
		} else {
			assert_works(save());
			assert_image_is_guest();
		}
		unbuild();
		build();
	}
}

static void signal_at_each_phase_leaves_nothing(void **state)
{
	size_t i;

	(void)state;
	m->on_harvest = write_fewer;
	for (i = 0; i < LAYOUTS - 1; i++) {
		opts.image = layouts[i];
		for (raise_at = 1; raise_at <= 12; raise_at++) {
			phase_count = 0;
			sets = 0;
			assert_fails(save(), "interrupted by signal 2");
			assert_int_equal(m->pauses, 0);
			assert_int_equal(tempdir_count("."), 0);
			signals_reset();
		}
	}
}

static void full_disk_leaves_a_running_guest(void **state)
{
	struct rlimit old, small;
	size_t i;

	(void)state;
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	for (i = 0; i < LAYOUTS; i++) {
		opts.image = layouts[i];
		small.rlim_cur = 4096;
		setrlimit(RLIMIT_FSIZE, &small);
		assert_fails(save(), "File too large");
		setrlimit(RLIMIT_FSIZE, &old);
		assert_int_equal(m->pauses, 0);
		assert_int_equal(tempdir_count("."), 0);
		unbuild();
		build();
	}
}

static void existing_file_is_refused(void **state)
{
	size_t i;

	(void)state;
	opts.replace = false;
	tempdir_write("image", "x", 1);
	for (i = 0; i < LAYOUTS; i++) {
		opts.image = layouts[i];
		assert_fails(save(), "use --force");
		assert_int_equal(machine_host_half(m)->request, 0);
	}
	assert_int_equal(tempdir_count("."), 1);
}

/* Save to standard output, which is @fd. */
static int save_to(int fd)
{
	int stdout_fd = dup(1), ret;

	opts.path = "-";
	dup2(fd, 1);
	ret = save();
	dup2(stdout_fd, 1);
	close(stdout_fd);
	close(fd);
	return ret;
}

/* A child that makes what comes out of the pipe @fd a file. */
static pid_t start_cat(int fd)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	dup2(fd, 0);
	execlp("sh", "sh", "-c", "cat >image", NULL);
	_exit(1);
}

static void standard_output_gets_the_image(void **state)
{
	int ends[2], status;
	pid_t pid;
	size_t i;

	(void)state;
	for (i = 0; i < LAYOUTS; i++) {
		opts.image = layouts[i];
		if (opts.image.layout == IMAGE_MAPPED)
			continue;
		m->on_harvest = write_fewer;
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		pid = start_cat(ends[0]);
		close(ends[0]);
		assert_works(save_to(ends[1]));
		waitpid(pid, &status, 0);
		assert_int_equal(status, 0);
		assert_image_is_guest();
		unbuild();
		build();
	}
}

static void reader_that_dies_leaves_a_running_guest(void **state)
{
	int ends[2];
	size_t i;

	(void)state;
	for (i = 0; i < LAYOUTS; i++) {
		opts.image = layouts[i];
		if (opts.image.layout == IMAGE_MAPPED)
			continue;
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		close(ends[0]);
		assert_fails(save_to(ends[1]), "standard output");
		assert_int_equal(m->pauses, 0);
		assert_int_not_equal(machine_guest_half(m)->state, STILLPOINT_STATE_PARKED);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(live_image_is_the_guest),
		TEST(image_of_a_spilled_guest_is_the_guest),
		TEST(audit_finds_lost_writes),
		TEST(no_image_is_larger_than_was_said),
		TEST(no_image_of_a_frozen_guest_is_larger_than_was_said),
		TEST(size_is_told_without_a_park),
		TEST(guest_that_grows_is_saved_or_runs_on),
		TEST(signal_at_each_phase_leaves_nothing),
		TEST(full_disk_leaves_a_running_guest),
		TEST(existing_file_is_refused),
		TEST(standard_output_gets_the_image),
		TEST(reader_that_dies_leaves_a_running_guest),
	};

	return cmocka_run_group_tests_name("layouts", tests, NULL, NULL);
}
