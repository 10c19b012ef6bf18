// SPDX-License-Identifier: GPL-2.0
/*
 * Seeds for all harnesses, made by the tool's own writers: make_seeds DIR writes
 * DIR/HARNESS/NAME.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "image/section.h"
#include "image/source.h"
#include "image/tmem_writer.h"
#include "own_parts.h"
#include "page.h"
#include "patches.h"
#include "pump.h"
#include "tmem/protocol.h"
#include "tmem_actions.h"

/* Room for an image that grows when it is encrypted. */
#define SEED_ROOM (1u << 20)

static const char *seeds_dir;

static const char config[] =
	"{\"c_info\":{\"type\":\"pv\",\"name\":\"seed\"},\"b_info\":{\"vcpus\":[0],\"mb\":64}}";

/* Nothing is mutated here. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
	(void)data;
	(void)max_size;
	return size;
}

/* Write @size bytes behind @how bytes of the harness's own. */
static void seed_write(const char *harness, const char *name, const void *how, size_t nhow,
		       const void *data, size_t size)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", seeds_dir, harness);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%s/%s", seeds_dir, harness, name);
	file = fopen(path, "w");
	fuzz_check(file && fwrite(how, 1, nhow, file) == nhow);
	fuzz_check(fwrite(data, 1, size, file) == size && !fclose(file));
}

static void seed_vcpu(struct vcpu_state *vcpu)
{
	memset(vcpu, 0, sizeof(*vcpu));
	vcpu->basic.user_regs.rax = 2;
	vcpu->basic.user_regs.rdx = 1;
	vcpu->extended = (struct blob){ .data = "extended", .size = 9 };
	vcpu->xsave = (struct blob){ .data = "0123456789abcdef", .size = 16 };
	vcpu->msrs = (struct blob){ .data = "fedcba9876543210", .size = 16 };
}

/* Pages of each kind; pfn 1 holds the p2m. */
static void seed_pages(struct image *img)
{
	static uint8_t bytes[4][PAGE_BYTES];
	struct image_page pages[] = {
		{ .pfn = 0, .type = XEN_DOMCTL_PFINFO_XTAB },
		{ .pfn = 1, .kind = STILLPOINT_PAGE_DATA, .data = bytes[0] },
		{ .pfn = 2, .type = XEN_DOMCTL_PFINFO_BROKEN },
		{ .pfn = 3, .kind = STILLPOINT_PAGE_DATA, .data = bytes[1] },
		{ .pfn = 4, .kind = STILLPOINT_PAGE_ZERO },
		{ .pfn = 5, .kind = STILLPOINT_PAGE_FREE },
		{ .pfn = 6, .kind = STILLPOINT_PAGE_DATA, .data = bytes[2] },
		{ .pfn = 8, .kind = STILLPOINT_PAGE_FREE },
		{ .pfn = 7,
		  .type = XEN_DOMCTL_PFINFO_L4TAB | XEN_DOMCTL_PFINFO_LPINTAB,
		  .kind = STILLPOINT_PAGE_DATA,
		  .data = bytes[3] },
	};
	unsigned int i;

	memset(bytes[0], 0x5a, PAGE_BYTES);
	strcpy((char *)bytes[1], "a page that can be made smaller");
	bytes[3][0] = 0x63;
	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		fuzz_check(!img->ops->page(img, &pages[i]));
	fuzz_check(!img->ops->flush(img));
}

static void seed_contents(struct image *img)
{
	static uint64_t frames[] = { 1 };
	static uint8_t shared_info[PAGE_BYTES];
	struct image_p2m p2m = { .max_pfn = 7, .frames = frames, .nframes = 1 };
	struct vcpu_state vcpu;
	struct image_head head = {
		.config = config,
		.xen_major = 4,
		.xen_minor = 17,
		.cpuid = { .data = "a CPUID leaf of 24 byte", .size = 24 },
		.msrs = { .data = "an MSR of 16 by", .size = 16 },
	};
	struct image_tail tail = {
		.tsc = { .mode = 1, .khz = 2000000, .nsec = 3, .incarnation = 4 },
		.shared_info = shared_info,
		.vcpus = &vcpu,
		.nvcpus = 1,
	};

	seed_vcpu(&vcpu);
	fuzz_check(!img->ops->head(img, &head) && !img->ops->p2m(img, &p2m));
	/* The guest grows. */
	p2m.max_pfn = 8;
	fuzz_check(!img->ops->p2m(img, &p2m));
	seed_pages(img);
	fuzz_check(!img->ops->tail(img, &tail));
}

/* An image in memory of SEED_ROOM bytes; free() it. */
static uint8_t *seed_image(const struct image_options *opts, size_t *size)
{
	uint8_t *data = calloc(1, SEED_ROOM);
	struct output out;
	struct image *img;
	ssize_t n;

	fuzz_check(data && !output_open(&out, "seed", false));
	img = image_new(&out, opts);
	fuzz_check(img);
	seed_contents(img);
	img->ops->free(img);
	fuzz_check(!output_flush(&out));
	n = pread(out.fd, data, SEED_ROOM, 0);
	fuzz_check(n > 0 && n < SEED_ROOM / 2);
	output_close(&out);
	*size = n;
	return data;
}

/* The same image for several ways of reading it. */
static void seed_ways(const char *harness, const char *name, const uint8_t *data, size_t size)
{
	static const uint8_t ways[] = {
		0,
		PUMP_PIPE | PUMP_CHECK,
		PUMP_CHECK | PUMP_FAIL | 0x30,
		PUMP_CHECK | PUMP_CONVERT,
		PUMP_CHECK | PUMP_CONVERT | 0x10,
		PUMP_CHECK | PUMP_CONVERT | 0x20,
	};
	char way[64];
	unsigned int i;

	for (i = 0; i < sizeof(ways); i++) {
		snprintf(way, sizeof(way), "%s-%u", name, i);
		seed_write(harness, way, &ways[i], 1, data, size);
	}
}

static void seed_layout(const char *harness, const char *name, enum image_layout layout,
			enum stillpoint_codec codec)
{
	struct image_options opts = {
		.layout = layout,
		.compress = { .codec = codec, .level = 1 },
		.threads = 1,
		.pfns_max = 9,
	};
	uint8_t *data;
	size_t size;

	data = seed_image(&opts, &size);
	seed_ways(harness, name, data, size);
	if (layout == IMAGE_PACKED) {
		size = own_parts_encrypt(data, size, SEED_ROOM, &own_secret);
		seed_ways("encrypted", name, data, size);
	}
	free(data);
}

static void seed_images(void)
{
	seed_layout("xl", "xl", IMAGE_XL, STILLPOINT_CODEC_NONE);
	seed_layout("mapped", "mapped", IMAGE_MAPPED, STILLPOINT_CODEC_NONE);
	seed_layout("packed", "none", IMAGE_PACKED, STILLPOINT_CODEC_NONE);
	seed_layout("packed", "lz4", IMAGE_PACKED, STILLPOINT_CODEC_LZ4);
	seed_layout("packed", "zstd", IMAGE_PACKED, STILLPOINT_CODEC_ZSTD);
}

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void seed_texts(void)
{
	/* Two values as given, the others good. */
	static const char published[] = { 4, 1, '1', 4, 5, '0', '.', '1', '.', '0', 0, 0, 0 };

	static const char manifest[] =
		"{\"stillpoint_backup\":1,\"domain\":\"g1\",\"created\":1,\"quiesced\":true,\n"
		"\"memory\":{\"file\":\"memory.img\",\"bytes\":3,\"sha256\":\"" DIGEST "\"},\n"
		"\"disks\":[{\"file\":\"xvda.raw\",\"bytes\":4,\"sha256\":\"" DIGEST "\",\n"
		"\"vdev\":\"xvda\",\"format\":\"raw\",\"device\":\"/dev/vg/a\",\n"
		"\"path\":\"/dev/dm-1\",\"block\":true,\"readonly\":false}]}";

	seed_write("text", "config", "", 1, config, sizeof(config) - 1);
	seed_write("text", "manifest", "\2", 1, manifest, sizeof(manifest) - 1);
	seed_write("text", "published", "\1", 1, published, sizeof(published));
}

/* Changes of a guest in one seed. */
#define SEED_PATCHES 5

/* For who reads memory, and who saves in each layout. What is not used is zero. */
static void seed_guest(const char *name, const struct patch patches[SEED_PATCHES])
{
	static const struct patch unused;
	/* A save with an audit in each layout, and a recovery. */
	static const uint8_t how[] = { 4, 8, 20, 128 };
	size_t n = SEED_PATCHES;
	char way[64];
	unsigned int i;

	while (n && !memcmp(&patches[n - 1], &unused, sizeof(unused)))
		n--;
	seed_write("memory", name, "", 0, patches, n * sizeof(struct patch));
	for (i = 0; i < sizeof(how); i++) {
		snprintf(way, sizeof(way), "%s-%u", name, i);
		seed_write("guest", way, &how[i], 1, patches, n * sizeof(struct patch));
	}
}

/* Words of a vCPU's context. */
#define VCPU_WORD(field) (offsetof(vcpu_guest_context_t, field) / sizeof(uint64_t))

/* The entry for the p2m in a table of @level. */
#define P2M_ENTRY(level) (MACHINE_P2M_VADDR >> (PAGE_BITS - 9 + 9 * (level)) & 511)

static void seed_guests(void)
{
	static const struct {
		const char *name;
		struct patch patches[SEED_PATCHES];
	} seeds[] = {
		{ "none", { { .what = PATCH_GRANT } } },
		{ "max-pfn", { { .what = PATCH_ANCHOR, .where = ANCHOR_MAX_PFN, .value = 1024 } } },
		{ "no-p2m", { { .what = PATCH_ANCHOR, .where = ANCHOR_CR3 } } },
		{ "tree",
		  { { .what = PATCH_ANCHOR, .where = ANCHOR_CR3 },
		    { .what = PATCH_ANCHOR, .form = FORM_FRAME, .where = ANCHOR_TREE, .value = 30 },
		    { .form = FORM_FRAME,
		      .count = 255,
		      .where = 30 * ENTRIES_PER_PAGE,
		      .value = 31 },
		    { .form = FORM_FRAME,
		      .where = 31 * ENTRIES_PER_PAGE,
		      .value = MACHINE_P2M } } },
		/* Tables behind the first are one that is shared, and so are frames. */
		{ "tail",
		  { { .what = PATCH_ANCHOR, .where = ANCHOR_MAX_PFN, .value = 1 << 26 },
		    { .form = FORM_ENTRY,
		      .count = 255,
		      .where = MACHINE_L2 * ENTRIES_PER_PAGE + P2M_ENTRY(2) + 1,
		      .value = UINT64_C(0x100000020) },
		    { .form = FORM_ENTRY,
		      .count = 255,
		      .where = MACHINE_L1 * ENTRIES_PER_PAGE + P2M_ENTRY(1) + 1,
		      .value = UINT64_C(0x100000021) },
		    { .form = FORM_ENTRY,
		      .count = 254,
		      .where = MACHINE_L1 * ENTRIES_PER_PAGE + P2M_ENTRY(1) + 257,
		      .value = UINT64_C(0x100000021) },
		    { .count = 255, .where = 33 * ENTRIES_PER_PAGE, .value = UINT64_MAX } } },
		{ "moved", { { .when = 1, .what = PATCH_ANCHOR, .where = ANCHOR_VADDR } } },
		{ "p2m",
		  { { .when = 1,
		      .where = MACHINE_P2M * ENTRIES_PER_PAGE + 30,
		      .value = UINT64_MAX } } },
		{ "table",
		  { { .when = 2,
		      .form = FORM_ENTRY,
		      .count = 3,
		      .step = 1,
		      .where = MACHINE_L1 * ENTRIES_PER_PAGE,
		      .value = UINT64_C(0x6300000004) } } },
		{ "type", { { .what = PATCH_TYPE, .where = 30, .value = 1 } } },
		{ "cr1",
		  { { .what = PATCH_VCPU, .where = VCPU_WORD(ctrlreg[1]), .value = UINT64_MAX } } },
		{ "gdt",
		  { { .what = PATCH_VCPU,
		      .form = FORM_FRAME,
		      .count = 15,
		      .step = 1,
		      .where = VCPU_WORD(gdt_frames) },
		    { .what = PATCH_VCPU,
		      .where = VCPU_WORD(gdt_ents),
		      .value = FIRST_RESERVED_GDT_ENTRY } } },
		{ "offline", { { .what = PATCH_VCPUS, .where = 1 } } },
		{ "granted", { { .what = PATCH_GRANT, .form = FORM_FRAME, .value = 31 } } },
		{ "late",
		  { { .what = PATCH_MODULE, .value = MODULE_LATE, .where = TRACK_WORKS } } },
		{ "window", { { .when = 3, .what = PATCH_CONTROL, .where = 6, .value = 1 } } },
		{ "directory", { { .when = 1, .what = PATCH_CONTROL, .where = 23, .value = 99 } } },
		{ "free",
		  { { .what = PATCH_FREE, .where = 30, .count = 5, .value = 1 },
		    { .when = 6, .what = PATCH_FREE, .where = 32 } } },
	};
	unsigned int i;

	for (i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		seed_guest(seeds[i].name, seeds[i].patches);
}

/* A body with what fuzz_section.c wants before it. */
static void seed_body(FILE *file, uint8_t type, int ret, struct section_body *body)
{
	uint16_t size = body->size;

	fuzz_check(!ret && body->size == size);
	fwrite(&type, 1, 1, file);
	fwrite(&size, 1, sizeof(size), file);
	fwrite(body->data, 1, size, file);
	section_body_free(body);
}

static void seed_bodies(void)
{
	static uint64_t frames[] = { 1 };
	static uint8_t page[PAGE_BYTES];
	struct image_p2m p2m = { .max_pfn = 7, .frames = frames, .nframes = 1 };
	struct image_head head = { .xen_major = 4, .xen_minor = 17 };
	struct tsc_state tsc = { .mode = 1 };
	struct section_body body = { 0 };
	struct vcpu_state vcpu;
	char *data;
	size_t size;
	FILE *file = open_memstream(&data, &size);

	fuzz_check(file);
	seed_vcpu(&vcpu);
	seed_body(file, 0, body_config(&body, config), &body);
	seed_body(file, 1, body_platform(&body, &head), &body);
	seed_body(file, 2, body_p2m(&body, &p2m), &body);
	seed_body(file, 3, body_tsc(&body, &tsc), &body);
	seed_body(file, 4, body_shared_info(&body, page), &body);
	seed_body(file, 5, body_vcpu(&body, &vcpu), &body);
	fclose(file);
	seed_write("section", "bodies", "", 1, data, size);
	free(data);
}

/* An image that only writes what fuzz_section.c takes of tmem pools. */
struct seed_pools {
	struct image img;
	FILE *file;
};

static int seed_part(struct image *img, const struct image_tmem *part)
{
	const uint8_t how = (part->type & 0xffff) - 1 + (part->mandatory ? 0x81 : 0);
	uint16_t size = part->size;
	FILE *file = ((struct seed_pools *)img)->file;

	fwrite(&how, 1, 1, file);
	fwrite(&size, 1, sizeof(size), file);
	fwrite(part->body, 1, size, file);
	return 0;
}

static void seed_tmem_pages(struct tmem_writer *w)
{
	static const struct stillpoint_tmem_handle gone = { .pool = 3, .index = 9 };
	struct stillpoint_tmem_page page = { .handle = { .pool = 3, .index = 1 }, .zero = 1 };
	static uint8_t data[PAGE_BYTES] = "a page";

	fuzz_check(!tmem_writer_page(w, &page, data));
	page.handle.index = 2;
	page.zero = 0;
	page.stored = PAGE_BYTES;
	fuzz_check(!tmem_writer_page(w, &page, data));
	fuzz_check(!tmem_writer_invalidate(w, &gone));
	page.handle.pool = 4;
	fuzz_check(!tmem_writer_page(w, &page, data));
	fuzz_check(!tmem_writer_pool_gone(w, 4));
}

static void seed_pools(void)
{
	static const struct image_ops ops = { .tmem = seed_part };
	static const struct stillpoint_tmem_pools head = { .codecs = 7 };
	struct stillpoint_tmem_pool pool = {
		.flags = STILLPOINT_TMEM_POOL_PERSISTENT | STILLPOINT_TMEM_POOL_4K,
	};
	struct seed_pools to = { .img = { .ops = &ops } };
	struct tmem_writer w;
	char *data;
	size_t size;

	to.file = open_memstream(&data, &size);
	fuzz_check(to.file && !tmem_writer_init(&w, &head));
	w.img = &to.img;
	for (pool.id = 3; pool.id < 5; pool.id++)
		fuzz_check(!tmem_writer_pool(&w, &pool));
	seed_tmem_pages(&w);
	fuzz_check(!tmem_writer_end(&w));
	tmem_writer_free(&w);
	fclose(to.file);
	seed_write("section", "pools", "\2", 1, data, size);
	free(data);
}

static void seed_codecs(void)
{
	static uint8_t page[PAGE_BYTES];
	struct codec_choice choice = { .level = 1 };
	uint8_t how[5] = { 1, 0, 0, PAGE_BYTES >> 8, 0 };
	uint8_t stored[2 * PAGE_BYTES];
	struct codec *codec;
	size_t size;

	strcpy((char *)page + 64, "a page that can be made smaller");
	for (how[1] = STILLPOINT_CODEC_NONE; how[1] <= STILLPOINT_CODEC_ZSTD; how[1]++) {
		choice.codec = how[1];
		codec = codec_new(&choice);
		fuzz_check(codec);
		size = codec_compress(codec, page, sizeof(page), stored, sizeof(stored));
		if (!size)
			memcpy(stored, page, size = sizeof(page));
		seed_write("section", codec_name(how[1]), how, sizeof(how), stored, size);
		codec_free(codec);
	}
}

static void seed_act(FILE *file, enum tmem_action action, const void *what, size_t size)
{
	fputc(action, file);
	if (what)
		fwrite(what, 1, size, file);
}

/* What fuzz_tmem.c takes of a message: its type, and what is behind the head. */
static void seed_say(FILE *file, enum tmem_msg_type type, const void *message, size_t size)
{
	uint8_t byte = type;

	seed_act(file, ACTION_MESSAGE, &byte, 1);
	fwrite((const struct tmem_msg *)message + 1, 1, size - sizeof(struct tmem_msg), file);
}

static void seed_request(FILE *file, uint16_t op, uint32_t index)
{
	struct stillpoint_tmem_request request = { .op = op, .slot = index % 4, .index = index };

	if (op == STILLPOINT_TMEM_HELLO)
		request.hello.version = STILLPOINT_TMEM_PROTOCOL;
	seed_act(file, ACTION_SEND, &request, sizeof(request));
}

/* A guest that keeps the rules. */
static void seed_ring(FILE *file, uint32_t flags)
{
	static const uint8_t page[] = { 1, 40, 1, 0, 0 };
	uint32_t i;

	seed_act(file, ACTION_ENTER, NULL, 0);
	seed_request(file, STILLPOINT_TMEM_HELLO, 0);
	seed_request(file, STILLPOINT_TMEM_NEW_POOL, flags | STILLPOINT_TMEM_POOL_4K);
	seed_act(file, ACTION_PAGE, page, sizeof(page));
	for (i = 0; i < 8; i++)
		seed_request(file, STILLPOINT_TMEM_PUT, i);
	seed_request(file, STILLPOINT_TMEM_GET, 1);
	seed_request(file, STILLPOINT_TMEM_INVALIDATE_PAGE, 2);
	seed_act(file, ACTION_SERVE, NULL, 0);
}

static void seed_export(FILE *file)
{
	const struct tmem_hello hello = { .version = TMEM_PROTOCOL_VERSION };
	const struct tmem_export_request export = { .domid = 5 };
	const struct tmem_next next = { .max = TMEM_RECORDS_MAX };
	const struct tmem_hold hold = { .timeout_us = 1000 };
	const struct tmem_release release = { .flags = 0 };

	seed_say(file, TMEM_MSG_HELLO, &hello, sizeof(hello));
	seed_say(file, TMEM_MSG_EXPORT, &export, sizeof(export));
	seed_say(file, TMEM_MSG_NEXT, &next, sizeof(next));
	seed_request(file, STILLPOINT_TMEM_PUT, 3);
	seed_act(file, ACTION_SERVE, NULL, 0);
	seed_say(file, TMEM_MSG_HOLD, &hold, sizeof(hold));
	seed_say(file, TMEM_MSG_RELEASE, &release, sizeof(release));
	seed_request(file, STILLPOINT_TMEM_DESTROY_POOL, 0);
	seed_act(file, ACTION_SERVE, NULL, 0);
	seed_say(file, TMEM_MSG_NEXT, &next, sizeof(next));
}

static void seed_import(FILE *file)
{
	const struct tmem_hello hello = { .version = TMEM_PROTOCOL_VERSION };
	const struct tmem_import_request import = { .coming = { .pools = 1, .persistent = 1 } };
	const struct tmem_totals totals = { .pools = 1, .persistent = 1 };
	const struct tmem_bind bind = { .domid = 5 };
	const struct {
		struct tmem_record head;
		struct tmem_record_pool pool;
		struct tmem_record page;
	} records = {
		.head = { .type = TMEM_RECORD_POOL, .size = sizeof(records.pool) },
		.pool.flags = STILLPOINT_TMEM_POOL_PERSISTENT | STILLPOINT_TMEM_POOL_4K,
		.page = { .type = TMEM_RECORD_PAGE, .index = 7 },
	};
	uint16_t size = sizeof(records);

	seed_say(file, TMEM_MSG_HELLO, &hello, sizeof(hello));
	seed_say(file, TMEM_MSG_IMPORT, &import, sizeof(import));
	seed_act(file, ACTION_RECORDS, &size, sizeof(size));
	fwrite(&records, 1, sizeof(records), file);
	seed_say(file, TMEM_MSG_IMPORT_END, &totals, sizeof(totals));
	seed_say(file, TMEM_MSG_BIND, &bind, sizeof(bind));
}

static void seed_tmem(void)
{
	char *data;
	size_t size;
	FILE *file = open_memstream(&data, &size);

	fuzz_check(file);
	seed_ring(file, 0);
	seed_ring(file, STILLPOINT_TMEM_POOL_PERSISTENT | STILLPOINT_TMEM_POOL_EMPTY);
	fflush(file);
	seed_write("tmem", "ring", "", 0, data, size);
	seed_export(file);
	fflush(file);
	seed_write("tmem", "export", "", 0, data, size);
	rewind(file);
	seed_import(file);
	fclose(file);
	seed_write("tmem", "import", "", 0, data, size);
	free(data);
}

int main(int argc, char **argv)
{
	fuzz_check(argc == 2);
	seeds_dir = argv[1];
	mkdir(seeds_dir, 0777);
	seed_images();
	seed_texts();
	seed_guests();
	seed_bodies();
	seed_pools();
	seed_codecs();
	seed_tmem();
	return 0;
}
