// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "output.h"
#include "signals.h"
#include "tempdir.h"

/**
 * struct fault - what file systems do wrong
 * @name: only where this name is given or looked at; NULL for every one
 * @lost: a name is given, but the call fails with this error; 0 if it does not, so the rest
 * @refused: it is not given
 * @stat: it cannot be looked at
 * @sync: a directory cannot be brought to disk,
 * @syncs: but so many times before
 */
static struct fault {
	const char *name;
	int lost;
	int refused;
	int stat;
	int sync;
	unsigned int syncs;
} fault;

/* The error @error, if it is one of @name. */
static int fault_of(const char *name, int error)
{
	if (!error || (fault.name && strcmp(name, fault.name)))
		return 0;
	errno = error;
	return -1;
}

/* These stand in front of the C library's. */
int linkat(int from, const char *path, int to, const char *name, int flags)
{
	if (fault_of(name, fault.refused) || syscall(SYS_linkat, from, path, to, name, flags))
		return -1;
	return fault_of(name, fault.lost);
}

int renameat2(int from, const char *path, int to, const char *name, unsigned int flags)
{
	if (fault_of(name, fault.refused) || syscall(SYS_renameat2, from, path, to, name, flags))
		return -1;
	return fault_of(name, fault.lost);
}

int renameat(int from, const char *path, int to, const char *name)
{
	return renameat2(from, path, to, name, 0);
}

int fstatat(int dir, const char *name, struct stat *st, int flags)
{
	return fault_of(name, fault.stat) ? -1 : syscall(SYS_newfstatat, dir, name, st, flags);
}

int fsync(int fd)
{
	struct stat st;

	if (fault.sync && !fstat(fd, &st) && S_ISDIR(st.st_mode) && !fault.syncs--) {
		errno = fault.sync;
		return -1;
	}
	return syscall(SYS_fsync, fd);
}

static int setup(void **state)
{
	memset(&fault, 0, sizeof(fault));
	return tempdir_setup(state);
}

static void write_file(const char *path, bool replace, const char *text)
{
	struct output out;

	assert_works(output_open(&out, path, replace));
	assert_works(output_append(&out, text, strlen(text)));
	assert_works(output_sync(&out));
	assert_works(output_publish(&out));
	output_close(&out);
}

static void assert_content(const char *path, const char *text)
{
	tempdir_assert(path, text, strlen(text));
}

static void file_appears_when_published(void **state)
{
	struct output out;
	struct stat st;

	(void)state;
	assert_works(output_open(&out, "image", false));
	assert_works(output_append(&out, "abc", 3));
	assert_works(output_sync(&out));
	assert_int_not_equal(access("image", F_OK), 0);
	assert_works(output_publish(&out));
	output_close(&out);
	assert_content("image", "abc");
	assert_int_equal(tempdir_count("."), 1);
	assert_int_equal(stat("image", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* It is known before anything is written. */
static void name_without_room_beside_it_is_refused(void **state)
{
	struct output out;
	char name[256];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	assert_fails(output_open(&out, name, true), "too long to be replaced");
	assert_int_equal(tempdir_count("."), 0);
	write_file(name, false, "abc");
	assert_content(name, "abc");
	name[230] = '\0';
	write_file(name, true, "abc");
	write_file(name, true, "def");
	assert_content(name, "def");
}

static void nothing_is_left_when_it_is_not(void **state)
{
	struct output out;

	(void)state;
	assert_works(output_open(&out, "image", false));
	assert_works(output_append(&out, "abc", 3));
	assert_works(output_sync(&out));
	output_close(&out);
	assert_int_equal(tempdir_count("."), 0);
}

static void existing_file_is_kept_without_force(void **state)
{
	struct output out;

	(void)state;
	write_file("image", false, "old");
	assert_fails(output_open(&out, "image", false), "use --force");
	assert_content("image", "old");
	write_file("image", true, "new");
	assert_content("image", "new");
	assert_int_equal(tempdir_count("."), 1);
}

static void failed_replacement_keeps_the_old_file(void **state)
{
	struct output out;

	(void)state;
	write_file("image", false, "old");
	assert_works(output_open(&out, "image", true));
	assert_works(output_append(&out, "new", 3));
	output_close(&out);
	assert_content("image", "old");
	assert_int_equal(tempdir_count("."), 1);
}

static void file_that_appears_meanwhile_is_kept(void **state)
{
	struct output out;

	(void)state;
	assert_works(output_open(&out, "image", false));
	write_file("image", false, "other");
	assert_fails(output_publish(&out), "exists by now");
	output_close(&out);
	assert_content("image", "other");
	assert_int_equal(tempdir_count("."), 1);
}

static void other_kinds_of_files_are_refused(void **state)
{
	struct output out;

	(void)state;
	assert_int_equal(mkdir("dir", 0700), 0);
	assert_int_equal(symlink("nowhere", "link"), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_fails(output_open(&out, "dir", true), "not a regular file");
	assert_fails(output_open(&out, "link", true), "not a regular file");
	assert_fails(output_open(&out, "fifo", true), "not a regular file");
	assert_fails(output_open(&out, "dir/", true), "names a directory");
	assert_fails(output_open(&out, ".", true), "names a directory");
	assert_fails(output_open(&out, "", true), "names a directory");
	assert_fails(output_open(&out, "none/image", true), "cannot open the directory 'none'");
	write_file("dir/image", false, "x");
	assert_content("dir/image", "x");
}

static void stale_siblings_are_removed(void **state)
{
	char own[64];

	(void)state;
	/* Above the kernel's limit of process ids (proc(5), pid_max). */
	tempdir_write(".image.partial.4194305", "x", 1);
	tempdir_write(".image.partial.4194305x", "x", 1);
	tempdir_write(".other.partial.4194305", "x", 1);
	snprintf(own, sizeof(own), ".image.partial.%d", (int)getppid());
	tempdir_write(own, "x", 1);
	write_file("image", false, "abc");
	assert_int_not_equal(access(".image.partial.4194305", F_OK), 0);
	assert_int_equal(access(".image.partial.4194305x", F_OK), 0);
	assert_int_equal(access(".other.partial.4194305", F_OK), 0);
	assert_int_equal(access(own, F_OK), 0);
}

/* A file of "new" that is on disk, as where there are no files without a name if @temp. */
static void begin_file(struct output *out, const char *path, bool replace, bool temp)
{
	char self[64];

	assert_works(output_open(out, path, replace));
	assert_works(output_append(out, "new", 3));
	assert_works(output_sync(out));
	if (!temp || out->temp[0])
		return;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", out->fd);
	snprintf(out->temp, sizeof(out->temp), ".%s.partial.temp", path);
	assert_int_equal(linkat(AT_FDCWD, self, out->dir, out->temp, AT_SYMLINK_FOLLOW), 0);
}

static void name_whose_answer_is_lost_is_found(void **state)
{
	static const int errors[] = { EIO, ENOENT, EEXIST, EINVAL };
	struct output out;
	unsigned int i, how;

	(void)state;
	for (i = 0; i < 16; i++) {
		how = i & 3;
		if (how & 1)
			write_file("image", true, "old");
		begin_file(&out, "image", how & 1, how & 2);
		fault.lost = errors[i >> 2];
		assert_works(output_publish(&out));
		assert_true(out.named);
		fault.lost = 0;
		output_close(&out);
		assert_content("image", "new");
		assert_int_equal(tempdir_count("."), 1);
		unlink("image");
	}
}

static void file_of_another_is_not_taken_for_ours(void **state)
{
	struct output out;

	(void)state;
	begin_file(&out, "image", false, false);
	write_file("image", false, "other");
	fault.lost = EEXIST;
	assert_fails(output_publish(&out), "exists by now");
	assert_false(out.named);
	output_close(&out);
	assert_content("image", "other");
	assert_int_equal(tempdir_count("."), 1);
}

static void assert_not_both(bool replace, const struct fault *wrong, const char *text)
{
	struct output out, side;

	begin_file(&out, "image", replace, false);
	begin_file(&side, "side", false, false);
	fault = *wrong;
	assert_fails(output_publish_both(&out, &side), text);
	memset(&fault, 0, sizeof(fault));
	output_close(&side);
	output_close(&out);
}

static void side_file_without_an_image_is_taken_away(void **state)
{
	const struct fault refused = { .name = "image", .refused = EIO };
	const struct fault sync = { .sync = EIO, .syncs = 1 };

	(void)state;
	assert_not_both(false, &refused, "cannot name 'image'");
	assert_int_equal(tempdir_count("."), 0);
	assert_not_both(false, &sync, "cannot bring the directory");
	assert_int_equal(tempdir_count("."), 0);
	write_file("image", false, "old");
	assert_not_both(true, &refused, "cannot name 'image'");
	assert_content("image", "old");
	assert_int_equal(tempdir_count("."), 1);
}

/* What it replaced is gone by then. */
static void side_file_of_an_image_that_has_its_name_stays(void **state)
{
	const struct fault unknown = { .name = "image", .lost = EIO, .stat = EIO };
	const struct fault sync = { .sync = EIO, .syncs = 1 };
	const struct fault lost = { .lost = EIO };
	struct output out, side;

	(void)state;
	write_file("image", false, "old");
	begin_file(&out, "image", true, false);
	begin_file(&side, "side", false, false);
	fault = lost;
	assert_works(output_publish_both(&out, &side));
	memset(&fault, 0, sizeof(fault));
	output_close(&side);
	output_close(&out);
	assert_content("image", "new");
	assert_content("side", "new");
	unlink("side");
	assert_not_both(true, &sync, "cannot bring the directory");
	assert_content("side", "new");
	unlink("side");
	assert_not_both(true, &unknown, "cannot name 'image'");
	assert_content("side", "new");
	assert_content("image", "new");
	assert_int_equal(tempdir_count("."), 2);
}

/* Append 4 MiB, which fails with @why, there or when it is brought to disk. */
static void assert_no_room(struct output *out, const char *why)
{
	static char data[1 << 16];
	int i, ret = 0;

	msg_error_clear();
	for (i = 0; i < 64 && !ret; i++)
		ret = output_append(out, data, sizeof(data));
	assert_true(ret || out->direct);
	if (!ret)
		ret = output_sync(out);
	assert_int_equal(ret, -1);
	assert_non_null(strstr(msg_error_text(), "cannot write"));
	assert_non_null(strstr(msg_error_text(), why));
}

static void file_size_limit_is_an_error(void **state)
{
	struct rlimit old, small;
	struct output out;
	int direct;

	(void)state;
	signals_catch();
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 1500000;
	setrlimit(RLIMIT_FSIZE, &small);
	for (direct = 0; direct <= 1; direct++) {
		assert_works(output_open(&out, "image", false));
		if (direct)
			output_want_direct(&out);
		assert_no_room(&out, "File too large");
		output_close(&out);
		assert_int_equal(tempdir_count("."), 0);
	}
	setrlimit(RLIMIT_FSIZE, &old);
}

/* A file system of 1 MiB, seen by this process only. */
static bool mount_small(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return false;
	return mkdir("small", 0700) == 0 && mount("none", "small", "tmpfs", 0, "size=1m") == 0;
}

static void full_file_system_is_an_error(void **state)
{
	struct output out;
	int direct;

	(void)state;
	if (!mount_small()) {
		print_message("skipped: cannot mount a file system here\n");
		skip();
	}
	for (direct = 0; direct <= 1; direct++) {
		assert_works(output_open(&out, "small/image", false));
		if (direct)
			output_want_direct(&out);
		assert_fails(output_check_space(&out, 2 << 20), "1 MiB free");
		assert_works(output_check_space(&out, 500000));
		assert_no_room(&out, "No space left");
		output_close(&out);
		assert_int_equal(tempdir_count("small"), 0);
	}
	umount("small");
}

static void signal_stops_a_write(void **state)
{
	struct output out;

	(void)state;
	signals_catch();
	assert_works(output_open(&out, "image", false));
	assert_works(output_append(&out, "abc", 3));
	raise(SIGTERM);
	assert_fails(output_sync(&out), "signal 15");
	signals_reset();
	output_close(&out);
	assert_int_equal(tempdir_count("."), 0);
}

static void check_digest(bool direct)
{
	const size_t size = 3000001;
	XXH128_canonical_t want;
	uint8_t *data = malloc(size), digest[16];
	struct output out;
	size_t i;

	assert_non_null(data);
	for (i = 0; i < size; i++)
		data[i] = i * i >> 3;
	assert_works(output_open(&out, "image", true));
	assert_works(output_want_digest(&out));
	if (direct)
		output_want_direct(&out);
	assert_works(output_append(&out, data, 1));
	assert_works(output_append(&out, data + 1, 1999));
	assert_works(output_append(&out, data + 2000, size - 3000));
	assert_int_equal(!!out.direct, direct);
	assert_works(output_append(&out, data + size - 1000, 700));
	assert_works(output_flush(&out));
	assert_int_equal(lseek(out.fd, 0, SEEK_END), size - 300);
	assert_works(output_append(&out, data + size - 300, 300));
	assert_int_equal(out.length, size);
	assert_works(output_digest(&out, digest));
	XXH128_canonicalFromHash(&want, XXH3_128bits(data, size));
	assert_memory_equal(digest, want.digest, 16);
	assert_works(output_sync(&out));
	assert_works(output_publish(&out));
	output_close(&out);
	tempdir_assert("image", data, size);
	free(data);
}

static void digest_is_of_all_bytes(void **state)
{
	(void)state;
	check_digest(false);
	check_digest(true);
}

/* Setting it up takes longer than to write them. */
static void few_bytes_go_through_the_page_cache(void **state)
{
	static const char text[] = "abc";
	struct output out;

	(void)state;
	assert_works(output_open(&out, "image", false));
	output_want_direct(&out);
	assert_works(output_append(&out, text, 3));
	assert_works(output_sync(&out));
	assert_null(out.direct);
	assert_works(output_publish(&out));
	output_close(&out);
	assert_content("image", text);
}

/* Make @fd standard output; restore_stdout() with what it returns undoes it. */
static int replace_stdout(int fd)
{
	int saved = dup(STDOUT_FILENO);

	assert_true(saved >= 0 && dup2(fd, STDOUT_FILENO) >= 0);
	close(fd);
	return saved;
}

static void restore_stdout(int saved)
{
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	close(saved);
	signal(SIGPIPE, SIG_DFL);
	signals_reset();
}

static void minus_is_standard_output(void **state)
{
	char text[16] = "";
	struct output out;
	int fds[2], saved;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	saved = replace_stdout(fds[1]);
	assert_works(output_open(&out, "-", false));
	assert_works(output_check_space(&out, UINT64_MAX));
	assert_works(output_append(&out, "abc", 3));
	assert_works(output_append(&out, "def", 3));
	assert_works(output_sync(&out));
	assert_works(output_publish(&out));
	output_close(&out);
	restore_stdout(saved);
	assert_int_equal(read(fds[0], text, sizeof(text)), 6);
	assert_string_equal(text, "abcdef");
	assert_int_equal(read(fds[0], text, sizeof(text)), 0);
	close(fds[0]);
	assert_int_equal(tempdir_count("."), 0);
}

static void standard_output_may_be_a_file(void **state)
{
	struct output out;
	int saved;

	(void)state;
	saved = replace_stdout(open("file", O_CREAT | O_WRONLY, 0600));
	assert_works(output_open(&out, "-", false));
	assert_works(output_append(&out, "abc", 3));
	assert_works(output_sync(&out));
	assert_works(output_publish(&out));
	output_close(&out);
	restore_stdout(saved);
	assert_content("file", "abc");
	assert_int_equal(tempdir_count("."), 1);
}

static void terminal_is_refused(void **state)
{
	struct output out;
	int saved, fd;

	(void)state;
	fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	if (fd < 0) {
		print_message("skipped: no terminals here\n");
		skip();
	}
	saved = replace_stdout(fd);
	assert_fails(output_open(&out, "-", false), "nothing for a terminal");
	restore_stdout(saved);
}

static void reader_that_went_away_is_an_error(void **state)
{
	struct output out;
	int fds[2], saved;

	(void)state;
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(pipe(fds), 0);
	saved = replace_stdout(fds[1]);
	assert_works(output_open(&out, "-", false));
	close(fds[0]);
	assert_works(output_append(&out, "abc", 3));
	assert_fails(output_sync(&out), "cannot write standard output: Broken pipe");
	output_close(&out);
	/* Also where the command catches signals afterwards. */
	signals_catch();
	assert_works(output_open(&out, "-", false));
	signals_catch();
	assert_works(output_append(&out, "abc", 3));
	assert_fails(output_flush(&out), "cannot write standard output: Broken pipe");
	output_close(&out);
	restore_stdout(saved);
}

/* What is sent into the pipe comes out, though its writer may not wait. */
static void non_blocking_pipe_is_waited_for(void **state)
{
	const size_t size = 400000;
	uint8_t *data = calloc(1, size), *got = malloc(size);
	struct output out;
	int fds[2], saved, status;
	size_t n = 0;
	ssize_t part;
	pid_t pid;

	(void)state;
	assert_true(data && got && pipe(fds) == 0);
	data[size - 1] = 1;
	pid = fork();
	if (!pid) {
		close(fds[1]);
		usleep(50000);
		while ((part = read(fds[0], got + n, size - n)) > 0)
			n += part;
		_exit(n != size || memcmp(data, got, size));
	}
	close(fds[0]);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	saved = replace_stdout(fds[1]);
	assert_works(output_open(&out, "-", false));
	assert_works(output_append(&out, data, size));
	assert_works(output_sync(&out));
	output_close(&out);
	restore_stdout(saved);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	free(data);
	free(got);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, tempdir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file_appears_when_published),
		TEST(name_without_room_beside_it_is_refused),
		TEST(nothing_is_left_when_it_is_not),
		TEST(existing_file_is_kept_without_force),
		TEST(failed_replacement_keeps_the_old_file),
		TEST(file_that_appears_meanwhile_is_kept),
		TEST(other_kinds_of_files_are_refused),
		TEST(stale_siblings_are_removed),
		TEST(name_whose_answer_is_lost_is_found),
		TEST(file_of_another_is_not_taken_for_ours),
		TEST(side_file_without_an_image_is_taken_away),
		TEST(side_file_of_an_image_that_has_its_name_stays),
		TEST(file_size_limit_is_an_error),
		TEST(signal_stops_a_write),
		TEST(digest_is_of_all_bytes),
		TEST(few_bytes_go_through_the_page_cache),
		TEST(minus_is_standard_output),
		TEST(standard_output_may_be_a_file),
		TEST(terminal_is_refused),
		TEST(reader_that_went_away_is_an_error),
		TEST(non_blocking_pipe_is_waited_for),
		TEST(full_file_system_is_an_error),
	};

	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
