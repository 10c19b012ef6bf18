// SPDX-License-Identifier: GPL-2.0
/* What a restore does before and around xl: names, configurations, the pipe, the lock. */
#include "unit.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "feed.h"
#include "image_check.h"
#include "lock.h"
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

static void programs_are_run_and_judged(void **state)
{
	const char *const echo[] = { "sh", "-c", "echo out; echo err >&2", NULL };
	const char *const fails[] = { "sh", "-c", "exit 3", NULL };
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
	run.argv = dies;
	assert_fails(xl_run(&run), "signal 9");
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
		TEST(name_is_read_from_the_configuration),
		TEST(bad_configurations_are_refused),
		TEST(bad_names_are_refused),
		TEST(new_name_comes_with_a_new_uuid),
		TEST(pipe_has_the_new_header_and_the_old_stream),
		TEST(pipe_that_nobody_reads_ends),
		TEST(programs_are_run_and_judged),
		TEST(lock_is_exclusive_and_dies_with_its_holder),
	};

	return cmocka_run_group_tests_name("restore", tests, NULL, NULL);
}
