// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backup.h"
#include "disk_extent.h"
#include "disk_file.h"
#include "domain_file.h"
#include "folder.h"
#include "manifest.h"
#include "qcow2.h"
#include "signals.h"
#include "tempdir.h"

#define PFNS 1500

/* Copies the disks as a hook does it; told what it is called for. */
#define COPY                                                                        \
	"echo $STILLPOINT_ACTION $STILLPOINT_QUIESCED $STILLPOINT_DOMID >>actions;" \
	"test $STILLPOINT_ACTION = snapshot || exit 0;"                             \
	"echo \"$STILLPOINT_DISKS\" | while read v f p; do cp \"$p\" \"$STILLPOINT_TARGET/$v.img\"; done"

static const char *const disk_files[] = { "one disk", "two", NULL };

/* What fails: bringing a directory to disk, and renaming what may take another's place. */
static bool fail_sync;
static bool fail_rename;

/* These stand in front of the C library's. */
int fsync(int fd)
{
	struct stat st;

	if (!fail_sync || fstat(fd, &st) || !S_ISDIR(st.st_mode))
		return syscall(SYS_fsync, fd);
	errno = EIO;
	return -1;
}

int renameat(int from, const char *path, int to, const char *name)
{
	if (!fail_rename)
		return syscall(SYS_renameat2, from, path, to, name, 0);
	errno = EROFS;
	return -1;
}

static struct machine *m;
static struct freeze_options freeze;
static struct backup_options opts;
static struct backup_result res;

static int setup(void **state)
{
	(void)state;
	tempdir_enter();
	signals_catch();
	signals_reset();
	msg_error_clear();
	tempdir_write("one disk", "first disk", 10);
	tempdir_write("two", "second", 6);
	m = machine_build(PFNS);
	m->disk_files = disk_files;
	m->unanswered = 3;
	freeze_options_init(&freeze);
	freeze.lock_dir = "locks";
	freeze.prepare_ms = 100;
	memset(&opts, 0, sizeof(opts));
	opts.path = "backup";
	opts.memory = true;
	opts.hook.command = COPY;
	opts.hook.timeout_ms = 20000;
	opts.save.park_timeout_ms = 200;
	opts.save.deadline_ms = 200;
	opts.save.staging = UINT64_C(1) << 30;
	opts.save.track = &tracker_none;
	opts.save.threads = 2;
	opts.save.max_rounds = 10;
	opts.save.image.layout = IMAGE_PACKED;
	opts.save.image.compress.codec = STILLPOINT_CODEC_ZSTD;
	opts.save.image.compress.level = 1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(m->mapped, 0);
	assert_int_equal(m->channels, 0);
	assert_int_equal(m->pauses, 0);
	assert_int_equal(m->quiesce.open, 0);
	assert_int_not_equal(m->quiesce.guest.state, STILLPOINT_QUIESCE_FROZEN);
	assert_int_not_equal(machine_guest_half(m)->state, STILLPOINT_STATE_PARKED);
	machine_free(m);
	tempdir_leave();
	signals_reset();
	msg_error_clear();
	return 0;
}

static void assert_text(const char *path, const char *want)
{
	size_t size;
	char *text = (char *)tempdir_read(path, &size);

	assert_int_equal(size, strlen(want));
	assert_memory_equal(text, want, size);
	free(text);
}

/* No backup, and nothing of one. */
static void assert_nothing(void)
{
	assert_int_equal(access("backup", F_OK), -1);
	unlink("actions");
	unlink("locks/7.quiesce.lock");
	rmdir("locks");
	assert_int_equal(tempdir_count("."), 2);
}

static int open_backup(void)
{
	int dir = open("backup", O_RDONLY | O_DIRECTORY);

	assert_true(dir >= 0);
	return dir;
}

static void assert_backup(unsigned int files)
{
	struct manifest manifest;
	int dir = open_backup();

	assert_works(manifest_read(&manifest, dir));
	assert_works(manifest_check(&manifest, dir));
	assert_string_equal(manifest.domain, "file");
	assert_int_equal(manifest.disks.n, 2);
	assert_string_equal(manifest.disks.disk[0].vdev, "xvda");
	assert_string_equal(strrchr(manifest.disks.disk[0].path, '/'), "/one disk");
	assert_string_equal(manifest.files[1].name, "xvdb.img");
	assert_int_equal(manifest.files[1].bytes, 6);
	assert_true(manifest.quiesced == !!opts.save.freeze);
	assert_int_equal(*manifest.memory.name != '\0', opts.memory);
	manifest_free(&manifest);
	close(dir);
	assert_text("backup/xvda.img", "first disk");
	assert_text("backup/xvdb.img", "second");
	assert_int_equal(tempdir_count("backup"), files);
}

static int backup(void)
{
	return backup_run(&m->dom, &opts, &res);
}

static void test_memory_and_disks(void **state)
{
	(void)state;
	assert_works(backup());
	assert_backup(5);
	assert_text("actions", "snapshot 0 7\ncollect 0 7\ndrop 0 7\n");
	assert_int_equal(res.disks, 2);
	assert_int_equal(m->unanswered, 0);
	assert_int_equal(m->quiesce.rounds, 0);
}

static void test_quiesced(void **state)
{
	(void)state;
	opts.save.freeze = &freeze;
	assert_works(backup());
	assert_backup(5);
	assert_text("actions", "snapshot 1 7\ncollect 1 7\ndrop 1 7\n");
	assert_int_equal(res.frozen, 2);
	assert_int_equal(m->quiesce.thaws, 1);
}

static void test_disks_only(void **state)
{
	(void)state;
	opts.save.freeze = &freeze;
	opts.memory = false;
	assert_works(backup());
	assert_backup(4);
	assert_int_equal(m->total_pauses, 0);
	assert_int_equal(m->quiesce.thaws, 1);
}

static void test_exists(void **state)
{
	(void)state;
	assert_works(mkdir("backup", 0700));
	assert_fails(backup(), "exists");
	assert_int_equal(m->total_pauses, 0);
	assert_int_equal(tempdir_count("backup"), 0);
	rmdir("backup");
	assert_nothing();
}

static void check_hook(const char *command, const char *text)
{
	opts.hook.command = command;
	assert_fails(backup(), text);
	assert_nothing();
}

static void attach_disk(const char *phase)
{
	static const char *const files[] = { "one disk", "two", "one disk", NULL };

	if (!strcmp(phase, SAVE_REQUESTING))
		m->disk_files = files;
}

static void swap_disk(const char *phase)
{
	static const char *const files[] = { "two", "one disk", NULL };

	if (!strcmp(phase, SAVE_REQUESTING))
		m->disk_files = files;
}

/* What the guest has at the park must be what the backup has. */
static void test_disks_change(void **state)
{
	(void)state;
	opts.save.phase = attach_disk;
	assert_fails(backup(), "disks have changed");
	assert_text("actions", "drop 0 7\n");
	assert_nothing();
	m->disk_files = disk_files;
	opts.save.phase = swap_disk;
	assert_fails(backup(), "disks have changed");
	assert_nothing();
}

/* Whenever it fails, the guest runs on, and the hook may clean up. */
static void test_hook_fails(void **state)
{
	(void)state;
	check_hook("exit 3", "exit status 3");
	check_hook("test $STILLPOINT_ACTION = snapshot || exit 4", "exit status 4");
	check_hook("test $STILLPOINT_ACTION != drop || exit 5", "exit status 5");
	check_hook("exit 0", "made no copy of the disk xvda");
	check_hook("mkdir -p $STILLPOINT_TARGET/xvda.img", "no regular file");
	check_hook("test $STILLPOINT_ACTION != snapshot || mkfifo $STILLPOINT_TARGET/xvda.qcow2",
		   "the disk hook's copy of xvda is no regular file");
	check_hook("ln -sf /etc/passwd $STILLPOINT_TARGET/xvda.img", "no regular file");
}

static void test_hook_hangs(void **state)
{
	(void)state;
	opts.hook.timeout_ms = 300;
	check_hook("test $STILLPOINT_ACTION = drop || sleep 600", "did not end within");
	opts.save.freeze = &freeze;
	opts.memory = false;
	check_hook("test $STILLPOINT_ACTION = drop || sleep 600", "did not end within");
	assert_int_equal(m->quiesce.thaws, 1);
}

static void test_hook_is_interrupted(void **state)
{
	char command[128];

	(void)state;
	snprintf(
		command, sizeof(command),
		"echo $STILLPOINT_ACTION >>actions; test $STILLPOINT_ACTION = drop || { kill -INT %d; sleep 600; }",
		getpid());
	opts.hook.command = command;
	assert_fails(backup(), "interrupted");
	assert_text("actions", "snapshot\ndrop\n");
	assert_nothing();
}

/* The guest woke up by itself while the hook ran: the disks are of no one instant. */
static void test_park_ends_early(void **state)
{
	(void)state;
	m->module = MODULE_LEAVES;
	check_hook(COPY, "left its park by itself");
}

static void test_not_drained(void **state)
{
	(void)state;
	m->fail_op = OP_UNANSWERED;
	check_hook(COPY, "block requests");
}

static void test_not_frozen(void **state)
{
	(void)state;
	opts.save.freeze = &freeze;
	m->quiesce.module = QUIESCE_ENDS;
	m->quiesce.result = STILLPOINT_QUIESCE_NO_AGENT;
	check_hook(COPY, "stillpoint-agent");
	assert_int_equal(m->total_pauses, 0);
	opts.memory = false;
	check_hook(COPY, "stillpoint-agent");
}

static void on_pause_break(struct machine *mach)
{
	quiesce_fake_end(&mach->quiesce, STILLPOINT_QUIESCE_AGENT_GONE);
}

static void test_freeze_breaks(void **state)
{
	(void)state;
	opts.save.freeze = &freeze;
	m->on_pause = on_pause_break;
	check_hook(COPY, "the agent in the guest ended");
}

static char phases[512];

static void on_phase(const char *name)
{
	snprintf(phases + strlen(phases), sizeof(phases) - strlen(phases), "%s ", name);
}

static void assert_phases(const char *some)
{
	if (!strstr(phases, some))
		fail_msg("phases are '%s', expected '%s' in it", phases, some);
}

/* What is written while it freezes is copied in a round of its own. */
static void test_order(void **state)
{
	(void)state;
	machine_track(m);
	phases[0] = '\0';
	opts.save.track = &tracker_guest;
	opts.save.freeze = &freeze;
	opts.save.max_rounds = 1;
	opts.save.phase = on_phase;
	assert_works(backup());
	assert_backup(5);
	assert_phases("round 1 freezing frozen harvested round 2 requesting parked");
	assert_phases("parked draining disk hook paused copying copied flipped running thawed");
	assert_int_equal(res.save.nrounds, 2);
}

/* The guest is paused for good: it is told to thaw, and nobody waits for that. */
static void test_stays_paused(void **state)
{
	(void)state;
	opts.save.freeze = &freeze;
	opts.save.path = "image";
	opts.save.after = SAVE_PAUSE;
	assert_works(save_run(&m->dom, &opts.save, &res.save));
	assert_int_equal(m->pauses, 1);
	assert_int_equal(m->quiesce.host.thaw, m->quiesce.host.request);
	m->dom.ops->unpause(&m->dom);
}

static void test_parking_fails(void **state)
{
	(void)state;
	opts.save.freeze = &freeze;
	m->module = MODULE_FAILS;
	m->error = 12;
	check_hook(COPY, "could not park");
	assert_int_equal(m->quiesce.thaws, 1);
}

/* kill -9 leaves nothing under the name, and the next backup removes what is left. */
static void test_killed(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	opts.hook.command = "touch there; exec sleep 600";
	pid = fork();
	if (!pid) {
		backup();
		_exit(0);
	}
	while (access("there", F_OK))
		usleep(1000);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unlink("there");
	assert_int_equal(access("backup", F_OK), -1);
	assert_int_equal(tempdir_count("."), 3);
	opts.hook.command = COPY;
	/* The memory of the guest was shared with the other process. */
	machine_pass_deadline(m);
	while (machine_guest_half(m)->state != STILLPOINT_STATE_IDLE)
		usleep(1000);
	assert_works(backup());
	assert_backup(5);
	unlink("actions");
	assert_int_equal(tempdir_count("."), 3);
}

/* A manifest that was changed on the way. */
static void change(const char *from, const char *to, const char *error)
{
	struct manifest manifest;
	int dir = open_backup();
	size_t size, len;
	char *text, *at, *changed;

	text = (char *)tempdir_read("backup/" MANIFEST_NAME, &size);
	text[size] = '\0';
	changed = calloc(1, size + 512);
	at = strstr(text, from);
	assert_non_null(at);
	len = at - text;
	memcpy(changed, text, len);
	strcpy(changed + len, to);
	strcat(changed, at + strlen(from));
	tempdir_write("backup/" MANIFEST_NAME, changed, strlen(changed));
	assert_fails(manifest_read(&manifest, dir), error);
	manifest_free(&manifest);
	tempdir_write("backup/" MANIFEST_NAME, text, size);
	free(changed);
	free(text);
	close(dir);
}

static void test_hostile_manifest(void **state)
{
	(void)state;
	assert_works(backup());
	change("{", "", "no JSON object");
	change("\"stillpoint_backup\":1", "\"stillpoint_backup\":2", "version 2");
	change("\"stillpoint_backup\":1", "\"x\":1", "no backup");
	change("\"domain\":\"file\"", "\"domain\":\"../x\"", "cannot be a domain's name");
	change("\"xvda.img\"", "\"../xvda.img\"", "no name");
	change("\"xvda.img\"", "\"/etc/passwd\"", "no name");
	change("\"xvda.img\"", "\".hidden\"", "no name");
	change("\"xvda.img\"", "[]", "no name");
	change("\"xvda\"", "\"xvdb\"", "a disk has no name");
	change("\"xvda\"", "\"xv/da\"", "a disk has no name");
	change("\"xvdb\"", "\"xvda\"", "a disk has no name");
	change("\"raw\"", "\"vmdk\"", "no format");
	change("\"disks\":[", "\"disks\":{},\"x\":[", "no disks");
	change("\"path\":\"/", "\"path\":\"", "no place");
	change("\"bytes\":6", "\"bytes\":-6", "no size");
	change("\"bytes\":6", "\"bytes\":\"6\"", "no size");
	change("\"sha256\":\"", "\"sha256\":\"g", "no digest");
}

static void test_damage(void **state)
{
	struct manifest manifest;
	int dir;

	(void)state;
	assert_works(backup());
	dir = open_backup();
	assert_works(manifest_read(&manifest, dir));
	tempdir_write("backup/xvdb.img", "sEcond", 6);
	assert_fails(manifest_check(&manifest, dir), "'xvdb.img' of the backup is damaged");
	tempdir_write("backup/xvdb.img", "second+", 7);
	assert_fails(manifest_check(&manifest, dir), "has 7 bytes, its manifest says 6");
	unlink("backup/xvdb.img");
	assert_fails(manifest_check(&manifest, dir), "cannot open 'xvdb.img'");
	assert_int_equal(symlink("two", "backup/xvdb.img"), 0);
	assert_fails(manifest_check(&manifest, dir), "cannot open 'xvdb.img'");
	unlink("backup/xvdb.img");
	assert_int_equal(mkfifo("backup/xvdb.img", 0600), 0);
	assert_fails(manifest_check(&manifest, dir), "no regular file");
	manifest_free(&manifest);
	close(dir);
}

/* As sha256sum has it; FIPS 180-2, appendix B.1. */
static void test_digest(void **state)
{
	struct manifest_file file;
	int dir = open(".", O_RDONLY | O_DIRECTORY);

	(void)state;
	tempdir_write("abc", "abc", 3);
	assert_works(manifest_measure(&file, dir, "abc"));
	assert_string_equal(file.sha256,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	close(dir);
}

/* Half a copy is none, though the hook says that all is well. */
static void test_short_copy(void **state)
{
	(void)state;
	check_hook("test $STILLPOINT_ACTION != snapshot || { "
		   "printf firs >$STILLPOINT_TARGET/xvda.img;"
		   "printf second >$STILLPOINT_TARGET/xvdb.img; }",
		   "the disk hook's copy of xvda has 4 bytes, the disk has 10");
}

/* The header of a qcow2 file, big endian. */
static void check_qcow2(uint32_t version, uint64_t backing, uint64_t incompatible, const char *want)
{
	uint8_t h[104] = { 'Q', 'F', 'I', 0xfb };
	int fd;

	h[7] = version;
	h[15] = backing;
	h[79] = incompatible;
	tempdir_write("disk.qcow2", h, sizeof(h));
	fd = open("disk.qcow2", O_RDONLY);
	assert_true(fd >= 0);
	if (want)
		assert_fails(qcow2_check(fd, "disk.qcow2"), want);
	else
		assert_works(qcow2_check(fd, "disk.qcow2"));
	close(fd);
	assert_int_equal(unlink("disk.qcow2"), 0);
}

static void test_qcow2(void **state)
{
	(void)state;
	check_qcow2(3, 0, 0, NULL);
	check_qcow2(3, 0, 1, NULL);
	/* In version 2 there is something else. */
	check_qcow2(2, 0, 4, NULL);
	check_qcow2(3, 104, 0, "'disk.qcow2' has a backing file");
	check_qcow2(2, 72, 0, "'disk.qcow2' has a backing file");
	check_qcow2(3, 0, 4, "'disk.qcow2' has its data in another file");
	check_qcow2(4, 0, 0, "no qcow2 file");
	check_qcow2(1, 0, 0, "no qcow2 file");
}

static void test_extents(void **state)
{
	struct disk_extent a, b;

	(void)state;
	assert_int_equal(symlink("two", "link"), 0);
	assert_int_equal(disk_extent_of("two", &a), 0);
	assert_int_equal(disk_extent_of("link", &b), 0);
	assert_true(disk_extent_same(&a, &b) && disk_extent_overlap(&a, &b));
	assert_int_equal(disk_extent_of("one disk", &b), 0);
	assert_false(disk_extent_same(&a, &b) || disk_extent_overlap(&a, &b));
	assert_int_equal(disk_extent_of("nothing", &b), -1);
	b = a;
	b.start = 4096;
	assert_true(disk_extent_overlap(&a, &b));
	assert_false(disk_extent_same(&a, &b));
	a.end = 4096;
	assert_false(disk_extent_overlap(&a, &b) || disk_extent_overlap(&b, &a));
	a.end = 4097;
	assert_true(disk_extent_overlap(&a, &b) && disk_extent_overlap(&b, &a));
	assert_int_equal(unlink("link"), 0);
}

static void test_folder(void **state)
{
	struct folder folder;

	(void)state;
	assert_fails(folder_begin(&folder, ""), "cannot be the name");
	folder_close(&folder);
	assert_fails(folder_begin(&folder, ".."), "cannot be the name");
	folder_close(&folder);
	assert_fails(folder_begin(&folder, "/"), "cannot be the name");
	folder_close(&folder);
	assert_fails(folder_begin(&folder, "no/where"), "cannot open the directory");
	folder_close(&folder);
	/* What another process is at work on stays. */
	assert_int_equal(mkdir(".f.partial.1", 0700), 0);
	assert_works(folder_begin(&folder, "f///"));
	assert_int_equal(mkdirat(folder.fd, "deep", 0700), 0);
	assert_int_equal(access(".f.partial.1", F_OK), 0);
	/* Somebody else was faster. */
	assert_int_equal(mkdir("f", 0700), 0);
	assert_fails(folder_publish(&folder), "File exists");
	rmdir("f");
	assert_works(folder_publish(&folder));
	folder_close(&folder);
	assert_int_equal(access("f/deep", F_OK), 0);
	assert_works(folder_begin(&folder, "g"));
	assert_int_equal(mkdirat(folder.fd, "deep", 0700), 0);
	folder_close(&folder);
	assert_int_equal(tempdir_count("."), 4);
}

/* Where the directory cannot be brought to disk. */
static void test_folder_that_may_not_last(void **state)
{
	struct folder folder;

	(void)state;
	assert_works(folder_begin(&folder, "f"));
	assert_int_equal(mkdirat(folder.fd, "deep", 0700), 0);
	fail_sync = true;
	assert_fails(folder_publish(&folder), "cannot bring the directory of 'f' to disk");
	assert_int_equal(access("f", F_OK), -1);
	folder_close(&folder);
	assert_int_equal(tempdir_count("."), 2);
	assert_works(folder_begin(&folder, "f"));
	fail_rename = true;
	assert_fails(folder_publish(&folder), "stays");
	fail_sync = false;
	fail_rename = false;
	folder_close(&folder);
	assert_int_equal(access("f", F_OK), 0);
	assert_int_equal(tempdir_count("."), 3);
}

static void test_disk_file(void **state)
{
	int from;

	(void)state;
	tempdir_write("copy", "0123456789", 10);
	from = open("copy", O_RDONLY);
	assert_works(disk_file_check("new", 10, false));
	assert_works(disk_file_write("new", from, 10, false));
	assert_text("new", "0123456789");
	/* What exists is overwritten in place, if at all, and gets the right length. */
	assert_fails(disk_file_check("two", 10, false), "--force");
	assert_works(disk_file_check("two", 10, true));
	assert_fails(disk_file_write("two", from, 10, false), "exists");
	tempdir_write("two", "a longer disk than this", 23);
	assert_int_equal(link("two", "other"), 0);
	assert_works(disk_file_write("two", from, 10, true));
	assert_text("other", "0123456789");
	assert_fails(disk_file_check(".", 10, true), "neither a file");
	assert_fails(disk_file_check("none/new", 10, true), "none/");
	assert_fails(disk_file_check("/dev/no-such-volume", 10, true), "there is no device");
	/* The only copy is not lost for a wrong name. */
	assert_int_equal(link("copy", "same"), 0);
	assert_fails(disk_file_write("same", from, 10, true), "the copy itself");
	assert_text("copy", "0123456789");
	close(from);
	/* Holes stay holes. */
	from = open("sparse", O_RDWR | O_CREAT, 0600);
	assert_int_equal(ftruncate(from, 64 << 20), 0);
	assert_int_equal(pwrite(from, "x", 1, 32 << 20), 1);
	assert_works(disk_file_write("holes", from, 64 << 20, false));
	close(from);
	{
		struct stat st;
		size_t size;
		uint8_t *data;

		assert_int_equal(stat("holes", &st), 0);
		assert_int_equal(st.st_size, 64 << 20);
		assert_true(st.st_blocks * 512 < 8 << 20);
		data = tempdir_read("holes", &size);
		assert_int_equal(data[32 << 20], 'x');
		assert_int_equal(data[(64 << 20) - 1], 0);
		free(data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_memory_and_disks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quiesced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disks_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exists, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disks_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hook_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hook_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hook_is_interrupted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_park_ends_early, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_drained, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_frozen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_freeze_breaks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stays_paused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parking_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_manifest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_digest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folder_that_may_not_last, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_qcow2, setup, teardown),
		cmocka_unit_test_setup_teardown(test_extents, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
