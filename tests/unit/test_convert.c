// SPDX-License-Identifier: GPL-2.0
/* An image in one layout, made into one of another, is the same to a restore. */
#define _GNU_SOURCE
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"
#include "convert.h"
#include "image_check.h"
#include "image_compare.h"
#include "input.h"
#include "recorded.h"
#include "restore.h"
#include "sample_image.h"
#include "save.h"
#include "signals.h"
#include "tempdir.h"
#include "tiny_image.h"

/* What an image can be written as. */
static const struct variant {
	const char *name;
	enum image_layout layout;
	struct codec_choice compress;
	bool encrypted;
} variants[] = {
	{ "xl", IMAGE_XL, { STILLPOINT_CODEC_NONE, 0 }, false },
	{ "mapped", IMAGE_MAPPED, { STILLPOINT_CODEC_NONE, 0 }, false },
	{ "none", IMAGE_PACKED, { STILLPOINT_CODEC_NONE, 0 }, false },
	{ "lz4", IMAGE_PACKED, { STILLPOINT_CODEC_LZ4, 0 }, false },
	{ "zstd", IMAGE_PACKED, { STILLPOINT_CODEC_ZSTD, 1 }, false },
	{ "secret", IMAGE_PACKED, { STILLPOINT_CODEC_ZSTD, 3 }, true },
};

#define VARIANTS (sizeof(variants) / sizeof(variants[0]))
#define KEY "key"

static struct crypt_secret secret = { .data = (uint8_t *)"a secret", .size = 8 };

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	signals_catch();
	signals_reset();
	msg_error_clear();
	tempdir_write(KEY, "a secret\n", 9);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tempdir_leave();
	signals_reset();
	msg_error_clear();
	return 0;
}

static struct image_options options_of(const struct variant *v)
{
	return (struct image_options){
		.layout = v->layout,
		.compress = v->compress,
		.secret = v->encrypted ? &secret : NULL,
		.threads = 2,
	};
}

/* Keys take long to derive. */
static bool is_slow(size_t from, size_t to)
{
	return variants[from].encrypted != variants[to].encrypted && from && to;
}

static int convert(const char *from, const char *to, const struct variant *v)
{
	static const struct source_options opts = { .threads = 2 };
	struct convert_options how = { .path = to, .image = options_of(v) };
	struct input in;
	uint64_t bytes;
	int ret = -1;

	if (!input_open(&in, from, KEY) && !input_recognise(&in, &opts))
		ret = convert_run(in.src, &how, &bytes);
	input_close(&in);
	return ret;
}

static void every_layout_becomes_every_other(void **state)
{
	struct recorded *want = recorded_new(), *have;
	struct image_options opts;
	struct source_info info;
	struct input in;
	size_t from, to;
	char name[32];

	(void)state;
	sample_image_give(&want->img);
	want->img.ops->flush(&want->img);
	for (from = 0; from < VARIANTS; from++) {
		opts = options_of(&variants[from]);
		sample_image_write(variants[from].name, &opts);
		have = recorded_read(variants[from].name, KEY);
		recorded_assert_equal(want, have);
		recorded_free(have);
	}
	for (from = 0; from < VARIANTS; from++)
		for (to = 0; to < VARIANTS; to++) {
			if (is_slow(from, to))
				continue;
			snprintf(name, sizeof(name), "%s-%s", variants[from].name,
				 variants[to].name);
			assert_works(convert(variants[from].name, name, &variants[to]));
			have = recorded_read(name, KEY);
			recorded_assert_equal(want, have);
			recorded_free(have);
			assert_works(input_open(&in, name, KEY));
			assert_works(input_read(&in, 1, NULL));
			info = in.src->info;
			assert_int_equal(info.layout, variants[to].layout);
			assert_int_equal(info.encrypted, variants[to].encrypted);
			assert_true(info.digest);
			assert_int_equal(input_pages(&info), SAMPLE_PAGES);
			assert_int_equal(info.pfns, SAMPLE_PFNS);
			assert_int_equal(info.vcpus, 3);
			input_close(&in);
		}
	recorded_free(want);
}

/* A guest that was saved, through every layout, and as xl's again. */
static void saved_guest_survives_all_layouts(void **state)
{
	struct machine *m = machine_build(1500);
	struct save_options opts = {
		.path = "saved",
		.park_timeout_ms = 200,
		.deadline_ms = 200,
		.staging = UINT64_C(1) << 30,
		.track = &tracker_none,
		.threads = 2,
		.max_rounds = 10,
		.image = { .threads = 2 },
	};
	struct save_result res;
	struct parsed p;
	char from[32], to[32];
	size_t i;

	(void)state;
	machine_set_p2m(m, 30, UINT64_MAX);
	m->types[m->p2m_mfn[30]] = XEN_DOMCTL_PFINFO_XTAB;
	assert_works(save_run(&m->dom, &opts, &res));
	strcpy(from, "saved");
	for (i = VARIANTS; i-- > 0;) {
		snprintf(to, sizeof(to), "step-%s", variants[i].name);
		assert_works(convert(from, to, &variants[i]));
		strcpy(from, to);
	}
	image_compare("step-xl", m, &p);
	free(p.file);
	machine_free(m);
}

static void xl_image_comes_back_as_it_was(void **state)
{
	size_t size, back_size;
	uint8_t *image = tiny_image_bytes(1, &size), *back;
	size_t i;

	(void)state;
	tempdir_write("image", image, size);
	for (i = 0; i < VARIANTS; i++) {
		assert_works(convert("image", "other", &variants[i]));
		assert_works(convert("other", "back", &variants[0]));
		back = tempdir_read("back", &back_size);
		assert_int_equal(back_size, size);
		/* Pages without data may come elsewhere: after those that have data. */
		if (variants[i].layout == IMAGE_XL)
			assert_memory_equal(back, image, size);
		free(back);
		assert_int_equal(unlink("other"), 0);
		assert_int_equal(unlink("back"), 0);
	}
	free(image);
}

static void damaged_image_becomes_nothing(void **state)
{
	struct image_options opts;
	size_t size, i, to;
	uint8_t *image;

	(void)state;
	for (i = 0; i < VARIANTS; i++) {
		opts = options_of(&variants[i]);
		sample_image_write("image", &opts);
		image = tempdir_read("image", &size);
		image[size / 2] ^= 0x10;
		tempdir_write("image", image, size);
		for (to = 0; to < VARIANTS; to++) {
			if (is_slow(i, to))
				continue;
			assert_fails(convert("image", "other", &variants[to]), "");
			/* The image and the key. */
			assert_int_equal(tempdir_count("."), 2);
		}
		tempdir_write("image", image, size / 3);
		assert_fails(convert("image", "other", &variants[0]), "");
		assert_int_equal(tempdir_count("."), 2);
		free(image);
	}
}

static void existing_file_is_kept(void **state)
{
	size_t i;

	(void)state;
	tiny_image_write("image");
	tempdir_write("other", "x", 1);
	for (i = 0; i < VARIANTS; i++)
		assert_fails(convert("image", "other", &variants[i]), "use --force");
	assert_int_equal(tempdir_count("."), 3);
}

static void full_disk_leaves_nothing(void **state)
{
	struct image_options opts = options_of(&variants[0]);
	struct rlimit old, small;
	size_t i;

	(void)state;
	sample_image_write("image", &opts);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 20000;
	for (i = 0; i < VARIANTS; i++) {
		setrlimit(RLIMIT_FSIZE, &small);
		assert_fails(convert("image", "other", &variants[i]), "File too large");
		setrlimit(RLIMIT_FSIZE, &old);
		assert_int_equal(tempdir_count("."), 2);
	}
}

static void signal_leaves_nothing(void **state)
{
	size_t i;

	(void)state;
	tiny_image_write("image");
	for (i = 0; i < VARIANTS; i++) {
		raise(SIGTERM);
		assert_fails(convert("image", "other", &variants[i]), "interrupted by signal 15");
		signals_reset();
		assert_int_equal(tempdir_count("."), 2);
	}
}

/* The whole command in a child; its standard output goes to @out, input comes from @in. */
static int command(int (*cmd)(int argc, char **argv), const char *in, const char *out,
		   const char *const *argv)
{
	int status, argc, fd;
	pid_t pid;

	for (argc = 0; argv[argc]; argc++)
		;
	pid = fork();
	if (!pid) {
		fd = open(in, O_RDONLY);
		dup2(fd, 0);
		fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, 1);
		fd = open("stderr", O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, 2);
		optind = 0;
		_exit(cmd(argc, (char **)argv));
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void assert_stderr(const char *text)
{
	size_t size;
	uint8_t *data = tempdir_read("stderr", &size);

	if (!memmem(data, size, text, strlen(text)))
		fail_msg("stderr is '%.*s', expected '%s' in it", (int)size, (char *)data, text);
	free(data);
}

static void usage_is_checked(void **state)
{
	static const struct {
		int (*cmd)(int argc, char **argv);
		const char *argv[8];
		const char *text;
	} cases[] = {
		{ cmd_convert, { "convert", "a", NULL }, "expected IN and OUT" },
		{ cmd_convert,
		  { "convert", "--layout", "flat", "a", "b", NULL },
		  "no layout 'flat'" },
		{ cmd_convert, { "convert", "--compress", "gzip", "a", "b", NULL }, "gzip" },
		{ cmd_convert,
		  { "convert", "--layout", "xl", "--compress", "lz4", "a", "b", NULL },
		  "--compress is for --layout packed" },
		{ cmd_convert,
		  { "convert", "--layout", "mapped", "--out-key-file", "k", "a", "b", NULL },
		  "--out-key-file is for --layout packed" },
		{ cmd_convert,
		  { "convert", "--layout", "mapped", "a", "-", NULL },
		  "not for standard output" },
		{ cmd_convert, { "convert", "--json", "a", "-", NULL }, "standard output" },
		{ cmd_convert, { "convert", "--threads", "0", "a", "b", NULL }, "--threads" },
		{ cmd_convert, { "convert", "--bogus", "a", "b", NULL }, "bad option" },
		{ cmd_save, { "save", "g1", NULL }, "expected DOMAIN and FILE" },
		{ cmd_save, { "save", "--print-size", "g1", "a", NULL }, "expected DOMAIN" },
		{ cmd_save, { "save", "--layout", "flat", "g1", "a", NULL }, "no layout 'flat'" },
		{ cmd_save, { "save", "--compress", "lz4", "g1", "a", NULL }, "--layout packed" },
		{ cmd_save, { "save", "--key-file", "k", "g1", "a", NULL }, "--layout packed" },
		{ cmd_save, { "save", "--layout", "mapped", "g1", "-", NULL }, "for files" },
		{ cmd_save, { "save", "--json", "g1", "-", NULL }, "standard output" },
		{ cmd_save, { "save", "--audit", "g1", "-", NULL }, "give a file" },
		{ cmd_save, { "save", "--stop", "g1", "-", NULL }, "use --pause" },
		{ cmd_restore, { "restore", NULL }, "expected FILE" },
		{ cmd_restore, { "restore", "--threads", "65", "a", NULL }, "--threads" },
		{ cmd_verify, { "verify", "a", "b", NULL }, "expected FILE" },
		{ cmd_inspect, { "inspect", NULL }, "expected FILE" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(command(cases[i].cmd, "/dev/null", "stdout", cases[i].argv),
				 CMD_USAGE);
		assert_stderr(cases[i].text);
		assert_stderr("see --help");
	}
}

/* cat image | stillpoint convert - - > other, and back. */
static void standard_input_and_output_work(void **state)
{
	static const char *const pack[] = { "convert", "--compress", "lz4", "-", "-", NULL };
	static const char *const back[] = { "convert", "--layout", "xl", "-", "back", NULL };
	struct recorded *want, *have;

	(void)state;
	tiny_image_write("image");
	assert_int_equal(command(cmd_convert, "image", "packed", pack), 0);
	assert_int_equal(command(cmd_convert, "packed", "stdout", back), 0);
	want = recorded_read("image", NULL);
	have = recorded_read("packed", NULL);
	recorded_assert_equal(want, have);
	recorded_free(have);
	have = recorded_read("back", NULL);
	recorded_assert_equal(want, have);
	recorded_free(have);
	recorded_free(want);
}

static void json_tells_what_was_made(void **state)
{
	static const char *const argv[] = { "convert", "--json", "image", "other", NULL };
	json_object *o, *v;
	struct stat st;

	(void)state;
	tiny_image_write("image");
	assert_int_equal(command(cmd_convert, "/dev/null", "stdout", argv), 0);
	o = json_object_from_file("stdout");
	assert_non_null(o);
	assert_int_equal(stat("other", &st), 0);
	assert_true(json_object_object_get_ex(o, "bytes", &v));
	assert_int_equal(json_object_get_int64(v), st.st_size);
	assert_true(json_object_object_get_ex(o, "layout", &v));
	assert_string_equal(json_object_get_string(v), "packed");
	assert_true(json_object_object_get_ex(o, "pages", &v));
	assert_int_equal(json_object_get_int64(v), 1);
	json_object_put(o);
}

static void verify_tells_good_from_bad(void **state)
{
	static const char *const good[] = { "verify", "image", NULL };
	static const char *const json[] = { "verify", "--json", "image", NULL };
	static const char *const piped[] = { "verify", "-", NULL };
	json_object *o, *v;
	uint8_t *image;
	size_t size;

	(void)state;
	tiny_image_write("image");
	assert_int_equal(command(cmd_verify, "/dev/null", "stdout", good), CMD_OK);
	assert_int_equal(command(cmd_verify, "image", "stdout", piped), CMD_OK);
	assert_int_equal(command(cmd_verify, "/dev/null", "stdout", json), CMD_OK);
	image = tempdir_read("image", &size);
	image[size - 3000] ^= 1;
	tempdir_write("image", image, size);
	assert_int_equal(command(cmd_verify, "/dev/null", "stdout", good), CMD_FAILED);
	assert_stderr("digest does not match");
	assert_int_equal(command(cmd_verify, "/dev/null", "stdout", json), CMD_FAILED);
	o = json_object_from_file("stdout");
	assert_true(json_object_object_get_ex(o, "ok", &v));
	assert_false(json_object_get_boolean(v));
	assert_true(json_object_object_get_ex(o, "error", &v));
	assert_non_null(strstr(json_object_get_string(v), "digest does not match"));
	json_object_put(o);
	free(image);
}

static int64_t number(json_object *o, const char *key)
{
	json_object *v;

	assert_true(json_object_object_get_ex(o, key, &v));
	return json_object_get_int64(v);
}

/* Of sections there are those that the format wants, and all of them are told. */
static void check_sections(json_object *o)
{
	json_object *sections, *section, *v;
	bool vcpus = false, end = false;
	size_t i;

	assert_true(json_object_object_get_ex(o, "section_types", &sections));
	for (i = 0; i < json_object_array_length(sections); i++) {
		section = json_object_array_get_idx(sections, i);
		assert_true(json_object_object_get_ex(section, "type", &v));
		if (!strcmp(json_object_get_string(v), "VCPU")) {
			assert_int_equal(number(section, "count"), 3);
			assert_true(json_object_object_get_ex(section, "owner", &v));
			assert_string_equal(json_object_get_string(v), "state");
			vcpus = true;
		} else if (!strcmp(json_object_get_string(v), "END")) {
			assert_int_equal(number(section, "count"), 1);
			assert_int_equal(number(section, "bytes"), 32 + 16);
			end = true;
		}
	}
	assert_true(vcpus && end);
}

/* Someone may have put it in the place of an encrypted one. */
static void key_is_not_for_an_image_that_anyone_can_write(void **state)
{
	static const char *const verify[] = { "verify", "--key-file", KEY, "image", NULL };
	static const char *const inspect[] = { "inspect", "--key-file", KEY, "image", NULL };
	static const char *const restore[] = { "restore", "--key-file", KEY, "image", NULL };
	static const char *const convert_it[] = { "convert", "--key-file", KEY,
						  "image",   "other",	   NULL };
	struct image_options opts;
	size_t i;

	(void)state;
	for (i = 0; i < VARIANTS; i++) {
		if (variants[i].encrypted)
			continue;
		opts = options_of(&variants[i]);
		sample_image_write("image", &opts);
		assert_int_equal(command(cmd_verify, "/dev/null", "stdout", verify), CMD_FAILED);
		assert_stderr("the image is not encrypted, but a key was given");
		assert_int_equal(command(cmd_inspect, "/dev/null", "stdout", inspect), CMD_FAILED);
		assert_stderr("the image is not encrypted, but a key was given");
		assert_int_equal(command(cmd_restore, "/dev/null", "stdout", restore), CMD_FAILED);
		assert_stderr("the image is not encrypted, but a key was given");
		assert_int_equal(command(cmd_convert, "/dev/null", "stdout", convert_it),
				 CMD_FAILED);
		assert_stderr("the image is not encrypted, but a key was given");
		assert_int_not_equal(access("other", F_OK), 0);
	}
}

static int try_it(const struct restore *r)
{
	char *domain;
	int ret = restore_try(r, &domain);

	assert_int_equal(!domain, ret != 0);
	free(domain);
	return ret;
}

/* As before the disks of a backup are put back. */
static void key_is_not_for_an_open_image_in_a_backup(void **state)
{
	struct image_options plain = options_of(&variants[4]), closed = options_of(&variants[5]);
	struct restore r;

	(void)state;
	sample_image_write("image", &plain);
	restore_init(&r);
	r.path = "image";
	assert_works(try_it(&r));
	r.key_file = KEY;
	assert_fails(try_it(&r), "the image is not encrypted, but a key was given");
	sample_image_write("image", &closed);
	assert_works(try_it(&r));
	restore_free(&r);
}

static void inspect_shows_what_is_there(void **state)
{
	static const char *const json[] = { "inspect", "--json", "--key-file", KEY, "image", NULL };
	static const char *const text[] = { "inspect", "--key-file", KEY, "image", NULL };
	struct image_options opts = options_of(&variants[5]);
	json_object *o, *v, *pages;
	size_t size;
	char *out;

	(void)state;
	sample_image_write("image", &opts);
	assert_int_equal(command(cmd_inspect, "/dev/null", "stdout", json), CMD_OK);
	o = json_object_from_file("stdout");
	assert_true(json_object_object_get_ex(o, "encrypted", &v));
	assert_true(json_object_get_boolean(v));
	assert_true(json_object_object_get_ex(o, "pages", &pages));
	assert_int_equal(number(pages, "free"), SAMPLE_FREE);
	assert_int_equal(number(pages, "data") + number(pages, "zero") + number(pages, "free"),
			 SAMPLE_PAGES);
	assert_int_equal(number(o, "pfns"), SAMPLE_PFNS);
	assert_true(json_object_object_get_ex(o, "domain", &v));
	assert_int_equal(number(v, "vcpus"), 3);
	assert_int_equal(number(v, "max_vcpus"), 4);
	assert_int_equal(number(v, "memory_kib"), 2048);
	assert_true(json_object_object_get_ex(o, "xen", &v));
	assert_string_equal(json_object_get_string(v), "4.17");
	check_sections(o);
	json_object_put(o);
	assert_int_equal(command(cmd_inspect, "/dev/null", "stdout", text), CMD_OK);
	out = (char *)tempdir_read("stdout", &size);
	assert_non_null(memmem(out, size, "domain     sample\n", 18));
	assert_non_null(memmem(out, size, "packed, encrypted, the digest matches\n", 38));
	assert_non_null(memmem(out, size, "codecs zstd\n", 12));
	assert_non_null(memmem(out, size, "  VCPU             state             3 with ", 44));
	free(out);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_layout_becomes_every_other),
		TEST(saved_guest_survives_all_layouts),
		TEST(xl_image_comes_back_as_it_was),
		TEST(damaged_image_becomes_nothing),
		TEST(existing_file_is_kept),
		TEST(full_disk_leaves_nothing),
		TEST(signal_leaves_nothing),
		TEST(usage_is_checked),
		TEST(standard_input_and_output_work),
		TEST(json_tells_what_was_made),
		TEST(verify_tells_good_from_bad),
		TEST(key_is_not_for_an_image_that_anyone_can_write),
		TEST(key_is_not_for_an_open_image_in_a_backup),
		TEST(inspect_shows_what_is_there),
	};

	return cmocka_run_group_tests_name("convert", tests, NULL, NULL);
}
