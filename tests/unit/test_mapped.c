// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"
#include "image/mapped_source.h"
#include "image/mapped_writer.h"
#include "image/source.h"
#include "page.h"
#include "signals.h"
#include "tempdir.h"

#define XTAB XEN_DOMCTL_PFINFO_XTAB
#define BROKEN XEN_DOMCTL_PFINFO_BROKEN
#define XALLOC XEN_DOMCTL_PFINFO_XALLOC
#define PINNED XEN_DOMCTL_PFINFO_LPINTAB

static const char config[] = "{\"c_info\":{\"name\":\"mapped\"}}";

/* What a guest has: of each pfn its type, its kind, and the seed of its bytes. */
struct guest {
	uint64_t n;
	uint32_t *type;
	enum stillpoint_page_kind *kind;
	unsigned int *seed;
	uint64_t *frames;
};

static struct guest guest;
static uint8_t shared_info[PAGE_BYTES];

static void guest_make(uint64_t n)
{
	uint64_t i;

	guest.n = n;
	guest.type = calloc(n, sizeof(*guest.type));
	guest.kind = calloc(n, sizeof(*guest.kind));
	guest.seed = calloc(n, sizeof(*guest.seed));
	guest.frames = calloc(n / 512 + 1, sizeof(*guest.frames));
	if (!guest.type || !guest.kind || !guest.seed || !guest.frames)
		abort();
	for (i = 0; i < n; i++)
		guest.type[i] = XTAB;
	for (i = 0; i <= n / 512; i++)
		guest.frames[i] = 1;
	memset(shared_info, 0xa5, sizeof(shared_info));
}

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(guest.type);
	free(guest.kind);
	free(guest.seed);
	free(guest.frames);
	memset(&guest, 0, sizeof(guest));
	tempdir_leave();
	return 0;
}

static void guest_set(uint64_t pfn, uint32_t type, enum stillpoint_page_kind kind,
		      unsigned int seed)
{
	guest.type[pfn] = type;
	guest.kind[pfn] = kind;
	guest.seed[pfn] = seed;
}

static void fill(uint8_t *data, uint64_t pfn, unsigned int seed)
{
	uint32_t i, word;

	for (i = 0; i < PAGE_BYTES; i += 4) {
		word = (pfn << 10 | i >> 2) * 2654435761u + seed;
		memcpy(data + i, &word, 4);
	}
}

static void tail_of(struct image_tail *tail, struct vcpu_state *vcpu)
{
	memset(vcpu, 0, sizeof(*vcpu));
	vcpu->basic.user_regs.rax = 2;
	vcpu->extended = (struct blob){ .data = "extended", .size = 9 };
	vcpu->xsave = (struct blob){ .data = "0123456789abcdef", .size = 16 };
	vcpu->msrs = (struct blob){ .data = "fedcba9876543210", .size = 16 };
	*tail = (struct image_tail){
		.tsc = { .mode = 1, .khz = 2, .nsec = 3, .incarnation = 4 },
		.shared_info = shared_info,
		.vcpus = vcpu,
		.nvcpus = 1,
	};
}

static void write_p2m(struct image *img)
{
	struct image_p2m p2m = {
		.max_pfn = guest.n - 1,
		.frames = guest.frames,
		.nframes = (guest.n - 1) / 512 + 1,
	};

	assert_works(img->ops->p2m(img, &p2m));
}

static void write_begin(struct image *img)
{
	const struct image_head head = {
		.config = config,
		.xen_major = 4,
		.xen_minor = 17,
		.cpuid = { .data = "a CPUID leaf of 24 byte", .size = 24 },
		.msrs = { .data = "an MSR of 16 by", .size = 16 },
	};

	assert_works(img->ops->head(img, &head));
	write_p2m(img);
}

static int write_page(struct image *img, uint64_t pfn)
{
	uint8_t data[PAGE_BYTES];
	struct image_page page = {
		.pfn = pfn,
		.type = guest.type[pfn],
		.kind = guest.kind[pfn],
		.data = data,
	};
	int ret;

	if (page.kind == STILLPOINT_PAGE_DATA)
		fill(data, pfn, guest.seed[pfn]);
	ret = img->ops->page(img, &page);
	/* It is nobody's any more after a flush. */
	if (!ret)
		ret = img->ops->flush(img);
	memset(data, 0xee, sizeof(data));
	return ret;
}

static void write_pages(struct image *img)
{
	uint64_t pfn;

	for (pfn = 0; pfn < guest.n; pfn++)
		assert_works(write_page(img, pfn));
}

static uint64_t bound(uint64_t pfns_max)
{
	struct image_options opts = { .layout = IMAGE_MAPPED, .pfns_max = pfns_max };

	return image_bytes(&opts, guest.n, guest.n, 1, sizeof(config));
}

static void write_end(struct image *img, struct output *out)
{
	struct image_tail tail;
	struct vcpu_state vcpu;
	struct stat st;

	tail_of(&tail, &vcpu);
	assert_works(img->ops->tail(img, &tail));
	assert_true(out->length <= bound(0));
	img->ops->free(img);
	assert_works(output_sync(out));
	assert_works(output_publish(out));
	assert_int_equal(fstat(out->fd, &st), 0);
	assert_int_equal(st.st_size, out->length);
	output_close(out);
}

static struct image *write_open(struct output *out, const struct ioqueue_options *io)
{
	const struct image_options opts = { .layout = IMAGE_MAPPED };
	struct image *img;

	assert_works(output_open(out, "image", true));
	img = mapped_writer_new(out, &opts, io);
	assert_non_null(img);
	return img;
}

static void write_image(const struct ioqueue_options *io)
{
	struct output out;
	struct image *img = write_open(&out, io);

	write_begin(img);
	write_pages(img);
	write_end(img, &out);
}

/* An image that only looks at what it is given, and at its memory as late as it may. */
struct sink {
	struct image img;
	unsigned int heads;
	unsigned int p2ms;
	unsigned int tails;
	unsigned int flushes;
	bool tables;
	uint64_t last;
	uint64_t pages;
	uint64_t kinds[4];
	const uint8_t *data[8192];
	uint64_t pfn[8192];
	size_t held;
};

static int sink_head(struct image *img, const struct image_head *head)
{
	((struct sink *)img)->heads++;
	assert_string_equal(head->config, config);
	assert_int_equal(head->xen_major, 4);
	assert_int_equal(head->xen_minor, 17);
	assert_int_equal(head->cpuid.size, 24);
	assert_memory_equal(head->cpuid.data, "a CPUID leaf of 24 byte", 24);
	assert_int_equal(head->msrs.size, 16);
	assert_memory_equal(head->msrs.data, "an MSR of 16 by", 16);
	return 0;
}

static int sink_p2m(struct image *img, const struct image_p2m *p2m)
{
	((struct sink *)img)->p2ms++;
	assert_int_equal(p2m->max_pfn, guest.n - 1);
	assert_memory_equal(p2m->frames, guest.frames, p2m->nframes * 8);
	return 0;
}

/* What the guest's page became, as a writer finds by itself that it is zero. */
static enum stillpoint_page_kind kind_of(uint64_t pfn)
{
	uint8_t data[PAGE_BYTES], zero[PAGE_BYTES] = { 0 };

	if (guest.kind[pfn] != STILLPOINT_PAGE_DATA || guest.type[pfn])
		return guest.kind[pfn];
	fill(data, pfn, guest.seed[pfn]);
	return memcmp(data, zero, PAGE_BYTES) ? STILLPOINT_PAGE_DATA : STILLPOINT_PAGE_ZERO;
}

static int sink_page(struct image *img, const struct image_page *page)
{
	bool table = page_type_level(page->type) > 0;
	struct sink *s = (struct sink *)img;

	assert_true(page->pfn < guest.n);
	assert_int_equal(s->heads, 1);
	assert_int_equal(s->p2ms, 1);
	if (table && !s->tables) {
		s->tables = true;
		s->last = UINT64_MAX;
	}
	assert_int_equal(table, s->tables);
	assert_true(s->last == UINT64_MAX || page->pfn > s->last);
	s->last = page->pfn;
	assert_int_equal(page->type, guest.type[page->pfn]);
	assert_int_equal(page->kind, kind_of(page->pfn));
	s->pages++;
	s->kinds[page->kind]++;
	if (page->kind != STILLPOINT_PAGE_DATA)
		return 0;
	assert_true(s->held < 8192);
	s->data[s->held] = page->data;
	s->pfn[s->held++] = page->pfn;
	return 0;
}

static int sink_flush(struct image *img)
{
	struct sink *s = (struct sink *)img;
	uint8_t data[PAGE_BYTES];
	size_t i;

	for (i = 0; i < s->held; i++) {
		fill(data, s->pfn[i], guest.seed[s->pfn[i]]);
		assert_memory_equal(s->data[i], data, PAGE_BYTES);
	}
	s->held = 0;
	s->flushes++;
	return 0;
}

static int sink_tail(struct image *img, const struct image_tail *tail)
{
	struct sink *s = (struct sink *)img;
	struct image_tail want;
	struct vcpu_state vcpu;

	tail_of(&want, &vcpu);
	assert_int_equal(s->held, 0);
	s->tails++;
	assert_int_equal(tail->tsc.mode, 1);
	assert_int_equal(tail->tsc.khz, 2);
	assert_int_equal(tail->tsc.nsec, 3);
	assert_int_equal(tail->tsc.incarnation, 4);
	assert_memory_equal(tail->shared_info, shared_info, PAGE_BYTES);
	assert_int_equal(tail->nvcpus, 1);
	assert_memory_equal(&tail->vcpus[0].basic, &vcpu.basic, sizeof(vcpu.basic));
	assert_int_equal(tail->vcpus[0].xsave.size, 16);
	assert_memory_equal(tail->vcpus[0].xsave.data, vcpu.xsave.data, 16);
	return 0;
}

static const struct image_ops sink_ops = {
	.head = sink_head,
	.p2m = sink_p2m,
	.page = sink_page,
	.flush = sink_flush,
	.tail = sink_tail,
};

static void sink_init(struct sink *s)
{
	memset(s, 0, sizeof(*s));
	s->img.ops = &sink_ops;
	s->last = UINT64_MAX;
}

static int fd = -1;
static uint64_t progress_done, progress_total;

static void progress(uint64_t done, uint64_t total)
{
	assert_true(done >= progress_done && done <= total);
	progress_done = done;
	progress_total = total;
}

/* Read the open file; @io is what mapped_source_new() is given. */
static int pump(struct image *to, struct source_info *info, const struct ioqueue_options *io)
{
	struct source *src = mapped_source_new(io);
	int ret;

	assert_non_null(src);
	src->fd = fd;
	src->seekable = true;
	src->opts.threads = 1;
	ret = source_pump(src, to);
	if (info)
		*info = src->info;
	source_free(src);
	return ret;
}

static void open_image(void)
{
	fd = open("image", O_RDWR);
	assert_true(fd >= 0);
}

/* The image is the guest, however it is read. */
static void assert_image(const struct ioqueue_options *io)
{
	struct source_info info;
	uint64_t pfn, kinds[4] = { 0 };
	struct sink sink;
	struct stat st;
	unsigned int i;

	for (pfn = 0; pfn < guest.n; pfn++)
		kinds[kind_of(pfn)]++;
	sink_init(&sink);
	open_image();
	assert_works(pump(&sink.img, &info, io));
	assert_int_equal(sink.pages, guest.n);
	assert_int_equal(sink.tails, 1);
	assert_int_equal(sink.held, 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(sink.kinds[i], kinds[i]);
		assert_int_equal(info.pages[i], kinds[i]);
	}
	assert_int_equal(info.layout, IMAGE_MAPPED);
	assert_true(info.digest);
	assert_false(info.encrypted);
	assert_int_equal(info.pfns, guest.n);
	assert_int_equal(info.vcpus, 1);
	assert_int_equal(info.xen_major, 4);
	assert_int_equal(info.raw_bytes, kinds[STILLPOINT_PAGE_DATA] * PAGE_BYTES);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(info.bytes, st.st_size);
	assert_works(pump(NULL, &info, io));
	close(fd);
}

/* All kinds and types, and more pages than the memory of a queue has room for. */
static void guest_mixed(uint64_t n)
{
	static const uint32_t types[] = {
		XEN_DOMCTL_PFINFO_L1TAB,
		XEN_DOMCTL_PFINFO_L2TAB,
		XEN_DOMCTL_PFINFO_L3TAB,
		XEN_DOMCTL_PFINFO_L4TAB,
	};
	static const uint32_t holes[] = { XTAB, BROKEN, XALLOC };
	uint64_t pfn;

	guest_make(n);
	for (pfn = 0; pfn < n; pfn++) {
		if (pfn % 701 == 2)
			guest_set(pfn, holes[pfn % 3], STILLPOINT_PAGE_NONE, 0);
		else if (pfn % 53 == 3)
			guest_set(pfn, types[pfn % 4] | (pfn & 4 ? PINNED : 0),
				  STILLPOINT_PAGE_DATA, 7);
		else if (pfn % 37 == 4 || (pfn > 3000 && pfn < 3400))
			guest_set(pfn, 0, STILLPOINT_PAGE_ZERO, 0);
		else if (pfn % 41 == 5)
			guest_set(pfn, 0, STILLPOINT_PAGE_FREE, 0);
		else
			guest_set(pfn, 0, STILLPOINT_PAGE_DATA, 3);
	}
	guest.frames[n / 512] = n - 1;
	guest_set(n - 1, 0, STILLPOINT_PAGE_DATA, 9);
}

static const struct ioqueue_options ways[] = {
	{ .fail_direct = 0 },
	{ .fail_direct = EINVAL },
	{ .fail_uring = EPERM },
	{ .fail_uring = EPERM, .fail_direct = EINVAL, .fail_punch = EOPNOTSUPP },
	{ .fail_uring = EPERM, .no_threads = true, .fail_punch = EOPNOTSUPP },
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void what_is_written_is_read(void **state)
{
	unsigned int i;

	(void)state;
	guest_mixed(4000);
	for (i = 0; i < WAYS; i++) {
		write_image(&ways[i]);
		assert_image(&ways[i]);
		assert_image(&ways[(i + 1) % WAYS]);
	}
}

static void source_open_recognises_it(void **state)
{
	const struct source_options opts = { .threads = 1, .progress = progress };
	struct source *src;
	struct sink sink;
	int ends[2];

	(void)state;
	guest_mixed(100);
	write_image(NULL);
	open_image();
	src = source_open(fd, &opts);
	assert_non_null(src);
	assert_int_equal(src->info.layout, IMAGE_MAPPED);
	sink_init(&sink);
	progress_done = 0;
	assert_works(source_pump(src, &sink.img));
	assert_int_equal(sink.tails, 1);
	assert_true(progress_total > 0);
	assert_int_equal(progress_done, progress_total);
	source_free(src);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pread(fd, shared_info, 256, 0), 256);
	assert_int_equal(write(ends[1], shared_info, 256), 256);
	assert_fails(!source_open(ends[0], &opts), "cannot be read from a pipe");
	close(ends[0]);
	close(ends[1]);
	close(fd);
}

static int refuse_config(void *data, const char *text)
{
	assert_string_equal(text, config);
	++*(unsigned int *)data;
	return msg_error("not this one");
}

static void config_can_end_it(void **state)
{
	unsigned int asked = 0;
	const struct source_options opts = {
		.threads = 1,
		.config = refuse_config,
		.data = &asked,
	};
	struct source *src;
	struct sink sink;

	(void)state;
	guest_mixed(100);
	write_image(NULL);
	open_image();
	src = source_open(fd, &opts);
	assert_non_null(src);
	sink_init(&sink);
	assert_fails(source_pump(src, &sink.img), "not this one");
	assert_int_equal(asked, 1);
	assert_int_equal(sink.heads, 0);
	source_free(src);
	close(fd);
}

static uint32_t next_random(void)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return state >> 8;
}

/* The size never exceeds what was said, whatever the guest does. */
static void assert_bounded(const struct output *out)
{
	uint64_t most = bound(0);
	struct stat st;

	assert_int_equal(fstat(out->fd, &st), 0);
	assert_true((uint64_t)st.st_size <= most);
	assert_true((uint64_t)st.st_blocks * 512 <= most);
}

/* A round of pages that changed, in any order, some of them more than once. */
static void random_round(struct image *img, unsigned int round)
{
	unsigned int i, j, n;
	uint64_t pfn;

	for (i = 0; i < 40; i++) {
		pfn = next_random() % guest.n;
		n = next_random() % 5 ? 1 : next_random() % 300;
		for (j = 0; j < n && pfn < guest.n; j++, pfn++) {
			if (pfn == 1)
				continue;
			if (next_random() % 4 == 0)
				guest_set(pfn, 0, STILLPOINT_PAGE_ZERO + next_random() % 2, 0);
			else if (next_random() % 50 == 0)
				guest_set(pfn, XTAB, STILLPOINT_PAGE_NONE, 0);
			else
				guest_set(pfn, next_random() % 9 ? 0 : XEN_DOMCTL_PFINFO_L1TAB,
					  STILLPOINT_PAGE_DATA, round);
			assert_works(write_page(img, pfn));
		}
	}
}

static void size_is_bounded_however_often_pages_come(void **state)
{
	unsigned int way, round;
	struct output out;
	struct image *img;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		guest_make(2000);
		guest_set(1, 0, STILLPOINT_PAGE_DATA, 1);
		img = write_open(&out, &ways[way]);
		write_begin(img);
		write_pages(img);
		for (round = 0; round < 15; round++) {
			random_round(img, round + 5);
			assert_bounded(&out);
		}
		write_end(img, &out);
		assert_image(NULL);
		free(guest.type);
		free(guest.kind);
		free(guest.seed);
		free(guest.frames);
	}
	memset(&guest, 0, sizeof(guest));
}

static void blocks_of_zeroes_are_given_back(void **state)
{
	struct stat before, after;
	struct output out;
	struct image *img;
	uint64_t pfn;

	(void)state;
	guest_make(1000);
	for (pfn = 0; pfn < guest.n; pfn++)
		guest_set(pfn, 0, STILLPOINT_PAGE_DATA, 1);
	img = write_open(&out, NULL);
	write_begin(img);
	write_pages(img);
	assert_works(img->ops->read(img, 999, shared_info));
	assert_int_equal(fstat(out.fd, &before), 0);
	for (pfn = 100; pfn < guest.n; pfn++)
		guest_set(pfn, 0, pfn % 2 ? STILLPOINT_PAGE_FREE : STILLPOINT_PAGE_ZERO, 0);
	guest_set(500, XTAB, STILLPOINT_PAGE_NONE, 0);
	guest_set(700, 0, STILLPOINT_PAGE_DATA, 2);
	write_pages(img);
	memset(shared_info, 0xa5, sizeof(shared_info));
	write_end(img, &out);
	assert_int_equal(stat("image", &after), 0);
	assert_true(before.st_blocks * 512 >= 1000 * PAGE_BYTES);
	/* With what is not pages, 40 KiB. */
	assert_true(after.st_blocks * 512 <= 115 * PAGE_BYTES);
	assert_image(NULL);
}

static void guest_with_little_in_it_has_a_small_file(void **state)
{
	struct stat st;

	(void)state;
	guest_make(50000);
	guest_set(1, 0, STILLPOINT_PAGE_DATA, 1);
	guest_set(20000, 0, STILLPOINT_PAGE_DATA, 1);
	guest_set(49999, 0, STILLPOINT_PAGE_DATA, 1);
	guest_set(30000, 0, STILLPOINT_PAGE_ZERO, 1);
	write_image(NULL);
	assert_int_equal(stat("image", &st), 0);
	assert_true(st.st_size > 50000 * (off_t)PAGE_BYTES);
	/* Most are the places of 800,000 bytes. */
	assert_true(st.st_blocks * 512 < 1000000);
	assert_image(NULL);
}

static void assert_read(struct image *img, uint64_t pfn)
{
	uint8_t data[PAGE_BYTES], want[PAGE_BYTES] = { 0 };

	if (guest.kind[pfn] == STILLPOINT_PAGE_DATA)
		fill(want, pfn, guest.seed[pfn]);
	assert_works(img->ops->read(img, pfn, data));
	assert_memory_equal(data, want, PAGE_BYTES);
}

static void what_came_last_can_be_read_back(void **state)
{
	unsigned int way, i;
	struct output out;
	struct image *img;
	uint64_t pfn;

	(void)state;
	guest_mixed(600);
	for (way = 0; way < WAYS; way++) {
		img = write_open(&out, &ways[way]);
		write_begin(img);
		write_pages(img);
		for (i = 0; i < 50; i++) {
			pfn = i % 3 ? next_random() % guest.n : guest.n - 1;
			guest_set(pfn, 0, STILLPOINT_PAGE_DATA, i + 10);
			assert_works(write_page(img, pfn));
			assert_read(img, pfn);
			guest_set(pfn, 0, STILLPOINT_PAGE_ZERO, 0);
			assert_works(write_page(img, pfn));
			assert_read(img, pfn);
			guest_set(pfn, 0, STILLPOINT_PAGE_DATA, i + 11);
			assert_works(write_page(img, pfn));
			assert_read(img, pfn);
		}
		for (pfn = 0; pfn < guest.n; pfn++)
			assert_read(img, pfn);
		write_end(img, &out);
		assert_image(NULL);
	}
}

/* A table of zeroes is data, a plain page of zeroes is none. */
static void zeroes_are_found(void **state)
{
	static uint8_t zero[PAGE_BYTES], almost[PAGE_BYTES];
	struct image_page page = { .kind = STILLPOINT_PAGE_DATA, .data = zero };
	struct source_info info;
	struct output out;
	struct image *img;

	(void)state;
	guest_make(5);
	almost[PAGE_BYTES - 1] = 1;
	img = write_open(&out, NULL);
	write_begin(img);
	page.pfn = 1;
	assert_works(img->ops->page(img, &page));
	page.pfn = 2;
	page.type = XEN_DOMCTL_PFINFO_L1TAB;
	assert_works(img->ops->page(img, &page));
	page.pfn = 3;
	page.type = 0;
	page.data = almost;
	assert_works(img->ops->page(img, &page));
	write_end(img, &out);
	open_image();
	assert_works(pump(NULL, &info, NULL));
	assert_int_equal(info.pages[STILLPOINT_PAGE_DATA], 2);
	assert_int_equal(info.pages[STILLPOINT_PAGE_ZERO], 1);
	assert_int_equal(info.pages[STILLPOINT_PAGE_NONE], 2);
	close(fd);
}

static void impossible_pages_are_refused(void **state)
{
	static const struct {
		uint32_t type;
		enum stillpoint_page_kind kind;
	} bad[] = {
		{ XTAB, STILLPOINT_PAGE_DATA },
		{ BROKEN, STILLPOINT_PAGE_ZERO },
		{ 0, STILLPOINT_PAGE_NONE },
		{ XEN_DOMCTL_PFINFO_L1TAB, STILLPOINT_PAGE_FREE },
		{ XEN_DOMCTL_PFINFO_L4TAB | PINNED, STILLPOINT_PAGE_ZERO },
		{ 5u << XEN_DOMCTL_PFINFO_LTAB_SHIFT, STILLPOINT_PAGE_NONE },
	};
	struct output out;
	struct image *img;
	unsigned int i;

	(void)state;
	guest_make(10);
	img = write_open(&out, NULL);
	write_begin(img);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		guest_set(3, bad[i].type, bad[i].kind, 1);
		assert_fails(write_page(img, 3), "page 0x3 of type");
	}
	img->ops->free(img);
	output_close(&out);
}

static void guest_may_not_outgrow_its_room(void **state)
{
	const struct image_options opts = { .layout = IMAGE_MAPPED, .pfns_max = 1000 };
	uint64_t frames[3] = { 1, 1, 1 };
	struct image_p2m p2m = { .max_pfn = 1000, .frames = frames, .nframes = 2 };
	struct image_page page = { .pfn = 1000, .type = XTAB };
	struct output out;
	struct image *img;
	struct stat st;

	(void)state;
	guest_make(900);
	assert_works(output_open(&out, "image", true));
	img = image_new(&out, &opts);
	assert_non_null(img);
	write_begin(img);
	assert_fails(img->ops->page(img, &page), "page 0x3e8 is outside of the guest's 900 pfns");
	assert_fails(img->ops->p2m(img, &p2m),
		     "grown to 1001 pfns, the image was given room for 1000");
	assert_int_equal(fstat(out.fd, &st), 0);
	assert_true((uint64_t)st.st_size <= bound(1000));
	p2m.max_pfn = 999;
	assert_works(img->ops->p2m(img, &p2m));
	page.pfn = 999;
	assert_works(img->ops->page(img, &page));
	img->ops->free(img);
	output_close(&out);
}

/* A guest that grows while it is saved has places for all. */
static void guest_may_grow(void **state)
{
	struct output out;
	struct image *img;
	uint64_t pfn;

	(void)state;
	guest_mixed(1200);
	img = write_open(&out, NULL);
	guest.n = 600;
	write_begin(img);
	for (pfn = 0; pfn < 600; pfn++)
		assert_works(write_page(img, pfn));
	guest.n = 1200;
	write_p2m(img);
	for (pfn = 600; pfn < 1200; pfn++)
		assert_works(write_page(img, pfn));
	write_end(img, &out);
	assert_image(NULL);
}

static void only_a_plain_file_will_do(void **state)
{
	const struct crypt_secret secret = { .data = (uint8_t *)"key", .size = 3 };
	struct image_options opts = { .layout = IMAGE_MAPPED, .secret = &secret };
	struct output out;

	(void)state;
	assert_works(output_open(&out, "image", true));
	assert_fails(!image_new(&out, &opts), "only the packed layout can be encrypted");
	opts.secret = NULL;
	out.stream = true;
	assert_fails(!image_new(&out, &opts), "the mapped layout needs a file");
	out.stream = false;
	output_close(&out);
}

/* A small image, and what its parts are. */
static uint8_t *small;
static size_t small_size;
static size_t places_at, sections_at, footer_at;

/* A hole, the frame of the p2m, a page that is free, and a page table. */
static void small_make(void)
{
	guest_make(4);
	guest_set(1, 0, STILLPOINT_PAGE_DATA, 1);
	guest_set(2, 0, STILLPOINT_PAGE_FREE, 1);
	guest_set(3, XEN_DOMCTL_PFINFO_L1TAB, STILLPOINT_PAGE_DATA, 1);
	write_image(NULL);
	small = tempdir_read("image", &small_size);
	places_at = 4096;
	sections_at = 4096 + 4 * 4096;
	footer_at = small_size - STILLPOINT_FOOTER_BYTES;
	open_image();
}

static void small_free(void)
{
	free(small);
	close(fd);
}

/* The fastest way to read few bytes. */
static const struct ioqueue_options plain = {
	.fail_direct = EINVAL,
	.fail_uring = EPERM,
	.no_threads = true,
};

static void every_flipped_bit_is_found(void **state)
{
	size_t byte;
	int bit;

	(void)state;
	small_make();
	for (byte = 0; byte < small_size; byte++)
		for (bit = 0; bit < 8; bit++) {
			uint8_t bad = small[byte] ^ 1 << bit;

			assert_int_equal(pwrite(fd, &bad, 1, byte), 1);
			msg_error_clear();
			if (!pump(NULL, NULL, &plain))
				fail_msg("bit %d of byte %zu can be flipped", bit, byte);
			assert_string_not_equal(msg_error_text(), "");
			assert_int_equal(pwrite(fd, &small[byte], 1, byte), 1);
		}
	assert_works(pump(NULL, NULL, NULL));
	small_free();
}

/* The same where holes are holes, past the page cache. */
static void data_in_holes_are_found(void **state)
{
	static const uint64_t pfns[] = { 2, 700, 2999 };
	struct sink sink;
	unsigned int i, way;

	(void)state;
	guest_make(3000);
	guest_set(1, 0, STILLPOINT_PAGE_DATA, 1);
	guest_set(700, 0, STILLPOINT_PAGE_ZERO, 0);
	guest_set(2999, 0, STILLPOINT_PAGE_FREE, 0);
	for (i = 0; i < 3; i++) {
		for (way = 0; way < WAYS; way++) {
			uint64_t byte = 4096 + pfns[i] * PAGE_BYTES + 4095;

			write_image(NULL);
			open_image();
			assert_int_equal(pwrite(fd, "\x10", 1, byte), 1);
			sink_init(&sink);
			assert_fails(pump(&sink.img, NULL, &ways[way]),
				     "has data and should have none");
			assert_int_equal(sink.tails, 0);
			assert_int_equal(pwrite(fd, "", 1, byte), 1);
			assert_works(pump(NULL, NULL, &ways[way]));
			close(fd);
		}
	}
}

/* The tail is what makes a guest of it: it comes only if all is right. */
static void damaged_page_has_no_tail(void **state)
{
	struct sink sink;
	unsigned int i;

	(void)state;
	guest_mixed(3000);
	write_image(NULL);
	open_image();
	for (i = 0; i < 3; i++) {
		/* A plain page, the last one, and a page table. */
		uint64_t pfn = i == 0 ? 6 : i == 1 ? 2999 : 3;
		uint64_t byte = 4096 + pfn * PAGE_BYTES + 77;
		uint8_t was, bad;

		assert_int_equal(guest.kind[pfn], STILLPOINT_PAGE_DATA);
		assert_int_equal(pread(fd, &was, 1, byte), 1);
		bad = was ^ 4;
		assert_int_equal(pwrite(fd, &bad, 1, byte), 1);
		sink_init(&sink);
		assert_fails(pump(&sink.img, NULL, NULL), "does not match its checksum");
		assert_int_equal(sink.tails, 0);
		assert_int_equal(pwrite(fd, &was, 1, byte), 1);
	}
	assert_works(pump(NULL, NULL, NULL));
	close(fd);
}

static void every_truncation_is_found(void **state)
{
	size_t size;

	(void)state;
	small_make();
	for (size = small_size; size-- > 0;) {
		/* Every byte of what has a structure, and each sector of pages. */
		if (size > 400 && size < sections_at && size % 512 && size % 4096 < 4090)
			continue;
		assert_int_equal(ftruncate(fd, size), 0);
		assert_fails(pump(NULL, NULL, &plain), "cut short");
	}
	small_free();
}

static void appended_bytes_are_found(void **state)
{
	(void)state;
	small_make();
	assert_int_equal(pwrite(fd, "", 1, small_size), 1);
	assert_fails(pump(NULL, NULL, NULL), "1 bytes follow its end");
	assert_int_equal(pwrite(fd, small + footer_at, 64, small_size), 64);
	assert_fails(pump(NULL, NULL, NULL), "64 bytes follow its end");
	small_free();
}

/* A copy that has no holes is an image too. */
static void copies_without_holes_are_read(void **state)
{
	uint8_t *data;
	size_t size;

	(void)state;
	guest_mixed(1500);
	write_image(NULL);
	data = tempdir_read("image", &size);
	assert_int_equal(unlink("image"), 0);
	tempdir_write("image", data, size);
	free(data);
	assert_image(NULL);
}

/* Make all checksums right again, of sections where they were before. */
static void reseal(uint8_t *image)
{
	struct stillpoint_image_header *header = (void *)image;
	XXH3_state_t *digest = XXH3_createState();
	XXH128_canonical_t sum;
	XXH64_canonical_t sum64;
	uint8_t field[16 + 40];
	size_t at, length;

	XXH128_canonicalFromHash(&sum, XXH3_128bits(image, 240));
	memcpy(header->checksum, sum.digest, 16);
	XXH3_128bits_reset(digest);
	XXH3_128bits_update(digest, header, 256);
	for (at = sections_at; at < footer_at; at += 48 + length) {
		struct stillpoint_section h;

		memcpy(&h, small + at, 48);
		length = h.length;
		memcpy(&h, image + at, 48);
		if (at + 48 + length == footer_at) {
			XXH128_canonicalFromHash(&sum, XXH3_128bits_digest(digest));
			memcpy(image + at + 48 + 16, sum.digest, 16);
		}
		XXH128_canonicalFromHash(&sum, XXH3_128bits(image + at + 48,
							    h.length < length ? h.length : length));
		memcpy(h.body, sum.digest, 16);
		memcpy(field, header->id, 16);
		memcpy(field + 16, &h, 40);
		XXH64_canonicalFromHash(&sum64, XXH3_64bits(field, 56));
		memcpy(h.checksum, sum64.digest, 8);
		memcpy(image + at, &h, 48);
		XXH3_128bits_update(digest, &h, 48);
	}
	memcpy(field, header->id, 16);
	XXH3_128bits_reset(digest);
	XXH3_128bits_update(digest, header->id, 16);
	XXH3_128bits_update(digest, image + footer_at, 48);
	XXH128_canonicalFromHash(&sum, XXH3_128bits_digest(digest));
	memcpy(image + footer_at + 48, sum.digest, 16);
	XXH3_freeState(digest);
}

/* Offset of the section of @type. */
static size_t section_at(uint32_t type)
{
	struct stillpoint_section h;
	size_t at;

	for (at = sections_at; at < footer_at; at += 48 + h.length) {
		memcpy(&h, small + at, 48);
		if (h.type == type)
			return at;
	}
	fail_msg("there is no section of type %#x", type);
	return 0;
}

/* With @value of @size bytes at @offset, and all checksums right, it is refused for @text. */
static void forged(size_t offset, uint64_t value, size_t size, const char *text)
{
	uint8_t *image = malloc(small_size);
	struct sink sink;

	assert_non_null(image);
	memcpy(image, small, small_size);
	memcpy(image + offset, &value, size);
	reseal(image);
	assert_int_equal(pwrite(fd, image, small_size, 0), small_size);
	free(image);
	sink_init(&sink);
	assert_fails(pump(&sink.img, NULL, &plain), text);
	assert_int_equal(sink.tails, 0);
}

#define HEADER(field) offsetof(struct stillpoint_image_header, field)

static void forged_headers_are_refused(void **state)
{
	(void)state;
	small_make();
	forged(HEADER(version), 2, 2, "version 2");
	forged(HEADER(mandatory), 1, 8, "encryption");
	forged(HEADER(mandatory), 2, 8, "");
	forged(HEADER(mandatory), 4, 8, "unknown mandatory feature");
	forged(HEADER(frame_bytes), 65536, 4, "frames");
	forged(HEADER(reserved1), 1, 8, "reserved");
	forged(HEADER(places), 3, 8, "no section at offset");
	forged(HEADER(places), 5, 8, "no section at offset");
	forged(HEADER(places), 0, 8, "no section at offset");
	forged(HEADER(places), 1000, 8, "cut short: its 1000 pages");
	forged(HEADER(places), UINT64_C(1) << 32, 8, "cut short");
	forged(HEADER(places), (UINT64_C(1) << 32) + 1, 8, "impossible places");
	forged(HEADER(places), (UINT64_C(1) << 52) + 4, 8, "impossible places");
	forged(HEADER(places), UINT64_MAX, 8, "impossible places");
	forged(HEADER(data), 0, 8, "impossible places");
	forged(HEADER(data), 4097, 8, "impossible places");
	forged(HEADER(data), UINT64_MAX - 4095, 8, "impossible places");
	forged(HEADER(data), 1 << 30, 8, "");
	forged(HEADER(data), 8192, 8, "");
	small_free();
}

static void forged_sections_are_refused(void **state)
{
	size_t at, p2m, end;

	(void)state;
	small_make();
	at = section_at(STILLPOINT_SECTION_CONFIG);
	p2m = section_at(STILLPOINT_SECTION_P2M) + 48;
	end = section_at(STILLPOINT_SECTION_END) + 48;
	forged(at + 4, STILLPOINT_SECTION(5, 1), 4, "unknown type");
	forged(at + 4, STILLPOINT_SECTION(5, 1), 8, "has no CONFIG");
	forged(at + 4, STILLPOINT_SECTION_PAGES, 4, "which the mapped layout does not have");
	forged(at + 4, STILLPOINT_SECTION_INDEX, 4, "which the mapped layout does not have");
	forged(at + 4, STILLPOINT_SECTION_PLACES, 4, "wrong size of PLACES");
	forged(at + 4, STILLPOINT_SECTION_END, 4, "wrong size of END");
	forged(at + 12, 1, 4, "section 1 stands at offset");
	forged(at + 16, 1 << 20, 8, "cut short: CONFIG");
	forged(at + 16, UINT64_MAX, 8, "impossible length");
	forged(at + 16, UINT64_MAX - 48, 8, "impossible length");
	forged(p2m, 4, 8, "4 places for 5 pfns");
	forged(p2m, 400, 8, "4 places for 401 pfns");
	forged(p2m, 0, 8, "frame outside");
	forged(p2m + 8, 0, 8, "frame 0 of the p2m is not plain memory");
	forged(p2m + 8, 3, 8, "frame 0x3 of the p2m is not plain memory");
	forged(p2m + 8, 4, 8, "frame outside");
	forged(end, 3, 8, "its END says 3");
	forged(end + 8, 4, 8, "it has 3 pages, its END says 4");
	forged(footer_at + 16, sections_at + 1, 8, "other offsets");
	forged(footer_at + 24, sections_at, 8, "other offsets");
	forged(footer_at + 32, end, 8, "other offsets");
	forged(footer_at + 32, UINT64_MAX, 8, "impossible offsets");
	forged(footer_at + 8, small_size + 1, 8, "its footer says");
	small_free();
}

/* The sections of types @one and @two, which follow each other, change places. */
static void swapped(uint32_t one, uint32_t two, const char *text)
{
	size_t at = section_at(one), next = section_at(two), size = next - at, end;
	struct stillpoint_section h;
	uint8_t *image = malloc(small_size), *keep = malloc(small_size);
	uint32_t number;

	assert_non_null(image);
	assert_non_null(keep);
	memcpy(keep, small, small_size);
	memcpy(image, small, small_size);
	memcpy(&h, small + next, sizeof(h));
	end = next + sizeof(h) + h.length;
	memcpy(image + at, small + next, end - next);
	memcpy(image + at + (end - next), small + at, size);
	number = h.number;
	memcpy(image + at + (end - next) + 12, &number, 4);
	number--;
	memcpy(image + at + 12, &number, 4);
	/* So that the lengths are found. */
	memcpy(small, image, small_size);
	reseal(image);
	memcpy(small, keep, small_size);
	assert_int_equal(pwrite(fd, image, small_size, 0), small_size);
	if (text)
		assert_fails(pump(NULL, NULL, NULL), text);
	else
		assert_works(pump(NULL, NULL, NULL));
	free(keep);
	free(image);
}

static void order_of_sections_is_kept(void **state)
{
	(void)state;
	small_make();
	swapped(STILLPOINT_SECTION_CONFIG, STILLPOINT_SECTION_PLATFORM, NULL);
	swapped(STILLPOINT_SECTION_TSC, STILLPOINT_SECTION_SHARED_INFO, NULL);
	swapped(STILLPOINT_SECTION_P2M, STILLPOINT_SECTION_PLACES, "P2M at offset");
	swapped(STILLPOINT_SECTION_PLACES, STILLPOINT_SECTION_TSC, "PLACES at offset");
	small_free();
}

static void forged_places_are_refused(void **state)
{
	const char *text = "an impossible place of page 0x2";
	size_t at, length;

	(void)state;
	small_make();
	length = section_at(STILLPOINT_SECTION_PLACES) + 16;
	at = section_at(STILLPOINT_SECTION_PLACES) + 48 + 2 * 16;
	forged(at, 1, 8, text);
	forged(at + 8, 4, 1, text);
	forged(at + 8, 255, 1, text);
	forged(at + 8, STILLPOINT_PAGE_NONE, 1, text);
	forged(at + 8, STILLPOINT_PAGE_NONE | 5 << 8, 2, text);
	forged(at + 8, STILLPOINT_PAGE_FREE | 1 << 8, 2, text);
	forged(at + 8, STILLPOINT_PAGE_ZERO | 9 << 8, 2, text);
	forged(at + 8, STILLPOINT_PAGE_DATA | 15 << 8, 2, text);
	forged(at + 8, STILLPOINT_PAGE_DATA | 8 << 8, 2, text);
	forged(at + 8, STILLPOINT_PAGE_FREE | 16 << 8, 2, text);
	forged(at + 10, 1, 1, text);
	forged(at + 15, 128, 1, text);
	forged(at + 8, STILLPOINT_PAGE_DATA, 1, "page 0x2 at offset 12288 does not match");
	forged(at - 16, 1, 8, "page 0x1 at offset 8192 does not match its checksum");
	forged(length - 12, STILLPOINT_SECTION_TSC, 4, "wrong size in TSC");
	forged(length - 12, STILLPOINT_SECTION(5, 1), 8, "PLACES have 0 places of 4");
	forged(length, 63, 8, "wrong size of PLACES");
	forged(length, 48, 8, "no section at offset");
	forged(length, 0, 8, "wrong size of PLACES");
	small_free();
}

/* Of kinds that may be without data; a restore makes zeroes of both. */
static void optional_parts_are_skipped(void **state)
{
	uint64_t unknown = UINT64_MAX;
	size_t at;

	(void)state;
	small_make();
	memcpy(small + HEADER(optional), &unknown, 8);
	at = section_at(STILLPOINT_SECTION_END) + 48;
	memcpy(small + at + 8, &unknown, 8);
	reseal(small);
	assert_int_equal(pwrite(fd, small, small_size, 0), small_size);
	assert_works(pump(NULL, NULL, NULL));
	small_free();
}

/* Write an image of 4 MiB that does not fit, to @path. */
static void write_without_room(const char *path, const struct ioqueue_options *io, const char *text)
{
	const struct image_options opts = { .layout = IMAGE_MAPPED };
	struct image_tail tail;
	struct vcpu_state vcpu;
	struct output out;
	struct image *img;
	uint64_t pfn;
	int ret = 0;

	tail_of(&tail, &vcpu);
	assert_works(output_open(&out, path, true));
	img = mapped_writer_new(&out, &opts, io);
	assert_non_null(img);
	write_begin(img);
	msg_error_clear();
	for (pfn = 0; pfn < guest.n && !ret; pfn++)
		ret = write_page(img, pfn);
	if (!ret)
		ret = img->ops->tail(img, &tail);
	assert_int_equal(ret, -1);
	if (!strstr(msg_error_text(), text) || !strstr(msg_error_text(), path))
		fail_msg("message is '%s', expected '%s' in it", msg_error_text(), text);
	img->ops->free(img);
	output_close(&out);
	msg_error_clear();
}

static void full_file_system_is_an_error(void **state)
{
	unsigned int way;

	(void)state;
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mkdir("small", 0700) || mount("none", "small", "tmpfs", 0, "size=1m")) {
		print_message("skipped: cannot mount a file system here\n");
		skip();
	}
	guest_mixed(1000);
	for (way = 0; way < WAYS; way++) {
		write_without_room("small/image", &ways[way], "No space left");
		assert_int_equal(tempdir_count("small"), 0);
	}
	umount("small");
}

static void file_size_limit_is_an_error(void **state)
{
	struct rlimit old, less;
	unsigned int way;

	(void)state;
	signals_catch();
	guest_mixed(1000);
	getrlimit(RLIMIT_FSIZE, &old);
	less = old;
	/* All pages fit, and not all sections. */
	less.rlim_cur = 1001 * PAGE_BYTES + 10000;
	setrlimit(RLIMIT_FSIZE, &less);
	for (way = 0; way < WAYS; way++)
		write_without_room("image", &ways[way], "File too large");
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(tempdir_count("."), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),
		TEST(source_open_recognises_it),
		TEST(config_can_end_it),
		TEST(size_is_bounded_however_often_pages_come),
		TEST(blocks_of_zeroes_are_given_back),
		TEST(guest_with_little_in_it_has_a_small_file),
		TEST(what_came_last_can_be_read_back),
		TEST(zeroes_are_found),
		TEST(impossible_pages_are_refused),
		TEST(guest_may_not_outgrow_its_room),
		TEST(guest_may_grow),
		TEST(only_a_plain_file_will_do),
		TEST(every_flipped_bit_is_found),
		TEST(data_in_holes_are_found),
		TEST(damaged_page_has_no_tail),
		TEST(every_truncation_is_found),
		TEST(appended_bytes_are_found),
		TEST(copies_without_holes_are_read),
		TEST(forged_headers_are_refused),
		TEST(forged_sections_are_refused),
		TEST(order_of_sections_is_kept),
		TEST(forged_places_are_refused),
		TEST(optional_parts_are_skipped),
		TEST(file_size_limit_is_an_error),
		TEST(full_file_system_is_an_error),
	};

	return cmocka_run_group_tests_name("mapped", tests, NULL, NULL);
}
