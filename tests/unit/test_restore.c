// SPDX-License-Identifier: GPL-2.0
/* What a restore does before and around xl: names, configurations, the pipe, the lock. */
#include "unit.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "feed.h"
#include "feed_image.h"
#include "image_check.h"
#include "lock.h"
#include "recorded.h"
#include "sample_image.h"
#include "signals.h"
#include "tempdir.h"
#include "tiny_image.h"
#include "xl.h"
#include "image/xl_format.h"

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	signals_catch();
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

static void name_is_read_from_the_configuration(void **state)
{
	char *name = config_name("{\"c_info\":{\"type\":\"pv\",\"name\":\"g1\"},\"b_info\":{}}");

	(void)state;
	assert_string_equal(name, "g1");
	free(name);
}

static void bad_configurations_are_refused(void **state)
{
	static const char *const bad[] = { "",
					   "{",
					   "[]",
					   "7",
					   "{}",
					   "{\"c_info\":7}",
					   "{\"c_info\":{}}",
					   "{\"c_info\":{\"name\":7}}",
					   "{\"c_info\":{\"name\":\"\"}}",
					   "{\"c_info\":{\"name\":\"a/b\"}}" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_fails(!config_name(bad[i]), "");
}

static void bad_names_are_refused(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[256] = '\0';
	assert_fails(config_check_name(name), "1 to 255");
	name[255] = '\0';
	assert_works(config_check_name(name));
	assert_fails(config_check_name(""), "1 to 255");
	assert_fails(config_check_name("12"), "number");
	assert_fails(config_check_name("a b"), "space");
	assert_fails(config_check_name("a/b"), "slash");
	assert_fails(config_check_name("a\n"), "control");
	assert_works(config_check_name("g1.copy-2_x"));
}

static void disk_is_moved_and_keeps_the_rest(void **state)
{
	const char *xvda = "\"vdev\":\"xvda\",\"pdev_path\":\"/a\",\"format\":\"raw\",\"script\":1";
	const char *xvdb = "\"vdev\":\"xvdb\",\"backend\":2,\"backend_domname\":\"s\"";
	char json[300];
	char *same, *moved, *other;

	(void)state;
	snprintf(json, sizeof(json), "{\"c_info\":{},\"disks\":[{%s},{%s}]}", xvda, xvdb);
	same = config_move_disk(json, "xvda", "/a", "raw");
	moved = config_move_disk(json, "xvda", "/c", "raw");
	other = config_move_disk(json, "xvda", "/a", "qcow2");
	assert_true(same && moved && other);
	assert_non_null(strstr(same, "\"script\":1"));
	assert_non_null(strstr(moved, "\"pdev_path\":\"/c\""));
	assert_null(strstr(moved, "script"));
	assert_non_null(strstr(moved, "\"backend\":2"));
	assert_non_null(strstr(other, "\"format\":\"qcow2\""));
	assert_null(strstr(other, "script"));
	free(other);
	/* Another domain's file of that name is not it. */
	assert_non_null(strstr(same, "backend_domname"));
	other = config_move_disk(json, "xvdb", "/a", "raw");
	assert_true(other && !strstr(other, "backend_domname"));
	assert_fails(!config_move_disk(json, "xvdc", "/c", "raw"), "no disk 'xvdc'");
	free(same);
	free(moved);
	free(other);
}

static void new_name_comes_with_a_new_uuid(void **state)
{
	const char *json =
		"{\"c_info\":{\"name\":\"g1\",\"uuid\":\"x\",\"a\":1},\"disks\":[{\"b\":\"/c\"}]}";
	char *one = config_rename(json, "g2"), *two = config_rename(json, "g2");
	json_object *a = json_tokener_parse(one), *info, *v;

	(void)state;
	assert_true(json_object_object_get_ex(a, "c_info", &info));
	assert_true(json_object_object_get_ex(info, "name", &v));
	assert_string_equal(json_object_get_string(v), "g2");
	assert_true(json_object_object_get_ex(info, "uuid", &v));
	assert_int_equal(strlen(json_object_get_string(v)), 36);
	assert_true(json_object_object_get_ex(info, "a", &v));
	assert_non_null(strstr(one, "\"/c\""));
	assert_string_not_equal(one, two);
	json_object_put(a);
	free(one);
	free(two);
}

static void devices_are_compared_and_nothing_else(void **state)
{
	static const char one[] = "{\"c_info\":{\"name\":\"a\"},\"b_info\":{\"m\":1},\"nics\":[],\n"
				  "\"disks\":[{\"v\":\"a\"},{\"v\":\"b\"}]}";

	(void)state;
	assert_true(config_same_devices(one, one));
	assert_true(config_same_devices(one, "{\"disks\":[{\"v\":\"a\"},{\"v\":\"b\"}]}"));
	assert_false(config_same_devices(one, "{\"disks\":[{\"v\":\"a\"}]}"));
	assert_false(config_same_devices("{\"disks\":[{\"v\":\"a\"}]}", one));
	assert_false(config_same_devices(one, "{\"disks\":[{\"v\":\"a\"},{\"v\":\"c\"}]}"));
	assert_false(config_same_devices(one, "{\"disks\":[{\"v\":\"a\"},{\"v\":\"b\"}],\n"
					      "\"nics\":[{\"mac\":\"0\"}]}"));
	assert_false(config_same_devices(one, "{}"));
	assert_false(config_same_devices("", one));
	assert_false(config_same_devices("[]", "[]"));
}

/* All that comes out of the pipe; *size bytes. */
static uint8_t *drain(int fd, size_t *size)
{
	uint8_t *data = malloc(1 << 16);
	ssize_t n;

	assert_non_null(data);
	*size = 0;
	while ((n = read(fd, data + *size, (1 << 16) - *size)) > 0)
		*size += n;
	assert_int_equal(n, 0);
	return data;
}

static void pipe_has_the_new_header_and_the_old_stream(void **state)
{
	size_t size, image_size;
	uint8_t *image = tiny_image_bytes(1, &image_size), *out;
	struct xl_header h;
	struct image_info info;
	struct feed feed;
	int fd;

	(void)state;
	tempdir_write("image", image, image_size);
	fd = open("image", O_RDONLY);
	assert_works(image_check(fd, &info));
	assert_works(feed_start(&feed, fd, info.stream, "{}"));
	out = drain(feed.fd, &size);
	feed_stop(&feed);
	memcpy(&h, out, sizeof(h));
	assert_memory_equal(h.magic, XL_MAGIC, 32);
	assert_int_equal(h.mandatory_flags, 3);
	assert_int_equal(h.optional_length, 7);
	assert_memory_equal(out + sizeof(h), "\3\0\0\0{}\0", 7);
	assert_int_equal(size - sizeof(h) - 7, image_size - info.stream);
	assert_memory_equal(out + sizeof(h) + 7, image + info.stream, image_size - info.stream);
	close(fd);
	free(info.config);
	free(image);
	free(out);
}

static void pipe_that_nobody_reads_ends(void **state)
{
	size_t size = 1 << 20;
	uint8_t *data = calloc(1, size);
	struct feed feed;
	int fd;

	(void)state;
	tempdir_write("big", data, size);
	fd = open("big", O_RDONLY);
	assert_works(feed_start(&feed, fd, 0, "{}"));
	feed_stop(&feed);
	close(fd);
	free(data);
}

static struct crypt_secret secret = { .data = (uint8_t *)"a secret", .size = 8 };

static const struct image_options layouts[] = {
	{ .layout = IMAGE_XL, .threads = 1 },
	{ .layout = IMAGE_MAPPED, .threads = 1 },
	{ .layout = IMAGE_PACKED, .compress = { STILLPOINT_CODEC_ZSTD, 1 }, .threads = 2 },
	{ .layout = IMAGE_PACKED, .secret = &secret, .threads = 1 },
};

#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

/* Begin to feed the file "image". */
static void start(struct feed_image *f)
{
	struct source_options opts = { .threads = 2, .secret = &secret };
	int fd = open("image", O_RDONLY);

	assert_works(feed_image_start(f, fd, &opts, NULL));
	close(fd);
}

/* What the reader of the pipe gets becomes the file @path. */
static void drain_to(int fd, const char *path)
{
	static uint8_t data[1 << 16];
	int out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0)
		assert_int_equal(write(out, data, n), n);
	assert_int_equal(n, 0);
	close(out);
}

static void every_layout_is_fed_as_that_of_xl(void **state)
{
	struct recorded *want = recorded_new(), *have;
	struct feed_image_result res;
	struct feed_image f;
	char *config;
	size_t i;

	(void)state;
	sample_image_give(&want->img);
	for (i = 0; i < LAYOUTS; i++) {
		sample_image_write("image", &layouts[i]);
		start(&f);
		assert_works(feed_image_config(&f, &config));
		assert_string_equal(config, want->config);
		free(config);
		assert_works(feed_image_go(&f, i % 2 ? NULL : want->config));
		drain_to(f.feed.fd, "fed");
		assert_works(feed_image_end(&f, false, &res));
		feed_image_stop(&f);
		assert_int_equal(res.pages, SAMPLE_PAGES);
		assert_true(res.digest);
		have = recorded_read("fed", NULL);
		recorded_assert_equal(want, have);
		recorded_free(have);
	}
	recorded_free(want);
}

static void fed_configuration_can_be_another(void **state)
{
	struct feed_image_result res;
	struct feed_image f;
	struct image_info info;
	char *config;
	int fd;

	(void)state;
	sample_image_write("image", &layouts[2]);
	start(&f);
	assert_works(feed_image_config(&f, &config));
	free(config);
	assert_works(feed_image_go(&f, "{\"another\":1}"));
	drain_to(f.feed.fd, "fed");
	assert_works(feed_image_end(&f, false, &res));
	feed_image_stop(&f);
	fd = open("fed", O_RDONLY);
	assert_works(image_check(fd, &info));
	assert_string_equal(info.config, "{\"another\":1}");
	free(info.config);
	close(fd);
}

/* Nothing that a restore would take as complete comes out; the image is what is blamed. */
static void damaged_image_is_fed_without_an_end(void **state)
{
	struct feed_image_result res;
	struct feed_image f;
	struct image_info info;
	uint8_t *image;
	char *config;
	size_t size, i;
	int fd;

	(void)state;
	for (i = 0; i < LAYOUTS; i++) {
		sample_image_write("image", &layouts[i]);
		image = tempdir_read("image", &size);
		/* Late, so that pages are passed on before; a mapped one's end is read first. */
		if (layouts[i].layout == IMAGE_MAPPED)
			image[40 * PAGE_BYTES] ^= 1;
		else
			image[size - 20] ^= 1;
		tempdir_write("image", image, size);
		free(image);
		start(&f);
		assert_works(feed_image_config(&f, &config));
		free(config);
		assert_works(feed_image_go(&f, NULL));
		drain_to(f.feed.fd, "fed");
		fd = open("fed", O_RDONLY);
		/* It may be so short that nothing of it was written yet. */
		assert_fails(image_check(fd, &info), "");
		close(fd);
		msg_error("'xl restore' failed");
		assert_int_equal(feed_image_end(&f, true, &res), -1);
		assert_non_null(strstr(msg_error_text(), "the image is"));
		feed_image_stop(&f);
	}
}

static void image_that_is_none_is_told_by_the_feed(void **state)
{
	struct feed_image f;
	char *config = NULL;

	(void)state;
	tempdir_write("image", "hello", 5);
	start(&f);
	assert_fails(feed_image_config(&f, &config), "this is no image");
	assert_null(config);
	feed_image_stop(&f);
}

static void key_is_not_for_an_open_image_in_the_feed(void **state)
{
	struct source_options opts = { .threads = 2, .secret = &secret, .must_decrypt = true };
	struct feed_image f;
	char *config = NULL;
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < LAYOUTS; i++) {
		sample_image_write("image", &layouts[i]);
		fd = open("image", O_RDONLY);
		assert_works(feed_image_start(&f, fd, &opts, NULL));
		close(fd);
		if (layouts[i].secret)
			assert_works(feed_image_config(&f, &config));
		else
			assert_fails(feed_image_config(&f, &config), "not encrypted, but a key");
		free(config);
		config = NULL;
		feed_image_stop(&f);
	}
}

static void wrong_key_is_told_by_the_feed(void **state)
{
	struct source_options opts = { .threads = 2 };
	struct feed_image f;
	char *config = NULL;
	int fd;

	(void)state;
	sample_image_write("image", &layouts[3]);
	fd = open("image", O_RDONLY);
	assert_works(feed_image_start(&f, fd, &opts, NULL));
	close(fd);
	assert_fails(feed_image_config(&f, &config), "encrypted");
	assert_null(config);
	feed_image_stop(&f);
}

/* xl failed by itself: that stays the error, and the feed ends. */
static void feed_has_nothing_to_say_about_a_right_image(void **state)
{
	struct feed_image_result res;
	struct feed_image f;
	char *config, byte;

	(void)state;
	sample_image_write("image", &layouts[2]);
	start(&f);
	assert_works(feed_image_config(&f, &config));
	free(config);
	assert_works(feed_image_go(&f, NULL));
	assert_int_equal(read(f.feed.fd, &byte, 1), 1);
	msg_error_clear();
	msg_error("'xl restore' failed");
	assert_int_equal(feed_image_end(&f, true, &res), 1);
	assert_string_equal(msg_error_text(), "'xl restore' failed");
	feed_image_stop(&f);
}

/* The clash of names is found before anything is passed on. */
static void feed_waits_until_it_is_told_to_go(void **state)
{
	struct feed_image f;
	char *config, byte;

	(void)state;
	sample_image_write("image", &layouts[1]);
	start(&f);
	assert_works(feed_image_config(&f, &config));
	free(config);
	assert_int_equal(fcntl(f.feed.fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(read(f.feed.fd, &byte, 1), -1);
	feed_image_stop(&f);
}

/* Begin to feed the file "image" out of a pipe that *pid writes. */
static void start_pipe(struct feed_image *f, pid_t *pid)
{
	struct source_options opts = { .threads = 1 };
	uint8_t *image;
	size_t size;
	int ends[2];

	image = tempdir_read("image", &size);
	assert_int_equal(pipe(ends), 0);
	*pid = fork();
	if (!*pid) {
		close(ends[0]);
		signal(SIGPIPE, SIG_IGN);
		_exit(write(ends[1], image, size) != (ssize_t)size);
	}
	close(ends[1]);
	free(image);
	assert_works(feed_image_start(f, ends[0], &opts, NULL));
	close(ends[0]);
}

static void image_out_of_a_pipe_is_fed(void **state)
{
	struct recorded *want = recorded_new(), *have;
	struct feed_image_result res;
	struct feed_image f;
	char *config;
	pid_t pid;

	(void)state;
	sample_image_give(&want->img);
	sample_image_write("image", &layouts[2]);
	start_pipe(&f, &pid);
	assert_works(feed_image_config(&f, &config));
	free(config);
	assert_works(feed_image_go(&f, NULL));
	drain_to(f.feed.fd, "fed");
	assert_works(feed_image_end(&f, false, &res));
	feed_image_stop(&f);
	waitpid(pid, NULL, 0);
	have = recorded_read("fed", NULL);
	recorded_assert_equal(want, have);
	recorded_free(have);
	recorded_free(want);
}

/* What the guest has in tmem would be lost. */
static void image_with_a_side_file_is_not_fed(void **state)
{
	static const struct image_options with_side = { .layout = IMAGE_XL, .side = true };
	struct feed_image f;
	char *config = NULL;
	pid_t pid;

	(void)state;
	sample_image_write("image", &with_side);
	start_pipe(&f, &pid);
	assert_fails(feed_image_config(&f, &config), "its tmem pools are in a side file");
	assert_null(config);
	feed_image_stop(&f);
	waitpid(pid, NULL, 0);
}

static void programs_are_run_and_judged(void **state)
{
	const char *const echo[] = { "sh", "-c", "echo out; echo err >&2", NULL };
	const char *const fails[] = { "sh", "-c", "exit 3", NULL };
	const char *const chatty[] = { "sh", "-c", "echo no good >&2; exit 4", NULL };
	const char *const reads[] = { "sh", "-c", "cat", NULL };
	const char *const dies[] = { "sh", "-c", "kill -9 $$", NULL };
	const char *const none[] = { "/nonexistent/xl", "restore", NULL };
	struct xl_run run = { .argv = echo, .keep_output = true };

	(void)state;
	assert_works(xl_run(&run));
	assert_string_equal(run.output, "out\n");
	free(run.output);
	run.keep_output = false;
	run.argv = fails;
	assert_fails(xl_run(&run), "exit status 3");
	assert_false(run.killed);
	run.argv = chatty;
	run.keep_messages = true;
	assert_fails(xl_run(&run), "exit status 4");
	assert_string_equal(run.messages, "no good\n");
	xl_show_messages(&run, false);
	assert_null(run.messages);
	run.keep_messages = false;
	run.no_input = true;
	run.argv = reads;
	assert_works(xl_run(&run));
	assert_null(run.messages);
	run.argv = dies;
	assert_fails(xl_run(&run), "signal 9");
	assert_true(run.killed);
	run.argv = none;
	assert_fails(xl_run(&run), "cannot run xl");
}

static void lock_is_exclusive_and_dies_with_its_holder(void **state)
{
	int ends[2], lock, status;
	char byte;
	pid_t pid;

	(void)state;
	assert_false(lock_held("locks", 7));
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		lock = lock_take("locks", 7);
		_exit(lock < 0 || write(ends[1], "x", 1) != 1 || pause());
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_true(lock_held("locks", 7));
	assert_false(lock_held("locks", 8));
	assert_fails(lock_take("locks", 7) < 0, "another stillpoint");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_false(lock_held("locks", 7));
	lock = lock_take("locks", 7);
	assert_true(lock >= 0);
	/* The one who holds it in this process is seen as well. */
	assert_true(lock_held("locks", 7));
	assert_fails(lock_take("locks", 7) < 0, "another stillpoint");
	close(lock);
	close(ends[0]);
	close(ends[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(devices_are_compared_and_nothing_else),
		TEST(name_is_read_from_the_configuration),
		TEST(bad_configurations_are_refused),
		TEST(bad_names_are_refused),
		TEST(disk_is_moved_and_keeps_the_rest),
		TEST(new_name_comes_with_a_new_uuid),
		TEST(pipe_has_the_new_header_and_the_old_stream),
		TEST(pipe_that_nobody_reads_ends),
		TEST(every_layout_is_fed_as_that_of_xl),
		TEST(fed_configuration_can_be_another),
		TEST(damaged_image_is_fed_without_an_end),
		TEST(image_that_is_none_is_told_by_the_feed),
		TEST(key_is_not_for_an_open_image_in_the_feed),
		TEST(wrong_key_is_told_by_the_feed),
		TEST(feed_has_nothing_to_say_about_a_right_image),
		TEST(feed_waits_until_it_is_told_to_go),
		TEST(image_out_of_a_pipe_is_fed),
		TEST(image_with_a_side_file_is_not_fed),
		TEST(programs_are_run_and_judged),
		TEST(lock_is_exclusive_and_dies_with_its_holder),
	};

	return cmocka_run_group_tests_name("restore", tests, NULL, NULL);
}
