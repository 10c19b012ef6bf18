// SPDX-License-Identifier: GPL-2.0
/* What comes out of an image, from a file and from a pipe. */
#define _GNU_SOURCE
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/checksum.h"
#include "image/source.h"
#include "image/xl_format.h"
#include "recorded.h"
#include "signals.h"
#include "tempdir.h"
#include "tiny_image.h"

static uint8_t *tiny;
static size_t tiny_size;
static struct recorded *rec;
static struct source_info info;

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	msg_error_clear();
	tiny = tiny_image_bytes(1, &tiny_size);
	rec = recorded_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	recorded_free(rec);
	free(tiny);
	tempdir_leave();
	return 0;
}

/* Have another process write @data into a pipe, in small pieces. */
static int pipe_of(const uint8_t *data, size_t size)
{
	size_t part, done;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	if (!fork()) {
		close(ends[0]);
		for (done = 0; done < size; done += part) {
			part = size - done < 777 ? size - done : 777;
			if (write(ends[1], data + done, part) != (ssize_t)part)
				_exit(1);
		}
		_exit(0);
	}
	close(ends[1]);
	return ends[0];
}

/* As pipe_of(), non-blocking; what comes takes its time, and @then happens in the end. */
static int slow_pipe_of(const uint8_t *data, size_t size, void (*then)(void))
{
	size_t part, done;
	int ends[2];

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	if (!fork()) {
		close(ends[0]);
		usleep(20000);
		for (done = 0; done < size; done += part) {
			part = size - done < 2777 ? size - done : 2777;
			if (write(ends[1], data + done, part) != (ssize_t)part)
				_exit(1);
			usleep(5000);
		}
		then();
		_exit(0);
	}
	close(ends[1]);
	return ends[0];
}

static void do_nothing(void)
{
}

static void stop_reader(void)
{
	usleep(50000);
	kill(getppid(), SIGTERM);
	usleep(500000);
}

static int file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("image", 0);

	assert_int_equal(write(fd, data, size), size);
	return fd;
}

static int pump_fd(int fd, const struct source_options *opts, struct image *to)
{
	struct source *src = source_open(fd, opts);
	int ret = -1;

	if (src) {
		ret = source_pump(src, to);
		info = src->info;
		info.config = NULL;
	}
	source_free(src);
	close(fd);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return ret;
}

static int pump(const uint8_t *data, size_t size, int piped, struct image *to)
{
	static const struct source_options opts = { .threads = 1 };

	return pump_fd(piped ? pipe_of(data, size) : file_of(data, size), &opts, to);
}

static void assert_tiny(void)
{
	const struct vcpu_state *vcpu = &rec->vcpus[0];
	size_t i;

	assert_string_equal(rec->config, "{\"c_info\":{\"name\":\"tiny\"}}");
	assert_int_equal(rec->xen_major, 4);
	assert_int_equal(rec->xen_minor, 17);
	assert_int_equal(rec->cpuid.size, 24);
	assert_memory_equal(rec->cpuid.data, "a CPUID leaf of 24 byte", 24);
	assert_int_equal(rec->msrs.size, 16);
	assert_memory_equal(rec->msrs.data, "an MSR of 16 by", 16);
	assert_int_equal(rec->p2m.max_pfn, 2);
	assert_int_equal(rec->p2m.nframes, 1);
	assert_int_equal(rec->p2m.frames[0], 1);
	assert_int_equal(rec->pages, 3);
	assert_int_equal(rec->page[0].type, XEN_DOMCTL_PFINFO_XTAB);
	assert_int_equal(rec->page[0].kind, STILLPOINT_PAGE_NONE);
	assert_int_equal(rec->page[1].type, XEN_DOMCTL_PFINFO_NOTAB);
	assert_int_equal(rec->page[1].kind, STILLPOINT_PAGE_DATA);
	for (i = 0; i < PAGE_BYTES; i++)
		assert_int_equal(rec->page[1].data[i], 0x5a);
	assert_int_equal(rec->page[2].type, XEN_DOMCTL_PFINFO_BROKEN);
	assert_int_equal(rec->tsc.mode, 1);
	assert_int_equal(rec->tsc.khz, 2);
	assert_int_equal(rec->tsc.nsec, 3);
	assert_int_equal(rec->tsc.incarnation, 4);
	for (i = 0; i < PAGE_BYTES; i++)
		assert_int_equal(rec->shared_info[i], 0xa5);
	assert_int_equal(rec->nvcpus, 1);
	assert_int_equal(vcpu->id, 0);
	assert_int_equal(vcpu->basic.user_regs.rax, 2);
	assert_int_equal(vcpu->basic.user_regs.rdx, 1);
	assert_int_equal(vcpu->extended.size, 9);
	assert_memory_equal(vcpu->extended.data, "extended", 9);
	assert_int_equal(vcpu->xsave.size, 16);
	assert_memory_equal(vcpu->xsave.data, "0123456789abcdef", 16);
	assert_int_equal(vcpu->msrs.size, 16);
	assert_memory_equal(vcpu->msrs.data, "fedcba9876543210", 16);
}

static void assert_tiny_info(void)
{
	assert_int_equal(info.layout, IMAGE_XL);
	assert_true(info.digest);
	assert_false(info.encrypted);
	assert_false(info.hvm);
	assert_int_equal(info.xen_major, 4);
	assert_int_equal(info.xen_minor, 17);
	assert_int_equal(info.pfns, 3);
	assert_int_equal(info.vcpus, 1);
	assert_int_equal(info.pages[STILLPOINT_PAGE_NONE], 2);
	assert_int_equal(info.pages[STILLPOINT_PAGE_DATA], 1);
	assert_int_equal(info.records, 1);
	assert_int_equal(info.frames, 1);
	assert_int_equal(info.raw_bytes, PAGE_BYTES);
	assert_int_equal(info.stored_bytes, PAGE_BYTES);
	assert_int_equal(info.codecs, 1);
	assert_int_equal(info.bytes, tiny_size);
}

static void all_of_a_file_comes_out(void **state)
{
	(void)state;
	assert_works(pump(tiny, tiny_size, 0, &rec->img));
	assert_string_equal(rec->steps, "hpdt");
	assert_tiny();
	assert_tiny_info();
	/* Nobody needs to listen. */
	assert_works(pump(tiny, tiny_size, 0, NULL));
	assert_tiny_info();
}

static void all_of_a_pipe_comes_out(void **state)
{
	(void)state;
	assert_works(pump(tiny, tiny_size, 1, &rec->img));
	assert_string_equal(rec->steps, "hpdt");
	assert_tiny();
	assert_tiny_info();
	assert_works(pump(tiny, tiny_size, 1, NULL));
	assert_tiny_info();
}

/* Whoever shares the pipe may have made it so. */
static void all_of_a_non_blocking_pipe_comes_out(void **state)
{
	static const struct source_options opts = { .threads = 1 };

	(void)state;
	assert_works(pump_fd(slow_pipe_of(tiny, tiny_size, do_nothing), &opts, &rec->img));
	assert_string_equal(rec->steps, "hpdt");
	assert_tiny();
	signals_catch();
	assert_fails(pump_fd(slow_pipe_of(tiny, 10, stop_reader), &opts, NULL),
		     "interrupted by signal 15");
	signals_reset();
	assert_fails(pump_fd(slow_pipe_of(tiny, 5000, stop_reader), &opts, NULL),
		     "interrupted by signal 15");
	signals_reset();
}

static int interrupted_p2m(struct image *img, const struct image_p2m *p2m)
{
	(void)img;
	(void)p2m;
	return raise(SIGTERM);
}

/* Also where all bytes are there already. */
static void signal_is_seen_at_the_next_record(void **state)
{
	struct image_ops ops = *rec->img.ops;

	(void)state;
	ops.p2m = interrupted_p2m;
	rec->img.ops = &ops;
	signals_catch();
	assert_fails(pump(tiny, tiny_size, 0, &rec->img), "interrupted by signal 15");
	assert_string_equal(rec->steps, "h");
	signals_reset();
}

static void image_without_a_digest_comes_out(void **state)
{
	size_t size;
	uint8_t *stock = tiny_image_bytes(0, &size);
	int piped;

	(void)state;
	for (piped = 0; piped < 2; piped++) {
		recorded_free(rec);
		rec = recorded_new();
		assert_works(pump(stock, size, piped, &rec->img));
		assert_string_equal(rec->steps, "hpdt");
		assert_tiny();
		assert_false(info.digest);
	}
	free(stock);
}

/* The p2m is described again, with more pfns; the last of a page counts. */
static void what_comes_again_comes_out_again(void **state)
{
	size_t size;
	uint8_t *image = tiny_image_repeated(0, &size);
	static const uint8_t zeroes[PAGE_BYTES];

	(void)state;
	assert_works(pump(image, size, 1, &rec->img));
	assert_string_equal(rec->steps, "hpdpdt");
	assert_int_equal(rec->p2m.max_pfn, 3);
	assert_int_equal(rec->page[1].given, 2);
	assert_int_equal(rec->page[1].kind, STILLPOINT_PAGE_DATA);
	assert_memory_equal(rec->page[1].data, zeroes, PAGE_BYTES);
	assert_int_equal(info.records, 2);
	assert_int_equal(info.pages[STILLPOINT_PAGE_DATA], 1);
	assert_int_equal(info.pages[STILLPOINT_PAGE_NONE], 3);
	assert_int_equal(info.pfns, 4);
	free(image);
}

/* A restore of a damaged image must not come to its end. */
static void no_tail_comes_out_of_a_damaged_image(void **state)
{
	uint8_t *page = memmem(tiny, tiny_size, "\x5a\x5a\x5a\x5a", 4);
	int piped;

	(void)state;
	page[1000] ^= 4;
	for (piped = 0; piped < 2; piped++) {
		recorded_free(rec);
		rec = recorded_new();
		assert_fails(pump(tiny, tiny_size, piped, &rec->img), "digest does not match");
		assert_string_equal(rec->steps, "hpd");
	}
	page[1000] ^= 4;
	tiny[tiny_size - 1] ^= 1;
	recorded_free(rec);
	rec = recorded_new();
	assert_fails(pump(tiny, tiny_size, 1, &rec->img), "its trailer is for");
	assert_string_equal(rec->steps, "hpd");
}

static void cut_pipe_is_told(void **state)
{
	size_t size;

	(void)state;
	for (size = tiny_size - 1; size < tiny_size; size = size < 97 ? tiny_size : size - 97) {
		recorded_free(rec);
		rec = recorded_new();
		assert_fails(pump(tiny, size, 1, &rec->img), "cut short");
		assert_null(strchr(rec->steps, 't'));
	}
	assert_fails(pump(tiny, 31, 1, NULL), "this is no image: it has only 31 bytes");
	assert_fails(pump(tiny, 0, 1, NULL), "this is no image: it has only 0 bytes");
}

static void bytes_behind_the_end_of_a_pipe_are_told(void **state)
{
	uint8_t *longer = calloc(1, tiny_size + 1);

	(void)state;
	memcpy(longer, tiny, tiny_size);
	assert_fails(pump(longer, tiny_size + 1, 1, &rec->img), "bytes follow its end");
	assert_string_equal(rec->steps, "hpd");
	free(longer);
}

static void failing_sink_ends_it(void **state)
{
	static const char steps[] = "hpdt";
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		recorded_free(rec);
		rec = recorded_new();
		rec->fail_at = steps[i];
		assert_fails(pump(tiny, tiny_size, 0, &rec->img), "the test wants this to fail");
		assert_int_equal(strlen(rec->steps), i);
	}
}

static char told[64];
static int tell;

static int on_config(void *data, const char *config)
{
	assert_ptr_equal(data, told);
	/* Before anything is passed on. */
	assert_string_equal(rec->steps, "");
	strcpy(told, config);
	return tell ? msg_error("the name is taken") : 0;
}

static void configuration_is_told_first(void **state)
{
	static const struct source_options opts = { .threads = 1,
						    .config = on_config,
						    .data = told };

	(void)state;
	told[0] = '\0';
	tell = 0;
	assert_works(pump_fd(pipe_of(tiny, tiny_size), &opts, &rec->img));
	assert_string_equal(told, "{\"c_info\":{\"name\":\"tiny\"}}");
	assert_string_equal(rec->steps, "hpdt");
	recorded_free(rec);
	rec = recorded_new();
	tell = 1;
	assert_fails(pump_fd(pipe_of(tiny, tiny_size), &opts, &rec->img), "the name is taken");
	assert_string_equal(rec->steps, "");
}

static uint64_t progressed, progress_total;

static void on_progress(uint64_t done, uint64_t total)
{
	assert_true(done > progressed);
	progressed = done;
	progress_total = total;
}

static void progress_is_told(void **state)
{
	static const struct source_options opts = { .threads = 1, .progress = on_progress };

	(void)state;
	progressed = 0;
	assert_works(pump_fd(file_of(tiny, tiny_size), &opts, NULL));
	assert_true(progressed > 0 && progressed <= tiny_size);
	assert_int_equal(progress_total, tiny_size);
	progressed = 0;
	assert_works(pump_fd(pipe_of(tiny, tiny_size), &opts, NULL));
	assert_true(progressed > 0);
	assert_int_equal(progress_total, 0);
}

/* Offset of the first record of @type with @length. */
static uint8_t *record_at(uint32_t type, uint32_t length)
{
	struct record_header h = { type, length };
	uint8_t *p = memmem(tiny, tiny_size, &h, sizeof(h));

	assert_non_null(p);
	return p;
}

static void stock(void)
{
	free(tiny);
	tiny = tiny_image_bytes(0, &tiny_size);
}

static void images_that_have_no_other_layout_are_only_checked(void **state)
{
	uint8_t *tsc, *type;

	(void)state;
	stock();
	tsc = record_at(LIBXC_X86_TSC_INFO, 24);
	tsc[3] = 0x80; /* an optional record of no meaning */
	assert_works(pump(tiny, tiny_size, 1, NULL));
	assert_fails(pump(tiny, tiny_size, 1, &rec->img), "no TSC_INFO");
	assert_string_equal(rec->steps, "hpd");
	tsc[3] = 0;
	/* A policy that comes when the head is gone. */
	memset(tsc, 0, 4);
	tsc[0] = LIBXC_X86_CPUID_POLICY;
	assert_works(pump(tiny, tiny_size, 1, NULL));
	recorded_free(rec);
	rec = recorded_new();
	assert_fails(pump(tiny, tiny_size, 1, &rec->img), "a late or too long CPU policy");
	tsc[0] = LIBXC_X86_TSC_INFO;
	type = memmem(tiny, tiny_size, "XENF", 4);
	type[16] = LIBXC_TYPE_X86_HVM;
	recorded_free(rec);
	rec = recorded_new();
	assert_fails(pump(tiny, tiny_size, 1, &rec->img), "HVM guest");
	assert_string_equal(rec->steps, "");
}

static void unknown_optional_record_is_passed_over(void **state)
{
	uint8_t *vcpu;

	(void)state;
	stock();
	vcpu = record_at(LIBXC_X86_PV_VCPU_EXTENDED, 8 + 9);
	vcpu[0] = 0x77;
	vcpu[3] = 0x80;
	assert_works(pump(tiny, tiny_size, 0, &rec->img));
	assert_int_equal(rec->nvcpus, 1);
	assert_int_equal(rec->vcpus[0].extended.size, 0);
	assert_int_equal(rec->vcpus[0].xsave.size, 16);
}

static void impossible_vcpus_are_refused(void **state)
{
	uint8_t *xsave;

	(void)state;
	stock();
	xsave = record_at(LIBXC_X86_PV_VCPU_XSAVE, 8 + 16);
	xsave[9] = 0x20; /* vCPU 8192 */
	assert_fails(pump(tiny, tiny_size, 0, NULL), "impossible number of a vCPU");
	xsave[9] = 0;
	xsave[8] = 5; /* a vCPU with nothing else */
	assert_fails(pump(tiny, tiny_size, 0, &rec->img), "vCPU 5 has no basic context");
	assert_null(strchr(rec->steps, 't'));
}

/* The first bytes of one of Stillpoint's own. */
static void own_headers_are_told_apart(void **state)
{
	struct stillpoint_image_header h = {
		.version = STILLPOINT_IMAGE_VERSION,
		.byteorder = STILLPOINT_IMAGE_BYTEORDER,
		.layout = STILLPOINT_LAYOUT_MAPPED,
	};
	const uint8_t *bytes = (const uint8_t *)&h;
	int dir = open(".", O_RDONLY);

	(void)state;
	memcpy(h.magic, STILLPOINT_IMAGE_MAGIC, STILLPOINT_IMAGE_MAGIC_SIZE);
	assert_fails(pump(bytes, sizeof(h), 1, NULL), "cannot be read from a pipe");
	assert_fails(pump(bytes, 20, 0, NULL), "cut short: it has only 20 bytes");
	assert_fails(pump(bytes, 20, 1, NULL), "cut short: it has only 20 bytes");
	h.version = 2;
	assert_fails(pump(bytes, sizeof(h), 0, NULL), "has version 2, this tool knows 1");
	h.version = 1;
	h.layout = 3;
	assert_fails(pump(bytes, sizeof(h), 0, NULL), "damaged: its header has a wrong checksum");
	checksum_128(&h, offsetof(struct stillpoint_image_header, checksum), h.checksum);
	assert_fails(pump(bytes, sizeof(h), 0, NULL), "unknown layout 3; a newer tool is needed");
	assert_fails(pump(bytes, sizeof(h), 1, NULL), "unknown layout 3; a newer tool is needed");
	h.byteorder = 0x04030201;
	assert_fails(pump(bytes, sizeof(h), 0, NULL), "another byte order");
	h.byteorder = 0x01030204;
	assert_fails(pump(bytes, sizeof(h), 0, NULL), "damaged: byte order");
	h.magic[9] = 0;
	assert_fails(pump(bytes, sizeof(h), 0, NULL), "no image");
	assert_fails(pump_fd(dir, &(struct source_options){ .threads = 1 }, NULL),
		     "not a regular file or a pipe");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_of_a_file_comes_out),
		TEST(all_of_a_pipe_comes_out),
		TEST(all_of_a_non_blocking_pipe_comes_out),
		TEST(signal_is_seen_at_the_next_record),
		TEST(image_without_a_digest_comes_out),
		TEST(what_comes_again_comes_out_again),
		TEST(no_tail_comes_out_of_a_damaged_image),
		TEST(cut_pipe_is_told),
		TEST(bytes_behind_the_end_of_a_pipe_are_told),
		TEST(failing_sink_ends_it),
		TEST(configuration_is_told_first),
		TEST(progress_is_told),
		TEST(images_that_have_no_other_layout_are_only_checked),
		TEST(unknown_optional_record_is_passed_over),
		TEST(impossible_vcpus_are_refused),
		TEST(own_headers_are_told_apart),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
